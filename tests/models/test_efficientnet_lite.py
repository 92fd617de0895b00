import keras
import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from kbin.catalogue import find_backbone
from kbin.models.builders import build_backbone
from kbin.models.efficientnet_lite import torch_names
from kbin.models.weights_files import packaged_path
from tests.networks import random_images


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return torch.load(packaged_path(find_backbone("EfficientNetLite0")), weights_only=True)


def test_logits_of_1000_classes_equal_those_of_the_pytorch_package(state):
    images = random_images(8, size=224, seed=1)
    reference = EfficientNet.from_name("efficientnet-lite0")
    reference.load_state_dict(state)
    reference.eval()
    with torch.no_grad():
        prepared = (torch.from_numpy(images).float() - 127) / 128
        expected = reference(prepared.permute(0, 3, 1, 2)).numpy()

    features = build_backbone("EfficientNetLite0", weights="packaged").predict_on_batch(images).mean(axis=(1, 2))
    logits = features @ state["_fc.weight"].numpy().T + state["_fc.bias"].numpy()

    assert expected.shape == (8, 1000)
    assert expected.std(axis=0).mean() > 0.1  # the images are not all the same to the network
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-3 * np.ptp(expected))


def test_every_tensor_of_the_pytorch_file_but_the_classifier_has_its_place(state):
    modules = {name.rpartition(".")[0] for name in state} - {"_fc"}
    assert {module for _, module in torch_names()} == modules


def test_stochastic_depth_drops_as_often_as_in_the_pytorch_package():
    model = build_backbone("EfficientNetLite0", weights="none", image_size=32)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    # Of 16 blocks those with a shortcut are the second and later ones of their stage; the rate is 0.2 x index / 16.
    assert rates == pytest.approx([0.2 * index / 16 for index in (2, 4, 6, 7, 9, 10, 12, 13, 14)])
