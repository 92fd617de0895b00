"""Damaged weights and model files are refused with one message, or give what was saved where they have checksums."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
from safetensors.torch import save_file

import kbin
from kbin.catalogue import find_backbone
from kbin.errors import ModelFileError, WeightsError
from kbin.models import state_dicts
from kbin.models.weights_loading import load_backbone_weights
from tests.fuzz.forms import damaged, forms, fuzz, places_in, values, with_value
from tests.payloads import changed_model, config_of


def _torch(path: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save(state, path)


def _torch_before_1_6(path: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network of two tensors under the name of one of the catalogue: its files take milliseconds."""
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs), name="tiny")


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    source = state_dicts._Source(lambda: iter([("conv", "conv")]), "fc")
    monkeypatch.setitem(state_dicts._SOURCES, "ResNet18", source)


def load(network: keras.Model, backbone: str, path: Path, content: bytes) -> bool:
    """Returns whether a file is loaded."""
    path.write_bytes(content)
    try:
        load_backbone_weights(network, find_backbone(backbone), path, is_imagenet=False)
    except WeightsError as error:
        check_message(str(error), path)
        return False
    return True


def check_message(message: str, path: Path) -> None:
    assert str(path) in message
    assert len(message) < 1_500


KINDS: dict[str, tuple[str, Callable[[Path, dict[str, torch.Tensor]], None], bool]] = {
    "torch": (".pth", _torch, True),
    "torch before 1.6": (".pt", _torch_before_1_6, False),
    "safetensors": (".safetensors", lambda path, state: save_file(state, path), False),
}


@forms(short=25, long=700)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_state_dicts(network, torch_names, tmp_path, kind, cases):
    suffix, save, has_checksums = KINDS[kind]
    path = tmp_path / f"x{suffix}"
    state = {"conv.weight": torch.rand(2, 3, 3, 3), "conv.bias": torch.rand(2)}
    save(path, state)
    sound = path.read_bytes()
    assert load(network, "ResNet18", path, sound)
    expected = [state["conv.weight"].numpy().transpose(2, 3, 1, 0), state["conv.bias"].numpy()]

    @fuzz(cases)
    @given(content=damaged(sound))
    def check(content):
        if load(network, "ResNet18", path, content) and has_checksums:
            for value, there in zip(expected, network.get_weights(), strict=True):
                np.testing.assert_array_equal(there, value)

    check()


@forms(short=25, long=700)
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_damaged_files_of_keras(network, tmp_path, suffix, cases):
    path = tmp_path / f"x{suffix}"
    if suffix == ".h5":
        with h5py.File(path, "w") as file:
            save_weights_to_hdf5_group(file, network)
    else:
        network.save_weights(path)
    sound = path.read_bytes()
    assert load(network, "SmallCNN", path, sound)

    @fuzz(cases)
    @given(content=damaged(sound))
    def check(content):
        load(network, "SmallCNN", path, content)

    check()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small model."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3)(inputs))
    outputs = keras.layers.Dense(1, "sigmoid")(keras.layers.GlobalAveragePooling2D()(x))
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Model(inputs, outputs).save(path)
    return path


def open_model(path: Path) -> keras.Model | None:
    try:
        return kbin.load_model(path)
    except ModelFileError as error:
        check_message(str(error), path)
        return None


@forms(short=25, long=600)
def test_damaged_model_files_give_what_was_saved_or_are_refused(model, tmp_path, cases):
    sound, path = model.read_bytes(), tmp_path / "x.keras"
    expected = kbin.load_model(model).get_weights()

    @fuzz(cases)
    @given(content=damaged(sound))
    def check(content):
        path.write_bytes(content)
        opened = open_model(path)
        if opened is not None:
            for value, there in zip(expected, opened.get_weights(), strict=True):
                np.testing.assert_array_equal(there, value)

    check()


@forms(short=25, long=600)
def test_model_files_whose_configuration_says_anything(model, tmp_path, cases):
    config, path = config_of(model), tmp_path / "x.keras"
    names = st.sampled_from(
        ["Lambda", "os", "keras.utils", "get_file", "function", "__lambda__", "Dense", "keras.layers"]
    )

    @fuzz(cases)
    @given(place=st.sampled_from(places_in(config)[1:]), value=names | values())
    def check(place, value):
        changed = json.dumps(with_value(config, place, value))
        opened = open_model(changed_model(model, path, config_json=changed))
        assert opened is None or not any(isinstance(layer, keras.layers.Lambda) for layer in opened.layers)

    check()


@forms(short=15, long=300)
def test_model_files_with_damaged_weights_inside(model, tmp_path, cases):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 1), np.float32)
    path = tmp_path / "x.keras"

    @fuzz(cases)
    @given(weights=damaged(stream.getvalue()))
    def check(weights):
        open_model(changed_model(model, path, weights=weights))

    check()
