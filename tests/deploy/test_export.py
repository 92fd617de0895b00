"""An exported file gives Keras's probabilities, or is not there."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kbin
from kbin.deploy import export, export_targets
from kbin.deploy.captured_program import captured_program
from kbin.deploy.export import export_model, largest_difference
from kbin.deploy.export_targets import TARGETS, find_target
from kbin.deploy.inference_network import inference_network
from kbin.errors import DataError, IntegrityError, KbinError, MissingExtraError, ModelFileError
from tests.deploy.exported_folders import folder_of, small_folder
from tests.image_folders import write_images
from tests.networks import calibrate, calibrated_classifier, random_images

FORMATS = [target.name for target in TARGETS]
IMAGES = random_images(20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_folder(tmp_path_factory.mktemp("run") / "seed-0")


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    predictions = keras.saving.load_model(folder / "model.keras").predict(IMAGES, verbose=0)
    assert np.ptp(predictions) > 0.01
    return predictions


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_file_takes_raw_images_in_batches_of_any_size(folder, expected, files, format, count):
    given = find_target(format).open(files[format].path)(IMAGES[:count])

    np.testing.assert_allclose(given, expected[:count], atol=1e-6)


@pytest.fixture(scope="module")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, export.ExportedModel]:
    out = tmp_path_factory.mktemp("out")
    return {name: export_model(folder, name, out) for name in FORMATS}


@pytest.mark.parametrize("format", FORMATS)
def test_beside_the_file_stands_what_it_takes_and_gives(files, format):
    exported = files[format]
    beside = json.loads(exported.description_path.read_text(encoding="utf-8"))

    assert beside["input"] == {"name": "images", "type": "uint8", "shape": ["batch", 32, 32, 3]}
    assert beside["file"] == exported.path.name
    assert beside["model"]["classes"] == ["good", "bad"]
    assert beside["model"]["positive"] == "bad"
    assert beside["model"]["threshold"]["value"] == 0.4
    assert beside["model"]["input"]["resize"] == "stretch"
    assert beside["compared_with_keras"]["images"] == 16
    assert beside["compared_with_keras"]["are_real"] is False
    assert beside["compared_with_keras"]["largest_difference"] == exported.largest_difference < 1e-5
    names = {exported.path.name, exported.description_path.name}
    assert names <= {one.name for one in exported.path.parent.iterdir()}


def test_the_description_is_in_the_files_too(files):
    import onnx
    import openvino
    import torch

    held = {one.key: one.value for one in onnx.load(files["onnx"].path).metadata_props}
    network = openvino.Core().read_model(files["openvino"].path)
    extra = {"kbin.json": ""}
    torch.export.load(files["torch"].path, extra_files=extra)

    for text in (held["kbin"], network.get_rt_info(["kbin"]).astype(str), extra["kbin.json"]):
        assert json.loads(text)["positive"] == "bad"


def test_several_classes_come_as_softmax(tmp_path):
    model = calibrated_classifier("SmallCNN", num_classes=3)
    folder = folder_of(
        model, tmp_path / "seed-0", classes=["a", "b", "c"], positive=None, output="softmax", threshold=None
    )
    exported = export_model(folder, "torch", tmp_path)

    given = find_target("torch").open(exported.path)(IMAGES)

    np.testing.assert_allclose(given, model.predict(IMAGES, verbose=0), atol=1e-6)
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)


def test_a_model_that_kbin_did_not_build_is_exported_as_it_is(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(4)(x))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x), name="ResNet50")
    calibrate(model, IMAGES)
    exported = export_model(folder_of(model, tmp_path / "seed-0"), "torch", tmp_path)
    predict, expected = find_target("torch").open(exported.path), model.predict(IMAGES, verbose=0)

    assert np.ptp(expected) > 0.01
    for _ in range(2):  # its BatchNorm changes tensors in place: not those of the next call
        np.testing.assert_allclose(predict(IMAGES), expected, atol=1e-6)


def test_batch_norm_is_merged_and_kernels_are_turned_beforehand():
    program = captured_program(inference_network(calibrated_classifier("SmallCNN")), 32)

    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert names.count("aten.conv2d.default") == 3
    assert names.count("aten.permute.default") == 1  # of the images
    assert not [name for name in names if "batch_norm" in name or "subtract" in name]


def test_a_file_that_gives_something_else_is_not_kept(folder, tmp_path, monkeypatch):
    other = calibrated_classifier("SmallCNN", seed=1)
    monkeypatch.setattr(export, "inference_network", lambda model: inference_network(other))
    (tmp_path / "model.pt2").write_bytes(b"older")

    with pytest.raises(
        IntegrityError, match=r"other probabilities than Keras: they differ by up to .*allowed is 0.0001"
    ):
        export_model(folder, "torch", tmp_path)

    assert [one.name for one in tmp_path.iterdir()] == ["model.pt2"]
    assert (tmp_path / "model.pt2").read_bytes() == b"older"


def test_a_converter_that_gives_up_leaves_nothing(folder, tmp_path, monkeypatch):
    def fails(program, path, description):
        path.write_bytes(b"half")
        raise RuntimeError("no such operation\nmore")

    target = export_targets.Target("torch", ".pt2", (), "", (), fails, lambda path: None)
    monkeypatch.setattr(export, "find_target", lambda name: target)

    with pytest.raises(IntegrityError, match=r"torch cannot take this model \(RuntimeError: no such operation\)"):
        export_model(folder, "torch", tmp_path / "out/model.pt2")

    assert list((tmp_path / "out").iterdir()) == []


def test_the_largest_difference_is_of_one_image_alone_or_of_any_in_a_batch():
    expected = np.full((20, 1), 0.5, np.float32)

    def predict(images):  # the last image of any batch is wrong by 0.25, one alone by 0.125
        wrong = np.full((len(images), 1), 0.5, np.float32)
        wrong[-1] += 0.125 if len(images) == 1 else 0.25
        return wrong

    assert largest_difference(predict, IMAGES, expected) == 0.25
    assert largest_difference(predict, IMAGES[:1], expected[:1]) == 0.125
    assert np.isnan(largest_difference(lambda images: expected[: len(images)] * np.nan, IMAGES, expected))
    assert np.isnan(largest_difference(lambda images: expected[: len(images), 0], IMAGES, expected))


def test_given_images_are_compared_on(folder, tmp_path):
    write_images(tmp_path / "photos", {"dark": 3, "bright": 2})

    exported = export_model(folder, "torch", tmp_path, images=[tmp_path / "photos"])

    assert (exported.num_images, exported.images, exported.are_real) == (5, "given", True)


def test_images_of_the_run_are_compared_on_where_they_still_are(tmp_path):
    write_images(tmp_path / "photos", {"dark": 3})
    run = tmp_path / "run"
    folder = small_folder(run / "models/small/seed-3")
    (run / "experiment.yaml").write_text(f"name: x\ndata: {{source: folder, path: {tmp_path / 'photos'}}}\n")
    names = sorted(one.name for one in (tmp_path / "photos/dark").iterdir())
    rows = "".join(f"{name},dark/{name},good,0.1\n" for name in [*names, "removed.png"])
    (folder / "predictions").mkdir()
    (folder / "predictions/test.csv").write_text(f"sample_id,path,y_true,y_score\n{rows}")

    exported = export_model(run, "torch", tmp_path)

    assert (exported.num_images, exported.images, exported.are_real) == (3, "of the run's set 'test'", True)


def test_images_that_hardly_differ_for_the_model_are_said_to_say_little(folder, tmp_path):
    for index in range(2):
        Image.new("RGB", (40, 40), (90, 90, 90)).save(tmp_path / f"{index}.png")

    lines = export_model(folder, "torch", tmp_path, images=[tmp_path / "0.png", tmp_path / "1.png"]).lines()

    assert lines[-1].startswith("These images hardly differ for the model")


def test_an_unknown_format_is_answered_with_the_nearest(folder, tmp_path):
    with pytest.raises(KbinError, match=r"unknown format 'onyx'. Did you mean 'onnx'\? Known: onnx, openvino, torch"):
        export_model(folder, "onyx", tmp_path)


def test_a_package_that_is_missing_is_named_with_its_extra(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"needs onnx, onnxscript, onnxruntime, .*pip install 'kbin\[export\]'"):
        export_model(folder, "onnx", tmp_path)
    with pytest.raises(
        MissingExtraError, match=r"needs openvino, which is not installed: `pip install 'kbin\[fast\]'`"
    ):
        export_model(folder, "openvino", tmp_path)


def test_a_name_with_another_suffix_is_refused(folder, tmp_path):
    with pytest.raises(KbinError, match=r"a file for onnx ends in \.onnx"):
        export_model(folder, "onnx", tmp_path / "model.keras")


def test_images_that_are_not_there_are_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"--images: .*nowhere does not exist"):
        export_model(folder, "torch", tmp_path, images=[tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"--images: no image is at .*empty"):
        export_model(folder, "torch", tmp_path, images=[tmp_path / "empty"])


def test_of_several_models_none_is_chosen(folder, tmp_path):
    for seed in (0, 1):
        small_folder(tmp_path / f"models/fixed/seed-{seed}")

    with pytest.raises(ModelFileError, match="holds 2 models"):
        export_model(tmp_path, "torch", tmp_path)


def test_a_description_of_another_size_is_refused(tmp_path):
    folder = small_folder(tmp_path / "seed-0", input={"size": 64, "resize": "stretch"})

    with pytest.raises(ModelFileError, match=r"takes \(None, 32, 32, 3\).*by its description it takes \(None, 64, 64"):
        export_model(folder, "torch", tmp_path)


def test_a_strangers_model_runs_no_code_and_names_no_file(tmp_path):
    inputs = keras.Input((32, 32, 3))
    hostile = keras.layers.Lambda(lambda x: x)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(hostile)))
    folder = folder_of(model, tmp_path / "lambda")
    with pytest.raises(ModelFileError, match="is not opened as a model"):
        export_model(folder, "torch", tmp_path)

    named = small_folder(tmp_path / "named", experiment="../../escaped", model="/escaped", backbone="../escaped")
    exported = export_model(named, "torch", tmp_path / "out" / "mine.pt2")

    assert exported.path == tmp_path / "out" / "mine.pt2"
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"mine.pt2", "mine.pt2.json"}
    assert not list(tmp_path.rglob("*escaped*"))


def test_it_is_a_public_name():
    assert kbin.export_model is export_model


def test_what_torch_cannot_capture_is_said_in_words(folder, tmp_path, monkeypatch):
    def fails(network, size):
        raise RuntimeError

    monkeypatch.setattr(export, "captured_program", fails)

    with pytest.raises(IntegrityError, match=r"onnx cannot take this model \(RuntimeError: \)\. Nothing was written"):
        export_model(folder, "onnx", tmp_path)

    assert list(tmp_path.iterdir()) == []
