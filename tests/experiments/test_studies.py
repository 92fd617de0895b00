"""The files of the five studies, run as a person runs them: `--quick`, on folders laid out as their data is.

The backbones are the studies' own, with random weights whose BatchNorm fits the images: without that a random network
is constant, and anything would pass. Images are 64 px, but for Swin-Tiny.
"""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kbin.data.cifar10 import ARCHIVE, FOLDER
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.models.builders import build_backbone
from kbin.progress import LogProgress
from tests.extras import needs_keras_hub
from tests.image_folders import write_images
from tests.networks import calibrate

STUDIES = Path(__file__).parents[2] / "experiments"
SIZE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Returns a function that gives a weights file of a backbone, made once."""
    folder = tmp_path_factory.mktemp("weights")

    def file_of(backbone: str, size: int = SIZE) -> str:
        path = folder / f"{backbone}-{size}.weights.h5"
        if not path.exists():
            model = build_backbone(backbone, "none", size)
            levels = np.linspace(60, 180, 16)[:, None, None, None]  # noise as write_images makes it
            # CIFAR's pixels are stretched to 224.
            side = 32 if size == 224 else size
            images = np.random.default_rng(99).normal(levels, 40, (16, side, side, 3)).clip(0, 255)
            calibrate(model, images.repeat(size // side, axis=1).repeat(size // side, axis=2))
            model.save_weights(path)
        return str(path)

    return file_of


def run(name: str, data: Path, out: Path, files: Mapping[int, str], *overrides: str) -> dict[str, Any]:
    """Runs a study on `data`; `files` are the weights of the entries of its `models`."""
    given = [f"data.path={data}", "engine.runtime=torch", *overrides]
    given += [f"models.{index}.weights={path}" for index, path in files.items()]
    config = load_experiment(STUDIES / f"{name}.yaml", given).quick()
    log = io.StringIO()
    assert run_experiment(config, out, LogProgress(log)) == 0, log.getvalue()
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def entries(results: dict[str, Any], out: Path) -> dict[str, dict[str, Any]]:
    """Returns the models by id, after a look at what every run must leave."""
    assert (out / "report.html").stat().st_size > 10_000
    for model in results["models"]:
        assert model["status"] == "done"
        predictions = (out / "models" / model["id"] / "seed-0" / "predictions" / "test.csv").read_text(encoding="utf-8")
        scores = np.array([line.split(",")[3:] for line in predictions.splitlines()[1:]]).astype(float)
        assert np.ptp(scores, axis=0).max() > 0.01
    return {model["id"]: model for model in results["models"]}


def test_study_1_has_both_test_sets_side_by_side_and_its_grid(tmp_path: Path, weights: Any) -> None:
    sets = {"train": 20, "test": 10, "test_2": 8}
    counts = {f"{name}/{kind}": count for name, count in sets.items() for kind in ("healthy", "tumour")}
    data = write_images(tmp_path / "slides", counts, side=SIZE, levels={"healthy": 90, "tumour": 150})
    files = {0: weights("ResNet18"), 1: weights("ResNet50"), 2: weights("ResNet18")}
    results = run("study_1_tumour", data, tmp_path / "out", files, f"data.image_size={SIZE}")
    models = entries(results, tmp_path / "out")
    assert list(models) == ["resnet-18", "resnet-50", "resnet-18-best-of-grid"]
    assert ["search" in model for model in models.values()] == [False, False, True]
    for model in models.values():
        assert {name: entry["n"] for name, entry in model["sets"].items() if name != "validation"} == {
            "train": 34, "test": 20, "test_2": 16,
        }  # fmt: skip
        assert all(isinstance(entry["collapsed"], bool) for entry in model["sets"].values())


def test_study_2_has_two_outputs_and_both_classes_precision(tmp_path: Path, weights: Any) -> None:
    counts = {"train/not_car": 28, "train/car": 12, "test/not_car": 14, "test/car": 6}
    data = write_images(tmp_path / "cars", counts, side=SIZE, levels={"not_car": 90, "car": 150})
    out = tmp_path / "out"
    results = run("study_2_cars", data, out, {2: weights("ResNet18")}, f"data.image_size={SIZE}")
    models = entries(results, out)
    assert list(models) == ["own-cnn", "own-cnn-squared-error", "resnet-18"]
    for model in models.values():
        assert {name: one["n"] for name, one in model["sets"]["test"]["per_class"].items()} == {"not_car": 14, "car": 6}
    # Two outputs on 256 units: 2 x 256 weights and 2 biases more than the hidden layer's.
    assert models["own-cnn"]["blocks"][-1] == {
        "block": "head", "parameters": 128 * 256 + 256 + 514, "trainable": 128 * 256 + 256 + 514, "statistics": 0,
    }  # fmt: skip
    assert models["resnet-18"]["parameters"]["trainable"] == 512 * 2 + 2


def test_study_3_has_both_modes_with_their_times(tmp_path: Path, weights: Any) -> None:
    counts = {f"{name}/{kind}": 8 for name in ("train", "val", "test") for kind in ("NORMAL", "PNEUMONIA")}
    data = write_images(tmp_path / "xray", counts, side=SIZE, levels={"NORMAL": 90, "PNEUMONIA": 150})
    files = {0: weights("ResNet50"), 1: weights("EfficientNetB0")}
    results = run("study_3_xray", data, tmp_path / "out", files, f"data.image_size={SIZE}")
    models = entries(results, tmp_path / "out")
    assert list(models) == ["ResNet50-fixed", "ResNet50-all", "EfficientNetB0-fixed", "EfficientNetB0-all"]
    for name, model in models.items():
        assert (model["parameters"]["non_trainable"] == 0) == name.endswith("all")
        assert all(seconds > 0 for seconds in model["seconds"].values())


def test_study_4_has_the_published_parameters_at_each_depth(tmp_path: Path, weights: Any) -> None:
    classes = {"covid": 60, "normal": 100, "tb": 140, "viral_pneumonia": 180}
    data = write_images(tmp_path / "covid", dict.fromkeys(classes, 14), side=SIZE, levels=classes)
    files = {0: weights("ShuffleNetV2x1_0"), 1: weights("EfficientNetB0")}
    results = run("study_4_covid", data, tmp_path / "out", files, f"data.image_size={SIZE}")
    models = entries(results, tmp_path / "out")
    assert {name: model["parameters"]["trainable"] for name, model in models.items()} == {
        "ShuffleNetV2x1_0-fixed": 1_576_452,
        "ShuffleNetV2x1_0-1-block": 2_053_636,
        "ShuffleNetV2x1_0-2-blocks": 2_554_988,
        "EfficientNetB0-fixed": 1_838_596,
        "EfficientNetB0-1-block": 2_250_756,
        "EfficientNetB0-2-blocks": 2_967_988,
    }
    for model in models.values():
        assert set(model["sets"]["test"]["per_class"]) == set(classes)


@needs_keras_hub
def test_study_0_compares_swin_tiny_with_the_others(tmp_path: Path, weights: Any) -> None:
    files = {index: weights(name, 224) for index, name in enumerate(["ResNet50", "EfficientNetB0", "MobileNetV3Large"])}
    results = run("study_0_cifar10", cifar10_archive(tmp_path), tmp_path / "out", files | {3: "none"}, "data.limit=12")
    models = entries(results, tmp_path / "out")
    assert [model["backbone"] for model in models.values()] == [
        "ResNet50", "EfficientNetB0", "MobileNetV3Large", "SwinTiny",
    ]  # fmt: skip
    assert models["SwinTiny-fixed"]["parameters"]["total"] == 27_519_354 + 768 + 1


def cifar10_archive(folder: Path) -> Path:
    """Writes CIFAR-10's binary archive with two images of each class in every batch: airplanes dark, others bright."""
    generator = np.random.default_rng(0)
    (folder / FOLDER).mkdir()
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        labels = [*range(10)] * (4 if name == "test_batch.bin" else 2)
        records = [
            bytes([label]) + generator.normal(90 + 60 * label, 40, 3072).clip(0, 255).astype(np.uint8).tobytes()
            for label in labels
        ]
        (folder / FOLDER / name).write_bytes(b"".join(records))
    with tarfile.open(folder / ARCHIVE, "w:gz") as tar:
        tar.add(folder / FOLDER, arcname=FOLDER)
    return folder / ARCHIVE
