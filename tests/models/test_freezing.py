import keras
import numpy as np
import pytest

from kbin.catalogue import BACKBONES
from kbin.errors import IntegrityError
from kbin.models.classifiers import build_classifier
from kbin.models.freezing import check_frozen, freeze_below, frozen_fingerprints
from tests.networks import calibrated_classifier, random_images

BACKBONE_NAMES = [backbone.name for backbone in BACKBONES if not backbone.extra]
# The topmost block whose own BatchNorm tells whether it trained, and a stem of layers that stay frozen.
_TOP_AND_BELOW = {
    "ResNet50": ("conv5_", "conv4_"),
    "EfficientNetB0": ("top_", "block7a_"),
    "MobileNetV3Large": ("conv_1_", "expanded_conv_14_"),
    "EfficientNetLite0": ("top_", "block7a_"),
    "ResNet18": ("conv5_", "conv4_"),
    "ShuffleNetV2x0_5": ("conv5_", "stage4_"),
    "ShuffleNetV2x1_0": ("conv5_", "stage4_"),
    "SmallCNN": ("conv3_", "conv2_"),
}


def _statistics(model: keras.Model) -> dict[str, np.ndarray]:
    """Moving means and variances by BatchNorm layer."""
    return {
        layer.name: np.stack([keras.ops.convert_to_numpy(layer.moving_mean), layer.get_weights()[-1]])
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }


def _features(model: keras.Model, images: np.ndarray, training: bool) -> np.ndarray:
    up_to_pooling = keras.Model(model.input, model.get_layer("head_pool").output)
    return keras.ops.convert_to_numpy(up_to_pooling(images.astype(np.float32), training=training))


def _fit_without_learning(model: keras.Model) -> None:
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="binary_crossentropy")
    model.fit(random_images(24, seed=1), np.arange(24) % 2, batch_size=8, epochs=2, verbose=0)


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_a_whole_fit_moves_the_statistics_of_trainable_blocks_and_of_no_frozen_one(name):
    model = calibrated_classifier(name, train_blocks=1)
    assert np.ptp(model.predict_on_batch(random_images(8, seed=2))) > 0.01
    before = _statistics(model)
    _fit_without_learning(model)
    moved = {layer for layer, values in _statistics(model).items() if not np.array_equal(values, before[layer])}
    top, below = _TOP_AND_BELOW[name]
    assert moved == {layer for layer in before if layer.startswith(top)}
    assert len(moved) > 0
    assert any(layer.startswith(below) for layer in before.keys() - moved)


@pytest.mark.parametrize("name", ["MobileNetV3Large", "EfficientNetLite0"])
def test_a_wholly_frozen_backbone_predicts_the_same_before_and_after_a_fit_without_learning(name):
    model = calibrated_classifier(name)
    images = random_images(8, seed=2)
    before = model.predict_on_batch(images)
    assert np.ptp(before) > 0.01
    _fit_without_learning(model)
    np.testing.assert_array_equal(model.predict_on_batch(images), before)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0"])
def test_a_frozen_backbone_with_stochastic_depth_is_not_random_in_training(name):
    model = calibrated_classifier(name)
    images = random_images(8, seed=2)
    expected = _features(model, images, training=False)
    assert np.ptp(expected, axis=0).max() > 0.01
    for _ in range(2):
        np.testing.assert_array_equal(_features(model, images, training=True), expected)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0"])
def test_a_backbone_that_trains_keeps_its_stochastic_depth(name):
    model = calibrated_classifier(name, train_blocks="all")
    images = random_images(8, seed=2)
    first, second = (_features(model, images, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 0.01 * np.ptp(first)


def test_stochastic_depth_is_switched_off_in_frozen_blocks_only():
    model = build_classifier("EfficientNetLite0", weights="none", train_from="block6c", dropout=0.4, image_size=32)
    rates = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    # 0.2 x index / 16: the 13th and 14th of 16 residual blocks, counted from 0, are block6c and block6d.
    assert {name: rate for name, rate in rates.items() if rate} == {
        "block6c_drop": pytest.approx(0.2 * 13 / 16),
        "block6d_drop": pytest.approx(0.2 * 14 / 16),
        "head_dropout": 0.4,
    }
    assert rates["block6b_drop"] == 0


def test_what_trains_again_has_its_stochastic_depth_back():
    model = build_classifier("EfficientNetLite0", weights="none", dropout=0.4, image_size=32)
    built = build_classifier("EfficientNetLite0", weights="none", train_blocks="all", dropout=0.4, image_size=32)

    def rates(of: keras.Model) -> dict[str, float]:
        return {layer.name: layer.rate for layer in of.layers if isinstance(layer, keras.layers.Dropout)}

    expected = rates(built)
    assert {name for name, rate in rates(model).items() if rate} == {"head_dropout"}
    for unit, above in (("block6c", ("block6c", "block6d")), ("block6d", ("block6d",)), ("stem", tuple(expected))):
        freeze_below(model, unit)
        trained = {name for name in expected if name.startswith((*above, "head"))}
        assert rates(model) == {name: rate if name in trained else 0 for name, rate in expected.items()}
        assert model.get_layer("block6d_bn").trainable
    freeze_below(model, None)
    assert {name for name, rate in rates(model).items() if rate} == {"head_dropout"}
    assert not model.get_layer("block6d_bn").trainable


@pytest.mark.parametrize(
    ("depth", "first_trainable_layer"),
    [
        ({"train_blocks": 0}, "head_output"),
        ({"train_blocks": 1}, "conv5_block1_1_conv"),
        ({"train_blocks": 2}, "conv4_block1_1_conv"),
        ({"train_blocks": 5}, "conv1_conv"),
        ({"train_blocks": "all"}, "conv1_conv"),
        ({"train_from": "conv4"}, "conv4_block1_1_conv"),
        ({"train_from": "conv5_block2"}, "conv5_block2_1_conv"),
        ({"train_from": "conv5_block2", "train_blocks": 4}, "conv5_block2_1_conv"),
    ],
)
def test_everything_from_the_first_trainable_block_upwards_trains(depth, first_trainable_layer):
    model = build_classifier("ResNet50", weights="none", image_size=32, **depth)
    with_weights = [layer for layer in model.layers if layer.weights]
    trainable = [layer.name for layer in with_weights if layer.trainable_weights]
    assert trainable[0] == first_trainable_layer
    assert trainable == [layer.name for layer in with_weights][-len(trainable) :]


def test_the_constants_of_a_normalization_layer_never_train():
    model = build_classifier("EfficientNetB0", weights="none", train_blocks="all", standardize=True, image_size=32)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)]
    assert len(layers) == 2
    assert not any(layer.trainable for layer in layers)


def _small_frozen_classifier() -> keras.Model:
    return build_classifier("EfficientNetLite0", weights="none", train_blocks=1, image_size=32)


def test_the_freeze_check_passes_where_only_trainable_tensors_moved():
    model = _small_frozen_classifier()
    before = frozen_fingerprints(model)
    for layer in (model.get_layer("top_conv"), model.get_layer("top_bn"), model.get_layer("head_output")):
        layer.set_weights([values + 1 for values in layer.get_weights()])
    check_frozen(model, before)


@pytest.mark.parametrize("index", [0, 3], ids=["a weight", "a moving statistic"])
def test_the_freeze_check_names_a_frozen_tensor_that_moved(index):
    model = _small_frozen_classifier()
    before = frozen_fingerprints(model)
    layer = model.get_layer("block7a_bn")
    layer.weights[index].assign(layer.weights[index] + 1e-6)
    with pytest.raises(IntegrityError, match=rf"^1 frozen tensors .*{layer.weights[index].path} among them"):
        check_frozen(model, before)


def test_the_freeze_check_notices_a_layer_that_was_unfrozen_on_the_way():
    model = _small_frozen_classifier()
    before = frozen_fingerprints(model)
    model.get_layer("block7a_bn").trainable = True
    with pytest.raises(IntegrityError, match=r"4 frozen tensors .*block7a_bn/gamma"):
        check_frozen(model, before)
