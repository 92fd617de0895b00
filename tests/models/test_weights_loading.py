import dataclasses
import hashlib
import pickle
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import torch
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

from kbin import catalogue
from kbin.catalogue import find_backbone
from kbin.errors import WeightsError
from kbin.models.builders import build_backbone
from kbin.models.weights_files import imagenet_path, packaged_path
from tests.networks import calibrate, random_images

_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_OF_KERAS = {
    "ResNet50": keras.applications.ResNet50,
    "EfficientNetB0": keras.applications.EfficientNetB0,
    "MobileNetV3Large": keras.applications.MobileNetV3Large,
}


def _network_of_keras(name: str) -> keras.Model:
    """The network of keras.applications with random weights; BatchNorm fits random images, so that features vary."""
    keras.utils.set_random_seed(0)
    network = _OF_KERAS[name](include_top=False, weights=None, input_shape=(32, 32, 3))
    if name == "EfficientNetB0":
        next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization)).set_weights(
            [_MEAN, _STD**2, np.array(0)]
        )
    images = random_images(16, seed=99)
    calibrate(network, _prepared(name, images))
    return network


def _prepared(name: str, images: np.ndarray) -> np.ndarray:
    images = images.astype(np.float32)
    return keras.applications.resnet.preprocess_input(images) if name == "ResNet50" else images


def _save_as_published(network: keras.Model, path: Path) -> None:
    """Writes the legacy HDF5 format of the files that keras.applications downloads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, network)


def _assert_same_features(ours: np.ndarray, reference: np.ndarray) -> None:
    assert ours.std(axis=0).max() > 0.01  # not the constant of an uncalibrated network
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-4)


@pytest.fixture
def refused(tmp_path):
    """Expects a file to be refused; the message names it."""

    def check(backbone: str, file: str, message: str) -> None:
        with pytest.raises(WeightsError, match=message) as caught:
            build_backbone(backbone, weights=str(tmp_path / file), image_size=32)
        assert str(tmp_path / file) in str(caught.value)

    return check


# With fewer or smaller images BatchNorm is fitted to so little that rounding a folded scale grows a thousandfold.
_SIZE = 64


@pytest.fixture
def imagenet_efficientnet(monkeypatch) -> keras.Model:
    """Keras's EfficientNetB0 with `weights="imagenet"`, from a file that stands for the published one."""
    path = imagenet_path(find_backbone("EfficientNetB0").imagenet)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *args, **settings: str(path))
    _save_as_published(_network_of_keras("EfficientNetB0"), path)
    network = keras.applications.EfficientNetB0(include_top=False, weights="imagenet", input_shape=(_SIZE, _SIZE, 3))
    calibrate(network, random_images(64, _SIZE, seed=99))  # again: the extra scaling has changed what BatchNorm sees
    _save_as_published(network, path)
    return network


def test_efficientnet_b0_with_imagenet_weights_equals_kerass_own(imagenet_efficientnet, monkeypatch):
    """Keras builds one more scaling layer for `weights="imagenet"`; kbin folds it into the normalization."""
    backbone = find_backbone("EfficientNetB0")
    path = imagenet_path(backbone.imagenet)
    checksum = f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"
    row = dataclasses.replace(backbone, imagenet=dataclasses.replace(backbone.imagenet, checksum=checksum))
    monkeypatch.setattr(catalogue, "BACKBONES", (row,))

    images = random_images(6, _SIZE, seed=1)
    ours = build_backbone("EfficientNetB0", weights="imagenet", image_size=_SIZE).predict_on_batch(images)
    _assert_same_features(ours, imagenet_efficientnet.predict_on_batch(images))
    without_scaling = keras.applications.EfficientNetB0(
        include_top=False, weights=str(path), input_shape=(_SIZE, _SIZE, 3)
    )
    assert np.abs(ours - without_scaling.predict_on_batch(images)).max() > 0.01


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV3Large"])
def test_a_weights_file_of_keras_gives_its_networks_features(name, suffix, tmp_path):
    reference = _network_of_keras(name)
    path = tmp_path / f"mine{suffix}"
    reference.save_weights(path) if suffix == ".weights.h5" else _save_as_published(reference, path)
    images = random_images(6, seed=1)
    ours = build_backbone(name, weights=str(path), image_size=32)
    _assert_same_features(ours.predict_on_batch(images), reference.predict_on_batch(_prepared(name, images)))


def test_a_file_trained_from_imagenet_weights_keeps_kerass_extra_scaling(imagenet_efficientnet, tmp_path):
    imagenet_efficientnet.save_weights(tmp_path / "tuned.weights.h5")
    images = random_images(6, _SIZE, seed=1)
    ours = build_backbone("EfficientNetB0", weights=str(tmp_path / "tuned.weights.h5"), image_size=_SIZE)
    _assert_same_features(ours.predict_on_batch(images), imagenet_efficientnet.predict_on_batch(images))


def test_a_file_trained_without_imagenet_weights_gets_no_extra_scaling(tmp_path):
    reference = _network_of_keras("EfficientNetB0")
    normalization = next(layer for layer in reference.layers if isinstance(layer, keras.layers.Normalization))
    normalization.set_weights([np.zeros(3), np.ones(3), np.array(0)])
    calibrate(reference, random_images(16, seed=99))
    reference.save_weights(tmp_path / "mine.weights.h5")
    images = random_images(6, seed=1)
    ours = build_backbone("EfficientNetB0", weights=str(tmp_path / "mine.weights.h5"), image_size=32)
    _assert_same_features(ours.predict_on_batch(images), reference.predict_on_batch(images))


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetLite0"])
def test_weights_saved_from_kbins_own_backbone_come_back(name, tmp_path):
    keras.utils.set_random_seed(0)
    reference = build_backbone(name, weights="none", image_size=32)
    if name == "EfficientNetB0":  # what kbin makes of the ImageNet file: the scaling is folded in already
        reference.get_layer(index=2).set_weights([_MEAN, _STD**3, np.array(0)])
    calibrate(reference, random_images(16, seed=99))
    reference.save_weights(tmp_path / "mine.weights.h5")
    images = random_images(6, seed=1)
    ours = build_backbone(name, weights=str(tmp_path / "mine.weights.h5"), image_size=32)
    _assert_same_features(ours.predict_on_batch(images), reference.predict_on_batch(images))


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
@pytest.mark.parametrize(
    ("file_of", "backbone"), [("MobileNetV3Large", "EfficientNetB0"), ("EfficientNetB0", "ResNet50")]
)
def test_a_file_of_another_network_is_refused(file_of, backbone, suffix, tmp_path, refused):
    network = _OF_KERAS[file_of](include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / f"other{suffix}"
    network.save_weights(path) if suffix == ".weights.h5" else _save_as_published(network, path)
    refused(backbone, path.name, rf"cannot be loaded into {backbone}: it is damaged, or holds the weights of another")


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_a_truncated_file_is_refused(suffix, tmp_path, refused):
    network = keras.applications.MobileNetV3Large(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / f"half{suffix}"
    network.save_weights(path) if suffix == ".weights.h5" else _save_as_published(network, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("MobileNetV3Large", path.name, "cannot be loaded into MobileNetV3Large: it is damaged")


@pytest.mark.parametrize("file", ["notes.h5", "notes.weights.h5", "notes.pth", "notes.pt"])
def test_a_text_file_named_like_weights_is_refused(file, tmp_path, refused):
    (tmp_path / file).write_text("the weights are on the other disk")
    refused("EfficientNetLite0", file, "cannot be loaded into EfficientNetLite0: it is damaged")


def test_an_empty_file_is_refused(tmp_path, refused):
    (tmp_path / "empty.pth").touch()
    refused("EfficientNetLite0", "empty.pth", "cannot be loaded into EfficientNetLite0: it is damaged")


class _Payload:
    """What a malicious pickle does: it calls a function when it is read."""

    def __init__(self, marker: Path):
        self._marker = marker

    def __reduce__(self):
        return Path.touch, (self._marker,)


@pytest.mark.parametrize("kind", ["torch's zip", "bare pickle"])
def test_a_pickled_payload_is_refused_and_does_not_run(kind, tmp_path, refused):
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(_Payload(marker)))  # it does run where pickles are trusted
    marker.unlink()
    if kind == "bare pickle":
        (tmp_path / "evil.pth").write_bytes(pickle.dumps({"_conv_stem.weight": _Payload(marker)}))
    else:
        torch.save({"_conv_stem.weight": _Payload(marker)}, tmp_path / "evil.pth")
    refused("EfficientNetLite0", "evil.pth", "cannot be loaded into EfficientNetLite0")
    assert not marker.exists()


@pytest.fixture(scope="module")
def packaged() -> dict[str, torch.Tensor]:
    return torch.load(packaged_path(find_backbone("EfficientNetLite0")), weights_only=True)


def test_a_state_dict_without_classifier_loads(packaged, tmp_path):
    torch.save({name: tensor for name, tensor in packaged.items() if not name.startswith("_fc")}, tmp_path / "own.pt")
    images = random_images(6, seed=1)
    ours = build_backbone("EfficientNetLite0", weights=str(tmp_path / "own.pt"), image_size=32)
    reference = build_backbone("EfficientNetLite0", weights="packaged", image_size=32)
    _assert_same_features(ours.predict_on_batch(images), reference.predict_on_batch(images))


def test_a_state_dict_of_another_network_is_refused(tmp_path, refused):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "linear.pth")
    refused("EfficientNetLite0", "linear.pth", r"of another network \(.*no tensor weight\)")


def test_a_state_dict_with_a_tensor_missing_is_refused(packaged, tmp_path, refused):
    torch.save({name: tensor for name, tensor in packaged.items() if name != "_bn1.running_var"}, tmp_path / "cut.pth")
    refused("EfficientNetLite0", "cut.pth", r"of another network \(tensor _bn1\.running_var is missing\)")


def test_a_state_dict_with_a_tensor_of_another_shape_is_refused(packaged, tmp_path, refused):
    torch.save({**packaged, "_conv_stem.weight": torch.zeros(32, 1, 3, 3)}, tmp_path / "grey.pth")
    refused("EfficientNetLite0", "grey.pth", r"\(tensor _conv_stem\.weight has the shape \(32, 1, 3, 3\)")


def test_a_state_dict_that_holds_more_than_the_network_is_refused(packaged, tmp_path, refused):
    """EfficientNet-B0 of the same family has all of Lite0's tensors, and squeeze-and-excitation besides."""
    torch.save({**packaged, "_blocks.0._se_reduce.weight": torch.zeros(8, 32, 1, 1)}, tmp_path / "b0.pth")
    refused("EfficientNetLite0", "b0.pth", r"of another network \(.*no tensor _blocks\.0\._se_reduce\.weight\)")


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"epoch": 3}, {1: torch.zeros(3)}])
def test_a_torch_file_that_is_no_state_dict_is_refused(content, tmp_path, refused):
    torch.save(content, tmp_path / "other.pth")
    refused("EfficientNetLite0", "other.pth", "cannot be loaded into EfficientNetLite0")


def test_a_kind_of_file_that_the_backbone_does_not_read_is_refused(packaged, tmp_path, refused):
    torch.save(packaged, tmp_path / "lite.pth")
    refused("ResNet50", "lite.pth", r"not a kind of weights file that ResNet50 reads: \.h5, \.weights\.h5")
