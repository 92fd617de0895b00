"""A `.keras` file from a stranger is data: what is more than a plain model is refused, and nothing in it runs."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import kbin
from kbin.catalogue import BACKBONES
from kbin.errors import KbinError, ModelFileError
from kbin.models import model_files
from kbin.models.model_configs import check_model_config
from kbin.models.model_files import load_saved_weights
from tests.networks import calibrated_classifier, random_images
from tests.payloads import PICKLES, Payload, changed_model, config_of


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file: the smallest network, with a head."""
    path = tmp_path_factory.mktemp("sound") / "model.keras"
    calibrated_classifier("SmallCNN", hidden_units=(4,), dropout=0.1, standardize=True).save(path)
    return path


@pytest.fixture
def refused(saved: Path, tmp_path: Path) -> Callable[..., str]:
    """Expects the sound file with changed members to be refused; returns the reason."""

    def check(message: str, **members: Any) -> str:
        path = changed_model(saved, tmp_path / "changed.keras", **members)
        with pytest.raises(ModelFileError, match=message) as caught:
            kbin.load_model(path)
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < 1_000
        return str(caught.value)

    return check


def with_layer(saved: Path, layer: dict[str, Any]) -> str:
    """Returns the configuration with the last layer replaced."""
    config = config_of(saved)
    last = config["config"]["layers"][-1]
    config["config"]["layers"][-1] = last | layer
    return json.dumps(config)


@pytest.mark.parametrize("name", [row.name for row in BACKBONES if not row.extra])
def test_what_kbin_saves_opens_and_predicts_the_same(name, tmp_path):
    model = calibrated_classifier(name, hidden_units=(4,), dropout=0.1, standardize=True)
    model.save(tmp_path / "model.keras")
    images = random_images(3)
    opened = kbin.load_model(str(tmp_path / "model.keras"))
    np.testing.assert_array_equal(opened.predict_on_batch(images), model.predict_on_batch(images))


def test_a_compiled_model_of_somebody_elses_plain_layers_opens_uncompiled(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.RandomFlip(seed=1)(inputs)
    x = keras.layers.Conv2D(2, 3, kernel_regularizer=keras.regularizers.L2(1e-3), kernel_constraint="max_norm")(x)
    x = keras.layers.Activation(keras.activations.gelu)(keras.ops.abs(x))
    inner = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    model = keras.Model(inputs, inner(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((2, 8, 8, 3)), np.ones((2, 1)), verbose=0)
    model.save(tmp_path / "theirs.keras")
    opened = kbin.load_model(tmp_path / "theirs.keras")
    assert not opened.compiled
    images = np.random.default_rng(0).random((2, 8, 8, 3))
    np.testing.assert_array_equal(opened.predict_on_batch(images), model.predict_on_batch(images))


def lambda_model(mark: Path) -> keras.Model:
    inputs = keras.Input((2,))
    code = eval(
        f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]"
    )  # the path as a constant: Keras keeps no closures
    return keras.Model(inputs, keras.layers.Lambda(code)(inputs))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_is_refused_and_its_code_does_not_run(tmp_path, suffix):
    mark = tmp_path / "ran"
    path = tmp_path / f"evil{suffix}"
    lambda_model(mark).save(path)
    mark.unlink(missing_ok=True)  # building the model ran it
    with pytest.raises(ModelFileError, match=r"'keras\.layers\.Lambda' is not one of|is not a \.keras file"):
        kbin.load_model(path)
    assert not mark.exists()
    if suffix == ".keras":  # it does run where the file is trusted
        keras.saving.load_model(path, safe_mode=False)(np.zeros((1, 2)))
        assert mark.exists()


@pytest.mark.parametrize("kind", PICKLES)
@pytest.mark.parametrize("as_member", [False, True])
def test_a_pickle_is_no_model_and_does_not_run(saved, tmp_path, kind, as_member):
    mark = tmp_path / "ran"
    PICKLES[kind](tmp_path / "evil.keras", Payload(mark))
    path = tmp_path / "evil.keras"
    if as_member:
        path = changed_model(saved, tmp_path / "carrier.keras", weights=path.read_bytes())
    with pytest.raises(ModelFileError):
        kbin.load_model(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("keras.utils", "get_file"),
        ("keras.saving", "load_model"),
        ("keras.src.saving.saving_lib", "load_model"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.layers", "Lambda"),
        ("keras.src.layers.core.lambda_layer", "Lambda"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "JaxLayer"),
        ("keras.layers", "StringLookup"),
        ("keras.layers", "IntegerLookup"),
        ("keras.layers", "TextVectorization"),
        ("keras.layers", "os"),
        ("keras.src.ops.core", "Map"),
        ("keras_hub.src.models.backbone", "Backbone"),
        (None, "Dense"),
        ("", "Lambda"),
        (["keras"], "Dense"),
        ("keras.layers", "__class__"),
    ],
)
def test_a_class_that_is_no_plain_layer_is_refused_before_keras_sees_it(saved, refused, monkeypatch, module, name):
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("Keras was asked")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", fail)
    monkeypatch.setattr(keras.saving, "load_model", fail)
    layer = {"module": module, "class_name": name, "config": {"vocabulary": "/etc/passwd", "name": "head_output"}}
    refused("is not one of Keras's plain layers|no object that Keras writes", config_json=with_layer(saved, layer))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ({"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}, "'os.system'"),
        (
            {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"},
            "builtins.exec",
        ),
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "'keras.utils.get_file'"),
        ({"class_name": "__lambda__", "config": {"value": ["4wAAAA==", None, None]}}, "__lambda__"),
        ({"class_name": "__typespec__", "config": [], "spec_name": "x", "module": "os"}, "no object that Keras writes"),
        ({"class_name": "__numpy__", "config": {"value": [1], "dtype": "S4000000000"}}, "has the type 'S4000000000'"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "a>B"}, "a>B"),
        ({"registered_name": "a>B"}, "no object that Keras writes"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {}, "compile_config": {"x": 1}}, "of its own"),
    ],
)
def test_a_function_or_value_of_ones_own_is_refused_wherever_it_lies(saved, refused, function, message):
    layer = {"config": {"name": "head_output", "units": 1, "activation": function}}
    refused(message, config_json=with_layer(saved, layer))
    config = config_of(saved)
    config["config"]["layers"][0]["build_config"] = {"deep": [[{"x": function}]]}
    refused(message, config_json=json.dumps(config))


ARRAY = {"class_name": "__tensor__", "config": {"value": [[[[1.0]]]], "dtype": "float32"}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([ARRAY], "called on something else than another layer's output"),
        ([ARRAY | {"class_name": "__numpy__"}], "called on something else than another layer's output"),
        ([3_000_000_000], "called on something else than another layer's output"),
        ([], "called on something else than another layer's output"),
        (["the input", {"mask": ARRAY}], "called with an array that lies in the configuration"),
        ([{"class_name": "__slice__", "config": {"start": "the input"}}], "called on something else"),
    ],
)
def test_a_layer_that_is_called_on_a_constant_is_refused(saved, refused, arguments, message):
    (node,) = config_of(saved)["config"]["layers"][-1]["inbound_nodes"]
    text = json.dumps(arguments).replace('"the input"', json.dumps(node["args"][0]))
    nodes = [node, {"args": json.loads(text), "kwargs": {}}]
    refused(message, config_json=with_layer(saved, {"inbound_nodes": nodes}))


def test_models_in_models_that_would_be_called_billions_of_times_are_refused(refused):
    def tensor(name: str, node: int) -> dict[str, Any]:
        config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, node, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    first = {
        "module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "name": "i", "inbound_nodes": [],
        "config": {"batch_shape": [None, 4], "dtype": "float32", "sparse": False, "name": "i"},
    }  # fmt: skip
    layer = {"module": "keras.layers", "class_name": "Identity", "config": {"name": "m0"}, "registered_name": None}
    for level in range(1, 11):  # each calls the one before 8 times: 8^10 calls
        inner = f"m{level - 1}"
        nodes = [{"args": [tensor(inner if k else "i", max(0, k - 1))], "kwargs": {}} for k in range(8)]
        config = {
            "name": f"m{level}", "trainable": True, "input_layers": [["i", 0, 0]], "output_layers": [[inner, 7, 0]],
            "layers": [first, layer | {"name": inner, "inbound_nodes": nodes}],
        }  # fmt: skip
        layer = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
        layer["config"] = config
    refused("its layers are called more than 100,000 times", config_json=json.dumps(layer))


SWIN = {
    "name": "swin", "image_shape": [224, 224, 3], "patch_size": 4, "embed_dim": 96, "depths": [2, 2, 6, 2],
    "num_heads": [3, 6, 12, 24], "window_size": 7, "mlp_ratio": 4.0, "qkv_bias": True, "dropout_rate": 0.0,
    "attention_dropout": 0.0, "drop_path": 0.2, "patch_norm": True, "data_format": "channels_last",
}  # fmt: skip


def swin_in(saved: Path, values: dict[str, Any]) -> dict[str, Any]:
    layer = {
        "module": "keras_hub.src.models.swin_transformer.swin_transformer_backbone",
        "class_name": "SwinTransformerBackbone",
        "registered_name": "keras_hub>SwinTransformerBackbone",
        "config": values,
    }
    return dict(json.loads(with_layer(saved, layer)))


@pytest.mark.parametrize(
    "values", [{"window_size": 10**5}, {"depths": [10**6]}, {"embed_dim": 10**9}, {"image_shape": [10**8, 224, 3]}]
)
def test_another_swin_than_swin_tiny_is_refused(saved, refused, values):
    check_model_config(swin_in(saved, SWIN))
    refused("is not Swin-Tiny|takes images of the shape", config_json=json.dumps(swin_in(saved, SWIN | values)))


def test_a_layer_that_would_need_more_than_the_file_holds_costs_nothing(saved, refused):
    layer = {"config": {"name": "head_output", "units": 10**11}}
    refused(r"its layers need 2,000,000 MB, and the file has 0 MB", config_json=with_layer(saved, layer))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"assets/vocabulary.txt": "x"}, "holds 'assets/vocabulary.txt', which is no part of a plain model"),
        ({"../../escaped": "x"}, r"holds '\.\./\.\./escaped'"),
        ({"/etc/cron.d/x": "x"}, "holds '/etc/cron.d/x'"),
        ({"model.weights.npz": "x"}, "holds 'model.weights.npz'"),
        ({"weights": None}, "should hold config.json, metadata.json, model.weights.h5, each once"),
        ({"config_json": None}, "should hold config.json"),
        ({"config_json": "{"}, "Expecting property name"),
        ({"config_json": "[]"}, "no Functional or Sequential model"),
        ({"config_json": "[" * 100_000}, "recursion"),
        ({"config_json": b"\xff\xfe\x00"}, "codec"),
        ({"config_json": " " * (2**24 + 1)}, "its configuration is too large"),
        ({"weights": b""}, "Unable to synchronously open file"),
        ({"weights": b"\x89HDF\r\n\x1a\n" + b"\0" * 100}, "Unable to synchronously open file"),
    ],
)
def test_what_is_no_whole_file_of_a_plain_model_is_refused(refused, members, message):
    refused(message, **members)


def test_a_configuration_that_is_nested_deeply_is_refused(saved, refused):
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    refused("nested too deeply", config_json=with_layer(saved, {"config": {"units": nested}}))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(saved, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(config_of(saved)))
        file.writestr("model.weights.h5", b"\0" * 10_000_000)
    with pytest.raises(ModelFileError, match="its parts are compressed"):
        kbin.load_model(tmp_path / "bomb.keras")


def hdf5(make: Callable[[h5py.File], None]) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        make(file)
    return stream.getvalue()


def test_weights_that_lie_in_other_files_are_refused(refused, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret" * 100)

    def external_data(file: h5py.File) -> None:
        file.create_dataset("layers/x/vars/0", (100,), "u1", external=[(str(secret), 0, 100)])

    def external_link(file: h5py.File) -> None:
        file["layers"] = h5py.ExternalLink(str(secret), "/")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((100,), "u1")
        layout[:] = h5py.VirtualSource(str(secret), "x", (100,))
        file.create_virtual_dataset("x", layout)

    refused("lie in another file, which kbin does not open", weights=hdf5(external_data))
    refused("link to elsewhere", weights=hdf5(external_link))
    refused("lie in another file", weights=hdf5(virtual))


def test_weights_that_declare_terabytes_are_refused(refused):
    refused(
        "declares more than the",
        weights=hdf5(lambda file: file.create_dataset("x", (10**9, 10**3), "f4", chunks=(1, 1000), compression="gzip")),
    )


@pytest.mark.parametrize("where", ["no.keras", "folder.keras", "fifo.keras", "model.h5"])
def test_what_is_no_keras_file_is_refused_at_once(tmp_path, where):
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "model.h5").touch()
    os.mkfifo(tmp_path / "fifo.keras")
    with pytest.raises(ModelFileError, match=f"{where} (does not exist|is not a .keras file)"):
        kbin.load_model(tmp_path / where)


def test_the_error_is_one_that_the_command_line_prints():
    assert issubclass(ModelFileError, KbinError)
    assert ModelFileError.exit_code == 2


def test_a_saved_models_weights_are_looked_through_before_they_are_loaded(saved, tmp_path):
    def built() -> keras.Model:
        return calibrated_classifier("SmallCNN", hidden_units=(4,), dropout=0.1, standardize=True, seed=1)

    model = built()
    load_saved_weights(model, saved)
    for one, other in zip(model.get_weights(), kbin.load_model(saved).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    link = hdf5(lambda file: file.__setitem__("x", h5py.ExternalLink(str(saved), "/")))
    for weights, message in ((link, "link to elsewhere"), (b"", "Unable to synchronously open"), (None, "each once")):
        path = changed_model(saved, tmp_path / "changed.keras", weights=weights)
        with pytest.raises(ModelFileError, match=rf"does not hold the weights of this model: .*{message}"):
            load_saved_weights(model, path)


def test_a_huge_layer_beside_a_swin_is_refused_by_its_numbers(tmp_path):
    """KerasHub cannot make a Swin without values, so its file is not built on the device that has none."""
    layers = [{"class_name": "SwinTransformerBackbone"}, {"class_name": "Dense", "config": {"units": 10**9}}]
    with pytest.raises(ValueError, match="it has the number 1000000000"):
        model_files._check_sizes(tmp_path / "unread.keras", {"config": {"layers": layers}})
