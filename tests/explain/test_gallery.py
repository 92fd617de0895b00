import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kbin.data.folder import read_folder
from kbin.engine.inputs import ImageInputs
from kbin.errors import StorageError
from kbin.explain import gallery as gallery_module
from kbin.explain.gallery import save_gallery
from kbin.explain.overlays import image_jpeg, overlay_jpeg
from kbin.model_inputs import SetImages
from kbin.model_run import ModelRun
from kbin.models.classifiers import build_classifier
from kbin.progress import LogProgress
from kbin.runs import RunDirectory
from kbin.training.trainer import Trained
from tests.image_folders import write_images


def opened(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)), np.int64)


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, SetImages]:
    counts = {"train/dark": 1, "train/bright": 1, "validation/dark": 1, "validation/bright": 1}
    counts |= {"test/dark": 3, "test/bright": 3, "centre/dark": 2}
    write_images(tmp_path / "images", counts, side=40)
    read = read_folder(tmp_path / "images", ("dark", "bright"))
    return {name: SetImages(data, ImageInputs(data.images, 32, "stretch")) for name, data in read.items()}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_classifier("SmallCNN", image_size=32)


SCORES = {
    "train": np.array([0.9, 0.9]),
    "validation": np.array([0.2, 0.1]),
    # Three bright images, three dark ones; wrong from .4 on: 3 (an alarm, .55 of .6) and 1 (a miss, .2 of .4).
    "test": np.array([0.8, 0.2, 0.7, 0.95, 0.3, 0.1]),
    "centre": np.array([0.1, 0.2]),
}


def saved(
    folder: Path, model: keras.Model | None, sets: dict[str, SetImages], threshold: float = 0.4
) -> tuple[dict, RunDirectory, str]:
    run, log = RunDirectory(folder / "run"), io.StringIO()
    trained = ModelRun(3, Trained([], 1), SCORES, {}, model)
    save_gallery(run, "cnn", trained, sets, threshold, LogProgress(log))
    path = run.path / "models" / "cnn" / "seed-3" / "gallery" / "gallery.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}, run, log.getvalue()


def test_it_holds_the_worst_errors_and_the_most_doubtful_images_of_every_test_set(tmp_path, model, sets):
    contents, run, log = saved(tmp_path, model, sets)
    assert (contents["seed"], contents["threshold"], contents["cam_reason"], log) == (3, 0.4, None, "")
    assert list(contents["sets"]) == [name for name in sets if name in ("test", "centre")]
    paths = sets["test"].data.paths
    first, second, third = contents["sets"]["test"][:3]
    assert [path.split("/")[1] for path in paths] == ["bright"] * 3 + ["dark"] * 3
    assert (first["kind"], first["path"], first["score"]) == ("error", paths[3], 0.95)
    assert (first["true"], first["predicted"]) == ("dark", "bright")
    assert (second["kind"], second["path"], second["predicted"]) == ("error", paths[1], "dark")
    assert (third["kind"], third["path"]) == ("doubtful", paths[4])  # .1 from the threshold
    assert len(contents["sets"]["test"]) == 6
    assert run.gallery("cnn", 3) == contents


def test_every_picture_is_a_jpeg_beside_its_overlay(tmp_path, model, sets):
    contents, run, _ = saved(tmp_path, model, sets)
    folder = run.gallery_folder("cnn", 3)
    named = [one[key] for entries in contents["sets"].values() for one in entries for key in ("file", "cam")]
    assert {"test/1.jpg", "test/1-cam.jpg", "test/6.jpg", "test/6-cam.jpg", "centre/2-cam.jpg"} <= set(named)
    assert sorted(named) == sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.jpg"))
    for name in named:
        assert (folder / name).read_bytes().startswith(b"\xff\xd8\xff")
        assert opened((folder / name).read_bytes()).shape == (32, 32, 3)
    shown = opened((folder / "test" / "1.jpg").read_bytes())
    assert abs(shown.mean() - sets["test"].images.take(np.array([3])).mean()) < 3


def test_the_explained_class_is_the_answer_at_the_threshold_in_force(tmp_path, model, sets, monkeypatch):
    asked = []
    monkeypatch.setattr(
        gallery_module, "grad_cam", lambda _, images, classes: asked.append(classes) or np.zeros(images.shape[:3])
    )
    contents, _, _ = saved(tmp_path, model, sets, threshold=0.75)
    answers = [[one["predicted"] for one in entries] for entries in contents["sets"].values()]
    assert [[("dark", "bright")[index] for index in classes] for classes in asked] == answers
    assert {"dark", "bright"} == {name for names in answers for name in names}


def test_without_a_test_set_the_validation_set_is_shown(tmp_path, model, sets):
    few = {name: sets[name] for name in ("train", "validation")}
    contents, _, _ = saved(tmp_path, model, few)
    assert list(contents["sets"]) == ["validation"]


def test_with_a_training_set_only_there_is_no_gallery(tmp_path, model, sets):
    contents, run, _ = saved(tmp_path, model, {"train": sets["train"]})
    assert contents == {}
    assert run.gallery("cnn", 3) is None


def test_a_model_without_a_map_has_the_images_and_says_why_there_is_no_more(tmp_path, sets):
    one_cell = build_classifier("MobileNetV3Large", weights="none", image_size=32)
    contents, run, log = saved(tmp_path, one_cell, sets)
    assert contents["cam_reason"].startswith("the last feature map of 'MobileNetV3Large' has 1 x 1 cells")
    assert "cnn has no Grad-CAM: the last feature map of 'MobileNetV3Large' has 1 x 1 cells" in log
    assert {one["cam"] for one in contents["sets"]["test"]} == {None}
    assert (run.gallery_folder("cnn", 3) / "test" / "1.jpg").is_file()


def test_a_fault_of_grad_cam_is_recorded_and_the_images_stay(tmp_path, model, sets, monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(gallery_module, "grad_cam", fail)
    contents, _, log = saved(tmp_path, model, sets)
    assert contents["cam_reason"] == "MemoryError: no room"
    assert len(contents["sets"]["test"]) == 6
    assert "cnn has no Grad-CAM: MemoryError: no room." in log


def test_a_fault_of_the_images_is_recorded_and_the_run_goes_on(tmp_path, model, sets, monkeypatch):
    for path in (tmp_path / "images" / "test").rglob("*.png"):
        path.write_bytes(b"no image")
    contents, _, log = saved(tmp_path, model, sets)
    assert contents["sets"] == {}
    assert contents["cam_reason"].startswith("the gallery could not be made (BadImagesError: ")
    assert "the gallery could not be made" in log


def test_a_folder_that_cannot_be_written_ends_the_run(tmp_path, model, sets):
    (tmp_path / "run").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cannot be written: a file lies where its folder should be\."):
        saved(tmp_path, model, sets)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_set_whose_name_leads_elsewhere_stays_in_the_gallery(tmp_path, name):
    run = RunDirectory(tmp_path / "run")
    place = run.save_gallery_picture("cnn", 0, name, "1", b"jpeg")
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert written == [run.gallery_folder("cnn", 0) / place]
    assert place == f"{name}_/1.jpg"


def test_many_sets_share_the_places(tmp_path, model, sets):
    test = sets["test"]
    many = {f"centre-{k}": SetImages(test.data, test.images) for k in range(6)}
    scores = dict.fromkeys(many, np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    run = RunDirectory(tmp_path / "run")
    save_gallery(run, "cnn", ModelRun(0, Trained([], 1), scores, {}, model), many, 0.5, LogProgress(io.StringIO()))
    kinds = [[one["kind"] for one in entries] for entries in run.gallery("cnn", 0)["sets"].values()]
    # 6 errors and 4 doubtful ones, each times 3 / 6; there are 6 images, all of them wrong.
    assert kinds == [["error"] * 3 + ["doubtful"] * 2] * 6


class TestPictures:
    IMAGE = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)

    def test_a_large_image_comes_down_to_224_pixels_and_keeps_its_shape(self):
        assert opened(image_jpeg(self.IMAGE)).shape == (168, 224, 3)
        assert opened(overlay_jpeg(self.IMAGE, np.zeros((300, 400), np.float32))).shape == (168, 224, 3)

    def test_without_heat_the_image_is_its_grey_self(self):
        grey = np.full((40, 40, 3), 90, np.uint8)
        assert np.abs(opened(overlay_jpeg(grey, np.zeros((40, 40), np.float32))) - 90).max() <= 1

    def test_heat_colours_its_place_and_the_image_stays_visible_below(self):
        image = np.full((64, 64, 3), 60, np.uint8)
        image[:, 40:48] = 200
        heat = np.zeros((64, 64), np.float32)
        heat[:, 32:] = 1
        drawn = opened(overlay_jpeg(image, heat))
        assert np.ptp(drawn[20, 10]) <= 4  # no colour where there is no heat
        assert drawn[20, 55, 0] - drawn[20, 55, 2] > 80  # yellow
        assert drawn[20, 44].mean() - drawn[20, 55].mean() > 30  # the stripe
        row = drawn[20, 28:36].mean(axis=1)  # the outline: dark beside light
        assert row.min() < 30
        assert row.max() > 220
