"""`kbin.load_model` of a folder: images of any kind go in, and nothing in a stranger's folder runs."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kbin
from kbin.deploy.loaded_model import LoadedModel
from kbin.errors import KbinError, ModelFileError
from kbin.runs import RunDirectory
from tests.deploy.trained import THREE, TWO
from tests.networks import calibrated_classifier
from tests.payloads import PICKLES, Payload

MODEL = "run/models/fixed/seed-0"
SEED = Path("models/fixed/seed-0")


@pytest.fixture(scope="module")
def model(two_classes: Path) -> LoadedModel:
    return kbin.load_model(two_classes / "run")


@pytest.fixture
def copy(two_classes: Path, tmp_path: Path) -> Path:
    """A model's folder that a test may change."""
    return Path(shutil.copytree(two_classes / MODEL, tmp_path / "copy"))


def described_anew(folder: Path, change: Callable[[dict[str, Any]], None] = lambda found: None) -> None:
    """Has model.json agree with the files as they are now, as a stranger would."""
    found = json.loads((folder / "model.json").read_text())
    found["sha256"] = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()
    found["unlike_training"]["sha256"] = hashlib.sha256((folder / "unlike_training.npz").read_bytes()).hexdigest()
    change(found)
    (folder / "model.json").write_text(json.dumps(found))


def test_a_keras_file_is_a_plain_model_and_a_folder_has_more(two_classes, model):
    plain = kbin.load_model(two_classes / MODEL / "model.keras")

    assert type(plain) is type(model.keras_model)
    assert isinstance(plain, keras.Model)
    assert model.description.classes == TWO
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    np.testing.assert_array_equal(plain.predict_on_batch(images), model.keras_model.predict_on_batch(images))


def test_paths_pictures_and_arrays_of_any_size_say_the_same(two_classes, model):
    files = sorted((two_classes / "images/test").rglob("*.png"))
    pictures = [Image.open(file) for file in files]
    expected = RunDirectory(two_classes / "run").predictions("fixed", 0, "test", TWO).y_score

    for images in (files, [str(file) for file in files], pictures, np.stack([np.asarray(one) for one in pictures])):
        table = model.predict(images)
        np.testing.assert_allclose(table["probability"], expected, atol=1e-4)
        assert (table["error"] == "").all()
    assert list(table.columns) == [
        "path", "probability", "label", "calibrated_probability", "training_distance", "unlike_training", "error",
    ]  # fmt: skip
    assert str(table["unlike_training"].dtype) == "boolean"


def test_one_path_or_one_image_is_one_row(two_classes, model):
    file = two_classes / "images/test/dark/0.png"

    rows = [model.predict(one) for one in (file, str(file), Image.open(file), np.asarray(Image.open(file)))]

    assert [len(one) for one in rows] == [1, 1, 1, 1]
    assert len({round(float(one["probability"][0]), 6) for one in rows}) == 1


def test_what_is_no_image_has_a_row_that_says_so(two_classes, model):
    grey = np.full((40, 30), 100, np.uint8)
    table = model.predict([grey, np.zeros(5, np.uint8), None, "nowhere.png", np.zeros((0, 3, 3)), [1, 2]])

    assert table["error"][0] == ""
    assert table["error"][1] == "an array of shape (5,): an image has (height, width) or (height, width, channels)"
    assert table["error"][2] == "a NoneType: give a path, an image of Pillow's or an array"
    assert table["error"][3] == "no such file"
    assert (table["error"][4:] != "").all()
    assert table["probability"].isna().tolist() == [False] + [True] * 5
    assert table["unlike_training"].isna().tolist() == [False] + [True] * 5


def test_no_images_are_an_empty_table(model):
    assert model.predict([]).columns[0] == "path"
    assert len(model.predict([])) == 0


def test_three_classes_have_a_column_each_and_no_threshold(three_classes):
    model = kbin.load_model(three_classes / "run")
    table = model.predict(sorted((three_classes / "images/test").rglob("*.png")))

    expected = RunDirectory(three_classes / "run").predictions("fixed", 0, "test", THREE)
    np.testing.assert_allclose(table[list(THREE)], expected.probabilities, atol=1e-4)
    with pytest.raises(KbinError, match="a threshold is for two classes; this model has 3"):
        model.predict([], threshold=0.5)


def test_model_json_says_what_the_run_did(two_classes):
    found = json.loads((two_classes / MODEL / "model.json").read_text())
    entry = RunDirectory(two_classes / "run").results()["models"][0]["sets"]["test"]

    assert found["threshold"] == {
        "value": entry["per_seed"][0]["threshold"],
        "chosen_on": "validation",
        "criterion": "youden",
        "sensitivity": None,
    }
    assert found["temperature"] == pytest.approx(entry["calibration"]["temperature"])
    assert found["input"]["size"] == 32
    assert found["training_data"]["counts"] == {"dark": 30, "bright": 30}
    # 24 validation images are too few for 1 %: the 60 training images are held out, too.
    assert found["unlike_training"]["held_out_images"] == 84
    assert found["unlike_training"]["false_alarm_rate"] == pytest.approx(1 / 85)
    assert found["sha256"] == hashlib.sha256((two_classes / MODEL / "model.keras").read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", PICKLES)
@pytest.mark.parametrize("name", ["unlike_training.npz", "model.keras"])
def test_a_pickle_in_place_of_a_file_does_not_run(copy, tmp_path, kind, name):
    mark = tmp_path / "ran"
    PICKLES[kind](copy / name, Payload(mark))
    described_anew(copy)

    with pytest.raises(ModelFileError):
        kbin.load_model(copy)
    assert not mark.exists()


def npz(folder: Path, **arrays: np.ndarray) -> None:
    with (folder / "unlike_training.npz").open("wb") as stream:
        np.savez(stream, **arrays)


GOOD = {"references": np.ones((3, 1280), np.float16), "numbers": np.array([1.0, 0.1, 0.01, 9.0, 0.0])}


@pytest.mark.parametrize(
    "arrays",
    [
        {"references": GOOD["references"]},
        GOOD | {"more": np.ones(1)},
        GOOD | {"references": np.ones((3, 1279), np.float16)},
        GOOD | {"references": np.ones((3, 1280), np.float64)},
        GOOD | {"references": np.full((3, 1280), np.nan, np.float16)},
        GOOD | {"numbers": np.array([4.0, 0.1, 0.01, 9.0, 0.0])},
        GOOD | {"numbers": np.array([0.0, 0.1, 0.01, 9.0, 0.0])},
        GOOD | {"numbers": np.array([1.0, np.nan, 0.01, 9.0, 0.0])},
        GOOD | {"numbers": np.array(["x"] * 5)},
    ],
)
def test_numbers_that_do_not_fit_are_refused(copy, arrays):
    npz(copy, **arrays)
    described_anew(copy)

    with pytest.raises(ModelFileError, match=r"unlike_training\.npz"):
        kbin.load_model(copy)


def test_a_file_of_another_model_is_refused(copy):
    npz(copy, **GOOD)

    with pytest.raises(ModelFileError, match=r"unlike_training\.npz is not the one that model\.json"):
        kbin.load_model(copy)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        "[]",
        "",
        "{",
        '{"format": "1"}',
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_a_hostile_description_is_a_message(copy, text):
    (copy / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ModelFileError, match=r"model\.json is damaged") as told:
        kbin.load_model(copy)
    assert len(str(told.value)) < 1_000


def test_a_huge_description_is_not_read(copy):
    with (copy / "model.json").open("wb") as stream:
        stream.truncate(2**31)

    with pytest.raises(ModelFileError, match="too large"):
        kbin.load_model(copy)


@pytest.mark.parametrize("name", ["model.json", "model.keras", "unlike_training.npz"])
def test_a_link_that_leads_out_is_refused(copy, tmp_path, name):
    shutil.move(copy / name, tmp_path / name)
    (copy / name).symlink_to(tmp_path / name)

    with pytest.raises(ModelFileError, match="leads out of the model's folder"):
        kbin.load_model(copy)


@pytest.mark.parametrize("name", ["model.json", "model.keras", "unlike_training.npz"])
def test_a_pipe_is_not_waited_for(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)

    with pytest.raises(ModelFileError):
        kbin.load_model(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found["input"].update(size=64), r"it takes \(None, 32, 32, 3\)"),
        (lambda found: found.update(output="softmax"), "it takes"),
        (lambda found: found.update(sha256="0" * 64), "SHA-256 differs"),
    ],
)
def test_a_description_of_another_model_is_refused(copy, change, message):
    described_anew(copy, change)

    with pytest.raises(ModelFileError, match=message):
        kbin.load_model(copy)


def test_a_model_without_the_pooling_is_refused(copy):
    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs))).save(copy / "model.keras")
    described_anew(copy)

    with pytest.raises(ModelFileError, match=r"is not the classifier that model\.json beside it describes"):
        kbin.load_model(copy)


def test_a_network_of_many_blocks_predicts_what_keras_does_on_both_runtimes(tmp_path, copy):
    """Random weights of another backbone: nothing of the run's own network can stand in for it."""
    network = calibrated_classifier("MobileNetV3Large")
    network.save(copy / "model.keras")
    (copy / "unlike_training.npz").unlink()
    described_anew_without_novelty(copy)
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    expected = np.asarray(network.predict_on_batch(images))[:, 0]
    model = kbin.load_model(copy)

    for runtime in ("torch", "openvino"):
        table = model.predict(images, runtime=runtime)
        np.testing.assert_allclose(table["probability"], expected, atol=1e-4)
    assert np.ptp(expected) > 0.01
    assert "unlike_training" not in table


def described_anew_without_novelty(folder: Path) -> None:
    found = json.loads((folder / "model.json").read_text())
    found |= {"unlike_training": None, "sha256": hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()}
    (folder / "model.json").write_text(json.dumps(found))
