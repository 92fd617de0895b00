"""Each backbone of stock layers, built once; tests that change a network build their own.

Those that need an extra, and TensorFlow with it, have their own files.
"""

import keras
import pytest

from kbin.catalogue import BACKBONES, Backbone
from kbin.models.builders import build_backbone
from tests.networks import calibrate, random_images


@pytest.fixture(scope="session", params=[row for row in BACKBONES if not row.extra], ids=lambda backbone: backbone.name)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return request.param


@pytest.fixture(scope="session")
def network(backbone: Backbone) -> keras.Model:
    """The backbone with random weights, and BatchNorm that fits random images."""
    keras.utils.set_random_seed(0)
    model = build_backbone(backbone.name, weights="none", image_size=32)
    calibrate(model, random_images(16, seed=99))
    return model
