import keras
import numpy as np
import pytest

from kbin.errors import ConfigError, WeightsError
from kbin.models.builders import build_backbone
from tests.networks import calibrate, random_images


@pytest.fixture
def images() -> np.ndarray:
    return random_images(6, seed=1)


def _calibrated(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = build_backbone(name, weights="none", image_size=32)
    calibrate(model, random_images(16, seed=99))
    return model


def _assert_same_features(ours: np.ndarray, reference: np.ndarray) -> None:
    assert ours.std(axis=0).max() > 0.01  # not the constant of an uncalibrated network
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-4 * np.ptp(reference))


def test_a_network_takes_raw_images_and_returns_its_features(backbone, network):
    assert network.name == backbone.name
    assert network.input_shape == (None, 32, 32, 3)
    side = 4 if backbone.name == "SmallCNN" else 1  # 32 pixels, halved three or five times
    assert network.output_shape == (None, side, side, backbone.num_features)


def test_whole_numbers_and_floats_give_the_same_features(network, images):
    as_floats = network.predict_on_batch(images.astype(np.float32))
    assert as_floats.std(axis=0).max() > 0.01
    np.testing.assert_array_equal(network.predict_on_batch(images), as_floats)


def test_resnet50_is_kerass_network_behind_its_own_preprocess_input(images):
    model = _calibrated("ResNet50")
    reference = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 32, 3))
    reference.set_weights(model.get_weights())
    prepared = keras.applications.resnet.preprocess_input(images.astype(np.float32))
    _assert_same_features(model.predict_on_batch(images), reference.predict_on_batch(prepared))


def test_mobilenet_v3_large_is_kerass_network_on_raw_images(images):
    model = _calibrated("MobileNetV3Large")
    reference = keras.applications.MobileNetV3Large(include_top=False, weights=None, input_shape=(32, 32, 3))
    reference.set_weights(model.get_weights())
    _assert_same_features(model.predict_on_batch(images), reference.predict_on_batch(images))


def test_efficientnet_b0_is_kerass_network_on_raw_images(images):
    model = _calibrated("EfficientNetB0")
    reference = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    reference.set_weights(model.get_weights())
    _assert_same_features(model.predict_on_batch(images), reference.predict_on_batch(images))


def test_without_weights_of_its_own_to_name_a_backbone_takes_its_first(monkeypatch):
    asked = []
    monkeypatch.setattr("kbin.models.builders.weights_path", lambda row, weights: asked.append((row.name, weights)))
    build_backbone("ResNet50", image_size=32)
    build_backbone("EfficientNetLite0", image_size=32)
    assert asked == [("ResNet50", "imagenet"), ("EfficientNetLite0", "packaged")]


def test_an_unknown_backbone_is_answered_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"unknown backbone 'resnet-50'\. Did you mean 'ResNet50'\? Known: ResNet50"):
        build_backbone("resnet-50", weights="none")


def test_images_too_small_for_the_network_are_refused():
    with pytest.raises(ConfigError, match=r"image_size is 31, but ResNet50 needs at least 32 pixels"):
        build_backbone("ResNet50", weights="none", image_size=31)


def test_weights_that_are_neither_known_nor_a_file_are_refused():
    with pytest.raises(
        WeightsError, match=r"no weights for ResNet50 at 'packaged'; allowed: imagenet, none, or a file"
    ):
        build_backbone("ResNet50", weights="packaged", image_size=32)
