"""The module that is exported has channels first wherever kbin built the model, with all of its weights."""

import keras
import numpy as np
import pytest
import torch

import kbin
from kbin.catalogue import BACKBONES
from kbin.deploy.inference_network import inference_network
from tests.networks import calibrated_classifier, random_images


@pytest.mark.parametrize("backbone", [row.name for row in BACKBONES if row.channels_first])
def test_every_backbone_is_turned_also_where_keras_counted_its_names_on(backbone):
    kbin.build_classifier(backbone, weights="none", image_size=32)
    model = kbin.build_classifier(backbone, weights="none", image_size=32)

    assert inference_network(model)._is_channels_first


def test_what_a_normalization_layer_has_learned_is_taken_too():
    model = calibrated_classifier("EfficientNetB0")
    (normalization,) = [one for one in model.layers if isinstance(one, keras.layers.Normalization)]
    normalization.set_weights([np.full(3, 0.4), np.full(3, 0.09), np.array(0)])
    normalization.finalize_state()
    images = random_images(4)
    expected = model.predict(images, verbose=0)

    with torch.no_grad():
        given = inference_network(model).eval()(torch.from_numpy(images)).numpy()

    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(given, expected, atol=1e-4)
