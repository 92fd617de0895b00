"""Prefix and tail together are the whole, wherever a model is cut."""

import warnings

import keras
import numpy as np
import pytest

import kbin
from kbin.catalogue import find_backbone
from kbin.engine.conversion import openvino_network
from kbin.engine.prefix import Cut, cut, part_below
from kbin.models.freezing import freeze_below
from kbin.progress import Progress
from tests.extras import needs_keras_hub
from tests.networks import calibrated_classifier, random_images


def _assert_parts_are_the_whole(model: keras.Model, images: np.ndarray) -> Cut:
    parts = cut(model)
    assert parts is not None
    expected = model.predict_on_batch(images)
    assert np.ptp(expected) > 0.01
    features = parts.prefix.predict_on_batch(images)
    np.testing.assert_allclose(parts.tail.predict_on_batch(features), expected, rtol=0, atol=1e-6)
    assert not [weight for weight in parts.prefix.weights if weight.trainable and "moving" not in weight.path]
    return parts


@pytest.mark.parametrize(
    ("backbone", "units"),
    [
        ("ResNet18", ("conv2_block1", "conv4_block2", "conv5_block1")),
        ("ShuffleNetV2x0_5", ("stage2_unit1", "stage3_unit5", "conv5")),
        ("SmallCNN", ("conv2", "conv3")),
    ],
)
def test_a_cut_at_any_unit_predicts_what_the_whole_predicts(backbone, units):
    model = calibrated_classifier(backbone, hidden_units=(8,))
    images = random_images(6, seed=1)
    for unit in (*units, None):
        freeze_below(model, unit)
        _assert_parts_are_the_whole(model, images)
    freeze_below(model, find_backbone(backbone).units[0])
    assert cut(model) is None


@pytest.mark.parametrize(("train_from", "expected_rank"), [(None, 2), ("conv5", 4)])
def test_the_part_below_a_layer_of_the_head_gives_what_enters_it(train_from, expected_rank):
    model = calibrated_classifier("ShuffleNetV2x0_5", train_from=train_from, standardize=True, hidden_units=(8,))
    images = random_images(6, seed=1)
    pooled = keras.Model(model.input, model.get_layer("head_pool").output).predict_on_batch(images)
    parts = cut(model)
    features = parts.prefix.predict_on_batch(images)
    assert features.ndim == expected_rank
    for network, inputs in ((model, images), (parts.tail, features)):
        below = part_below(network, "head_standardize")
        np.testing.assert_allclose(below.predict_on_batch(inputs), pooled, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("backbone", "train_from"),
    [
        ("ResNet18", "conv3_block2"),
        ("ShuffleNetV2x0_5", "stage3_unit3"),
        ("SmallCNN", None),
    ],
)
def test_openvino_gives_the_features_of_keras(backbone, train_from, tmp_path):
    openvino = pytest.importorskip("openvino")
    parts = cut(calibrated_classifier(backbone, image_size=64, train_from=train_from))
    images = random_images(4, 64, seed=1)
    network = openvino_network(parts, tmp_path, 4, Progress())
    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = parts.prefix.predict_on_batch(images)
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(compiled([images])[0], expected, rtol=0, atol=1e-3 * np.abs(expected).max())


@pytest.fixture(scope="module")
def swin() -> keras.Model:
    keras.utils.set_random_seed(0)
    return kbin.build_classifier("SwinTiny", weights="none", hidden_units=(8,))


@needs_keras_hub
class TestNestedBackbone:
    def test_a_cut_between_its_stages_predicts_what_the_whole_predicts(self, swin):
        images = random_images(2, 224, seed=1)
        shapes = {}
        for unit in ("stage_0", "stage_3", None):
            freeze_below(swin, unit)
            parts = _assert_parts_are_the_whole(swin, images)
            shapes[parts.name] = parts.prefix.output_shape[1:]
            below = part_below(parts.tail, "head_dense_1").predict_on_batch(parts.prefix.predict_on_batch(images))
            pooled = keras.Model(swin.input, swin.get_layer("head_pool").output).predict_on_batch(images)
            np.testing.assert_allclose(below, pooled, rtol=0, atol=1e-5)
        assert shapes == {
            "pos_drop": (56 * 56, 96),
            "stage_2": (7 * 7, 768),
            "head_pool": (768,),
        }
        freeze_below(swin, "patch_embedding")
        assert cut(swin) is None

    def test_what_the_tail_learns_the_whole_has_learned_and_can_be_saved(self, swin, tmp_path):
        freeze_below(swin, "norm")
        parts = cut(swin)
        images = random_images(2, 224, seed=1)
        features = parts.prefix.predict_on_batch(images)
        before = swin.predict_on_batch(images)
        parts.tail.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
        parts.tail.fit(features, np.arange(2), epochs=2, verbose=0)
        after = swin.predict_on_batch(images)
        assert np.abs(after - before).max() > 0.01
        np.testing.assert_array_equal(parts.tail.predict_on_batch(features), after)
        swin.save(tmp_path / "model.keras")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of KerasHub's, about its attention masks
            loaded = keras.saving.load_model(tmp_path / "model.keras")
            np.testing.assert_allclose(loaded.predict_on_batch(images), after, atol=1e-6)

    def test_openvino_gives_its_features_channels_last(self, swin, tmp_path):
        openvino = pytest.importorskip("openvino")
        freeze_below(swin, "stage_1")
        parts = cut(swin)
        images = random_images(2, 224, seed=1)
        network = openvino_network(parts, tmp_path, 2, Progress())
        compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        expected = parts.prefix.predict_on_batch(images)
        np.testing.assert_allclose(compiled([images])[0], expected, rtol=0, atol=1e-4 * np.abs(expected).max())
