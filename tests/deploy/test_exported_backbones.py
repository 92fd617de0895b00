"""Every backbone gives Keras's probabilities in every format: random weights, BatchNorm that fits the images."""

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from PIL import Image

import kbin
from kbin.catalogue import BACKBONES
from kbin.deploy.captured_program import captured_program
from kbin.deploy.export import export_model, largest_difference
from kbin.deploy.export_targets import TARGETS, find_target
from kbin.deploy.inference_network import inference_network
from tests.deploy.exported_folders import folder_of
from tests.extras import needs_keras_hub
from tests.networks import calibrated_classifier, random_images

PLAIN = [row.name for row in BACKBONES if not row.extra]
QUICK = ["ShuffleNetV2x0_5", "MobileNetV3Large"]
FORMATS = [target.name for target in TARGETS]
IMAGES = random_images(5)


def spread_out(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Centres the output on the images, so that no sigmoid is saturated, and returns the probabilities."""
    output = model.get_layer("head_output")
    kernel, bias = output.get_weights()
    logits = keras.ops.convert_to_numpy(keras.Model(model.input, output.input)(images)) @ kernel
    output.set_weights([kernel / logits.std(), bias - logits.mean() / logits.std()])
    probabilities = model.predict(images, verbose=0)
    assert np.ptp(probabilities) > 0.1
    return probabilities


@pytest.mark.parametrize("backbone", QUICK)
def test_the_captured_program_gives_keras_probabilities(backbone):
    model = calibrated_classifier(backbone)
    expected = spread_out(model, IMAGES)
    network = captured_program(inference_network(model), 32).module()

    def predict(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    assert largest_difference(predict, IMAGES, expected) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("backbone", PLAIN)
def test_a_file_of_each_backbone_gives_keras_probabilities(tmp_path, backbone, format):
    images = random_images(5, 64)
    if backbone == "EfficientNetLite0":
        model = kbin.build_classifier(backbone, weights="packaged", image_size=64)
    else:
        model = calibrated_classifier(backbone, 64)
    expected = spread_out(model, images)

    _agrees(folder_of(model, tmp_path / "seed-0"), format, images, expected)


@needs_keras_hub
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_swin_gives_keras_probabilities(tmp_path, format):
    images = random_images(3, 224)
    keras.utils.set_random_seed(0)
    model = kbin.build_classifier("SwinTiny", weights="none")
    expected = spread_out(model, images)

    _agrees(folder_of(model, tmp_path / "seed-0"), format, images, expected)


def _agrees(folder: Path, format: str, images: np.ndarray, expected: np.ndarray) -> None:
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index}.png")
    # On images that are unlike these, a random network can magnify rounding by a thousand.
    exported = export_model(folder, format, folder, images=[folder])

    assert largest_difference(find_target(format).open(exported.path), images, expected) < 1e-4
