"""Training in stages, on mixed images, in bfloat16: small experiments from the file to the saved model."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kbin import experiment, model_stages
from kbin.models.builders import build_backbone
from tests.extras import needs_keras_cv
from tests.test_experiment import Start, starter, write_sets

ONE = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models:
  - {id: only, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 3, batch_size: 8, learning_rate: 1e-2, seeds: [0]}
engine: {runtime: torch}
"""
GRADUAL = "models.0.stages=[{train_blocks: 0, epochs: 2}, {train_blocks: 1, epochs: 1, learning_rate: 1e-3}]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    write_sets(folder)
    return folder


@pytest.fixture
def start(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a run without plots and page, which take longer than the rest."""
    monkeypatch.setattr(experiment, "remake", lambda runs: None)
    begin = starter(folder)
    return lambda *overrides, out="run": begin(*overrides, text=ONE, out=str(tmp_path / out))


def packaged(layer: str) -> list[np.ndarray]:
    return build_backbone("EfficientNetLite0", "packaged", 32).get_layer(layer).get_weights()


class TestGradualUnfreezing:
    def test_history_goes_on_from_stage_to_stage(self, start):
        rows = start(GRADUAL).rows("only", 0, "history.csv")
        assert [(row["epoch"], row["stage"]) for row in rows] == [("1", "1"), ("2", "1"), ("3", "2")]

    def test_each_stage_checks_its_own_frozen_part_and_moves_no_more_than_it_should(self, start, monkeypatch):
        checked = []

        def record(model, before):
            checked.append(frozenset(path.split("/")[0] for path in before))
            same = all(map(np.array_equal, model.get_layer("top_conv").get_weights(), packaged("top_conv")))
            checked.append("as packaged" if same else "moved")

        monkeypatch.setattr(model_stages, "check_frozen", record)
        run = start(GRADUAL)
        assert "top_conv" in checked[0]
        assert checked[1] == "as packaged"
        assert "top_conv" not in checked[2]
        assert "block7a_project_conv" in checked[2]
        assert checked[3] == "moved"
        model = keras.saving.load_model(run.path / "models/only/seed-0/model.keras")
        for name in ("stem_conv", "block7a_bn"):
            for value, expected in zip(model.get_layer(name).get_weights(), packaged(name), strict=True):
                np.testing.assert_array_equal(value, expected)

    def test_cut_and_uncut_agree(self, start):
        cut, uncut = start(GRADUAL, out="cut"), start(GRADUAL, "engine.store=false", out="uncut")
        assert np.ptp(cut.scores("only", 0, "test")) > 0.1
        np.testing.assert_allclose(cut.scores("only", 0, "test"), uncut.scores("only", 0, "test"), atol=1e-3)

    def test_the_parameters_are_those_of_the_last_stage(self, start):
        entry = start(GRADUAL).model("only")
        # The top block, a convolution of 320 to 1,280 channels with BatchNorm, and the head.
        assert entry["parameters"]["trainable"] == 320 * 1280 + 2 * 1280 + 1280 + 1
        assert entry["train_blocks"] == 1


@pytest.mark.parametrize("views", [12, 0])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_model_learns_from_mixed_images(start, views, output):
    run = start(
        "augment=[{layer: RandomFlip}, {layer: MixUp, alpha: 0.4}, {layer: CutMix}]",
        f"engine.views={views}",
        f"models.0.head.output={output}",
        "training.class_weight=balanced",
        "training.epochs=12",
        out=f"{output}-{views}",
    )
    assert run.model("only")["sets"]["test"]["metrics"]["roc_auc"] > 0.95
    history = run.rows("only", 0, "history.csv")
    assert float(history[-1]["loss"]) < float(history[0]["loss"])
    assert float(history[-1]["accuracy"]) > 0.5  # Keras's own rounds outputs only: mixed labels would all be wrong


@needs_keras_cv
def test_a_model_learns_from_images_that_keras_cv_augments(start):
    """By layers that leave the brightness, which is all that tells these classes apart."""
    run = start(
        "augment=[{layer: keras_cv.RandomFlip}, {layer: keras_cv.MixUp, alpha: 0.4}]",
        "engine.views=12",
        "training.epochs=12",
    )
    assert run.model("only")["sets"]["test"]["metrics"]["roc_auc"] > 0.95
    assert (run.path / "plots/augmented.png").is_file()


@pytest.mark.parametrize(
    "setting",
    ["loss=focal", "loss=squared_error", "sampling=oversample", "sampling=undersample", "precision=bfloat16"],
)
def test_a_model_learns_with(start, setting):
    run = start(f"training.{setting}", "training.epochs=12", "models.0.train_blocks=1", "training.learning_rate=1e-3")
    assert run.model("only")["sets"]["test"]["metrics"]["roc_auc"] > 0.95


def test_an_uncut_model_opens_by_itself_in_a_process_without_kbin(start):
    run = start("engine.store=false", "training.epochs=1")
    program = "import sys, os\nos.environ['KERAS_BACKEND'] = 'torch'\nimport keras\n"
    program += "print(keras.saving.load_model(sys.argv[1]).name, 'kbin' in sys.modules)"
    path = run.path / "models/only/seed-0/model.keras"
    shown = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True, cwd="/")
    assert shown.stdout.split() == ["EfficientNetLite0", "False"]


def test_the_picture_of_augmented_images_is_among_the_plots(start):
    run = start("augment=[{layer: RandomFlip}]", "engine.views=2", "training.epochs=1")
    assert (run.path / "plots/augmented.png").read_bytes().startswith(b"\x89PNG")
