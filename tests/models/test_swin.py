"""SwinTiny, whose layers are KerasHub's; nothing else here may import it, since TensorFlow comes with it."""

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch

from kbin.errors import ConfigError, MissingExtraError, WeightsError
from kbin.models import swin
from kbin.models.blocks import placed_layers
from kbin.models.builders import build_backbone
from kbin.models.classifiers import build_classifier
from kbin.models.freezing import check_frozen, freeze_below, frozen_fingerprints
from kbin.models.memory import memory_table
from kbin.models.parameters import parameter_table
from kbin.models.state_dicts import load_state_dict
from tests.extras import needs_keras_hub
from tests.models.torchvision_recipe import reference_image, reference_tensor
from tests.networks import random_images

# Pooled features, by index, that torchvision 0.28 gives for `_state` and `reference_image`.
_FEATURES = {
    56: -2.41479,
    100: -2.703722,
    176: 2.616322,
    207: 2.313603,
    314: -2.384896,
    348: 2.563963,
    561: 2.94124,
    595: 2.761036,
}
# 0.2 x index / 11 over the twelve blocks.
_RATES = [0.2 * index / 11 for index in range(12)]


def test_without_keras_hub_the_message_holds_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)  # what makes an import fail
    with pytest.raises(MissingExtraError, match=r"SwinTiny is made of KerasHub's layers.*`pip install 'kbin\[hub\]'`"):
        build_classifier("SwinTiny", weights="none")


@pytest.mark.parametrize("size", [32, 223])
def test_an_image_too_small_is_refused_before_keras_hub_is_asked_for(size):
    with pytest.raises(ConfigError, match=rf"image_size is {size}, but SwinTiny needs at least 224 pixels"):
        build_backbone("SwinTiny", weights="none", image_size=size)


def test_an_image_on_which_windows_do_not_fit_is_refused():
    """At 256 pixels KerasHub's features are not torchvision's: they differ by a third of the largest."""
    with pytest.raises(ConfigError, match=r"image_size is 256, but SwinTiny takes multiples of 224 pixels only"):
        build_backbone("SwinTiny", weights="none", image_size=256)


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier("SwinTiny", weights="none", hidden_units=(8,))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return random_images(2, 224, seed=1).astype(np.float32)


def _state(model: keras.Model) -> dict[str, torch.Tensor]:
    """Torchvision's state dict in its own order: entry number i is made from seed i."""
    from kbin.models.state_dicts import _layer_at

    shapes: dict[str, tuple[int, ...]] = {}
    for path, module in swin.torch_names():
        layer = _layer_at(model, path)
        if module.endswith("attn"):
            shapes[f"{module}.relative_position_bias_table"] = tuple(layer.relative_position_bias_table.shape)
            shapes[f"{module}.relative_position_index"] = (49 * 49,)
        elif isinstance(layer, keras.layers.LayerNormalization):
            shapes |= {f"{module}.{key}": tuple(layer.gamma.shape) for key in ("weight", "bias")}
        else:
            kernel = tuple(layer.kernel.shape)
            shapes[f"{module}.weight"] = (*kernel[:1:-1], *kernel[:2]) if len(kernel) == 4 else kernel[::-1]
            if layer.bias is not None:
                shapes[f"{module}.bias"] = tuple(layer.bias.shape)
    shapes |= {"head.weight": (1000, 768), "head.bias": (1000,)}
    return {name: reference_tensor(index, name, shape) for index, (name, shape) in enumerate(shapes.items())}


@needs_keras_hub
class TestNetwork:
    def test_torchvisions_weights_give_torchvisions_features(self):
        model = build_backbone("SwinTiny", weights="none")
        state = _state(model)
        assert len(state) == 185
        load_state_dict(model, "SwinTiny", state)
        behind_preprocessing = keras.Model(model.get_layer("preprocess_standardize").output, model.output)
        features = behind_preprocessing.predict_on_batch(reference_image()).mean(axis=(0, 1, 2))
        expected = list(_FEATURES.values())
        np.testing.assert_allclose(features[list(_FEATURES)], expected, rtol=0, atol=1e-4 * features.max())
        assert np.abs(features).argmax() == 561

    def test_a_wrong_file_is_refused_with_the_tensors_name(self, tmp_path):
        torch.save({"features.0.0.weight": torch.zeros(96, 3, 4, 4)}, tmp_path / "part.pth")
        with pytest.raises(WeightsError, match=r"\(tensor features\.0\.0\.bias is missing\)"):
            build_backbone("SwinTiny", weights=str(tmp_path / "part.pth"))
        torch.save({"layers.0.weight": torch.zeros(3)}, tmp_path / "other.pth")
        with pytest.raises(WeightsError, match=r"\(SwinTiny has no tensor layers\.0\.weight\)"):
            build_backbone("SwinTiny", weights=str(tmp_path / "other.pth"))

    def test_features_are_a_map(self):
        assert build_backbone("SwinTiny", weights="none").output_shape == (None, 7, 7, 768)

    def test_blocks_hold_the_published_parameters(self, classifier):
        table = parameter_table(classifier)
        # Torchvision counts 28,288,354 with its classifier of 768 x 1000 weights and 1000 offsets.
        assert table.total - table.rows[-1].parameters == 28_288_354 - 769_000
        assert [row.block for row in table.rows] == [
            "patch_embedding",
            "stage_0",
            "stage_1",
            "stage_2",
            "stage_3",
            "norm",
            "head",
        ]
        assert table.trainable == table.rows[-1].parameters == 768 * 8 + 8 + 8 + 1

    def test_memory_counts_all_weights_once(self, classifier):
        assert round(memory_table(classifier).weights_mb, 2) == round((27_519_354 + 6_161) * 4 / 2**20, 2)

    def test_the_layers_of_the_nested_backbone_are_placed_and_it_is_not(self, classifier):
        names = [placed.operation.name for placed in placed_layers(classifier)]
        assert "swin" not in names
        assert len(names) == len(set(names))
        depths = [placed.depth for placed in placed_layers(classifier)]
        assert depths == sorted(depths)


def _rates(model: keras.Model) -> list[float]:
    blocks = [block for stage in model.get_layer("swin").stages for block in stage.blocks]
    return [getattr(block.drop_path, "drop_prob", 0) for block in blocks]


@needs_keras_hub
class TestFreezing:
    def test_drop_path_is_off_in_frozen_stages_and_comes_back(self, classifier):
        for unit, first in (("stage_3", 10), ("stage_1", 2), ("norm", 12), ("patch_embedding", 0), (None, 12)):
            freeze_below(classifier, unit)
            assert _rates(classifier) == pytest.approx([0] * first + _RATES[first:]), unit

    def test_a_frozen_backbone_is_not_random_in_training(self, classifier, images):
        freeze_below(classifier, None)
        expected = classifier.predict_on_batch(images)
        assert np.ptp(expected) > 0.01
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(classifier(images, training=True)), expected)

    def test_stages_that_train_keep_their_stochastic_depth(self, classifier, images):
        freeze_below(classifier, "stage_2")
        few = np.repeat(images, 4, axis=0)
        random = keras.ops.convert_to_numpy(classifier(few, training=True))
        freeze_below(classifier, None)
        assert np.abs(random - classifier.predict_on_batch(few)).max() > 0.001

    def test_a_fit_moves_what_trains_and_nothing_frozen(self, images):
        model = build_classifier("SwinTiny", weights="none", train_from="norm")
        before = frozen_fingerprints(model)
        norm = model.get_layer("swin").get_layer("norm").get_weights()[0]
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
        model.fit(images, np.arange(2), epochs=1, verbose=0)
        assert len(before) == 169  # torchvision's 185, but 12 indices, the classifier's two and the last norm's two
        check_frozen(model, before)
        assert np.abs(model.get_layer("swin").get_layer("norm").get_weights()[0] - norm).max() > 0


_OPEN_AND_PREDICT = """
import sys
import keras, keras_hub, numpy
model = keras.saving.load_model(sys.argv[1])
numpy.save(sys.argv[2], model.predict_on_batch(numpy.load(sys.argv[2])))
assert "kbin" not in sys.modules
"""


@needs_keras_hub
def test_a_saved_model_opens_where_keras_hub_is_and_predicts_the_same(images, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_classifier("SwinTiny", weights="none", train_from="stage_3", dropout=0.5)
    expected = model.predict_on_batch(images)
    assert np.ptp(expected) > 0.01
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _OPEN_AND_PREDICT, tmp_path / "model.keras", tmp_path / "images.npy"],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), expected, atol=1e-6)


def test_no_tensor_of_torchvision_is_named_twice():
    pairs = list(swin.torch_names())
    assert len(pairs) == len({layer for layer, _ in pairs}) == len({module for _, module in pairs})
    assert all(re.match(r"features\.|norm$", module) for _, module in pairs)
