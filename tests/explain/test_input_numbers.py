import io
from pathlib import Path

import numpy as np
import pytest

from kbin.audit.input_statistics import InputStatistics
from kbin.config.models import ModelConfig
from kbin.data.folder import read_folder
from kbin.engine.inputs import ImageInputs
from kbin.errors import StorageError
from kbin.explain import input_numbers as module
from kbin.explain.input_numbers import save_input_numbers
from kbin.model_inputs import SetImages
from kbin.models.classifiers import build_classifier
from kbin.progress import LogProgress
from kbin.runs import RunDirectory
from tests.image_folders import write_images


@pytest.fixture
def train(tmp_path: Path) -> SetImages:
    write_images(tmp_path / "images", {"train/dark": 2, "train/bright": 3}, side=40)
    data = read_folder(tmp_path / "images", ("dark", "bright"))["train"]
    return SetImages(data, ImageInputs(data.images, 32, "stretch"))


def saved(folder: Path, train: SetImages, config: ModelConfig, trained=None) -> tuple[dict | None, str]:
    run, log = RunDirectory(folder / "run"), io.StringIO()
    save_input_numbers(run, config, trained, train, LogProgress(log))
    return run.input_numbers(config.id or ""), log.getvalue()


def small_cnn(**more: object) -> ModelConfig:
    return ModelConfig(id="cnn", backbone="SmallCNN", weights="none", **more)


def test_the_run_holds_what_entered_the_model(tmp_path, train):
    numbers, log = saved(tmp_path, train, small_cnn(), build_classifier("SmallCNN", image_size=32))
    images = train.images.take(np.arange(5))
    assert log == ""
    read = InputStatistics.from_dict(numbers)
    assert read.num_images == 5
    assert read.raw_mean == pytest.approx(images.mean(axis=(0, 1, 2)), abs=1e-3)


@pytest.mark.parametrize(("trained_part", "built"), [({"train_blocks": 1}, 0), ({"train_blocks": "all"}, 1)])
def test_a_first_block_that_was_trained_is_built_again(tmp_path, train, monkeypatch, trained_part, built):
    calls = []
    monkeypatch.setattr(
        module, "build_backbone", lambda *one: calls.append(one) or build_classifier(*one[:1], image_size=32)
    )
    saved(tmp_path, train, small_cnn(**trained_part), build_classifier("SmallCNN", image_size=32))
    assert calls == [("SmallCNN", "none", 32)] * built


def test_a_model_that_was_not_kept_is_built_again(tmp_path, train):
    assert saved(tmp_path, train, small_cnn())[0] is not None


def test_a_fault_is_said_and_leaves_nothing(tmp_path, train, monkeypatch):
    def broken(*_: object) -> dict:
        raise ValueError("no convolution")

    monkeypatch.setattr(module, "input_numbers", broken)
    numbers, log = saved(tmp_path, train, small_cnn())
    assert numbers is None
    assert "cnn: what enters its first convolution is not known (ValueError: no convolution)." in log


def test_a_disk_that_is_full_ends_the_run(tmp_path, train, monkeypatch):
    def full(*_: object) -> None:
        raise StorageError("no space left on device")

    monkeypatch.setattr(RunDirectory, "save_input_numbers", full)
    with pytest.raises(StorageError, match="no space left"):
        saved(tmp_path, train, small_cnn())
