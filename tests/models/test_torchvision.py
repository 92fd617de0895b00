"""Networks that torchvision publishes: the same tensors give the same features."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kbin.catalogue import find_backbone
from kbin.errors import WeightsError
from kbin.models import resnet18, shufflenet_v2
from kbin.models.builders import build_backbone
from tests.models.torchvision_recipe import reference_image, reference_tensor
from tests.networks import random_images

_NAMES = {
    "ResNet18": resnet18.torch_names,
    "ShuffleNetV2x0_5": shufflenet_v2.torch_names,
    "ShuffleNetV2x1_0": shufflenet_v2.torch_names,
}
# Of torchvision, the classifier's two included.
_NUM_TENSORS = {"ResNet18": 122, "ShuffleNetV2x0_5": 338, "ShuffleNetV2x1_0": 338}

# Pooled features, by index, that torchvision 0.29 (0.28 for ShuffleNetV2x0_5) gives for `_state` and `reference_image`.
_FEATURES = {
    "ResNet18": {
        23: 2.021198,
        27: 1.826989,
        164: 2.048463,
        270: 1.761426,
        385: 1.747935,
        444: 1.971732,
        446: 1.815711,
        485: 2.502973,
    },
    "ShuffleNetV2x0_5": {
        207: 0.671125,
        228: 0.557138,
        238: 0.595747,
        286: 0.524626,
        362: 0.589926,
        378: 0.655869,
        984: 0.626149,
        1004: 0.574392,
    },
    "ShuffleNetV2x1_0": {
        27: 0.553142,
        206: 0.474186,
        207: 0.531706,
        257: 0.490554,
        387: 0.456896,
        552: 0.535577,
        646: 0.49874,
        969: 0.528135,
    },
}


def _torch_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """The state dict of torchvision's network in its own order: entry number i is made from seed i."""
    model = build_backbone(name, weights="none", image_size=32)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer_name, module in _NAMES[name]():
        layer = model.get_layer(layer_name)
        if isinstance(layer, keras.layers.BatchNormalization):
            for key in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{module}.{key}"] = tuple(layer.gamma.shape)
            shapes[f"{module}.num_batches_tracked"] = ()
        else:
            height, width, inputs, outputs = layer.kernel.shape
            is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            shapes[f"{module}.weight"] = (
                (inputs, 1, height, width) if is_depthwise else (outputs, inputs, height, width)
            )
    features = find_backbone(name).num_features
    return {**shapes, "fc.weight": (1000, features), "fc.bias": (1000,)}


def _state(name: str) -> dict[str, torch.Tensor]:
    return {key: reference_tensor(index, key, shape) for index, (key, shape) in enumerate(_torch_shapes(name).items())}


@pytest.fixture(scope="module", params=list(_NAMES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def state(name: str) -> dict[str, torch.Tensor]:
    return _state(name)


@pytest.fixture
def refused(name, tmp_path):
    def check(state: dict[str, torch.Tensor], message: str) -> None:
        torch.save(state, tmp_path / "other.pth")
        with pytest.raises(WeightsError, match=rf"cannot be loaded into {name}: .*of another network \({message}"):
            build_backbone(name, weights=str(tmp_path / "other.pth"), image_size=32)

    return check


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_torchvisions_weights_give_torchvisions_features(name, state, suffix, tmp_path):
    assert len(state) == _NUM_TENSORS[name]
    path = tmp_path / f"weights.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    model = build_backbone(name, weights=str(path))
    behind_preprocessing = keras.Model(model.get_layer("preprocess_standardize").output, model.output)
    features = behind_preprocessing.predict_on_batch(reference_image()).mean(axis=(0, 1, 2))
    expected = _FEATURES[name]
    np.testing.assert_allclose(features[list(expected)], list(expected.values()), rtol=0, atol=1e-4 * features.max())
    assert np.argmax(features) == max(expected, key=lambda index: expected[index])


def test_images_are_scaled_and_standardised_as_torchvision_does(name):
    model = build_backbone(name, weights="none", image_size=32)
    images = random_images(2)
    ours = keras.Model(model.input, model.get_layer("preprocess_standardize").output).predict_on_batch(images)
    expected = (images / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_file_without_classifier_or_counters_loads(name, state, tmp_path):
    few = {key: tensor for key, tensor in state.items() if not re.search(r"^fc\.|num_batches_tracked$", key)}
    torch.save(few, tmp_path / "own.pt")
    loaded = build_backbone(name, weights=str(tmp_path / "own.pt"), image_size=32)
    first = loaded.get_layer("conv1_conv").get_weights()[0]
    np.testing.assert_array_equal(first.transpose(3, 2, 0, 1), next(iter(few.values())).numpy())


def test_a_missing_tensor_is_named(state, refused):
    last = [key for key in state if key.endswith("running_var")][-1]
    refused({key: tensor for key, tensor in state.items() if key != last}, rf"tensor {re.escape(last)} is missing\)")


def test_a_tensor_too_many_is_named(name, state, refused):
    refused({**state, "conv1.se.weight": torch.zeros(3)}, rf"{name} has no tensor conv1\.se\.weight\)")


def test_a_bias_that_the_networks_convolutions_lack_is_named(name, state, refused):
    key = next(iter(state)).replace("weight", "bias")
    refused({**state, key: torch.zeros(24)}, rf"{name} has no tensor {re.escape(key)}\)")


def test_a_tensor_of_another_shape_is_named(state, refused):
    first = next(iter(state))
    refused({**state, first: torch.zeros(24, 1, 3, 3)}, rf"tensor {re.escape(first)} has the shape \(24, 1, 3, 3\)")


def test_the_other_networks_file_is_refused(name, refused):
    other = "ShuffleNetV2x0_5" if name == "ResNet18" else "ResNet18"
    reason = f"{name} has no tensor " if name == "ResNet18" else r"it has \d+ MB, more than this network may take"
    refused(_state(other), reason)


def test_the_other_widths_file_is_refused(tmp_path):
    torch.save(_state("ShuffleNetV2x1_0"), tmp_path / "x1_0.pth")
    with pytest.raises(WeightsError, match=r"\(tensor stage2\.0\.branch1\.2\.weight has the shape \(58, 24, 1, 1\)"):
        build_backbone("ShuffleNetV2x0_5", weights=str(tmp_path / "x1_0.pth"), image_size=32)


@pytest.mark.parametrize("content", [b"", b"the weights are on the other disk", b"\x08" + bytes(40)])
def test_a_damaged_safetensors_file_is_refused(content, tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged\.safetensors cannot be loaded into ResNet18: it is damaged"):
        build_backbone("ResNet18", weights=str(tmp_path / "damaged.safetensors"), image_size=32)


def test_building_these_networks_imports_neither_tensorflow_nor_keras_hub():
    script = (
        "import sys, kbin\n"
        "for name in ('ShuffleNetV2x0_5', 'ResNet18', 'SmallCNN'):\n"
        "    kbin.build_classifier(name, weights='none', image_size=32)\n"
        "assert not {'tensorflow', 'keras_hub', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
