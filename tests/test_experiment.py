"""Whole experiments on small images; the module's runs are shared, because each takes seconds."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kbin import experiment as experiment_module
from kbin import model_entries
from kbin.errors import ConfigError, DataError, RunFolderError
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import LogProgress
from kbin.runs import RunDirectory
from kbin.training import trainer
from kbin.training.divergence import DivergenceGuard
from tests.image_folders import write_images

SETTINGS = """\
name: shades
data:
  source: folder
  path: images
  classes: [dark, bright]
  positive: bright
  image_size: 32
  test_sets:
    elsewhere: {source: folder, path: elsewhere}
models:
  - {id: fixed, backbone: EfficientNetLite0, weights: packaged, head: {standardize: true}}
  - {id: top, backbone: EfficientNetLite0, weights: packaged, train_blocks: 1}
training: {epochs: 3, batch_size: 8, learning_rate: 1e-2, seeds: [0, 1]}
engine: {runtime: torch}
"""
SETS = {"train": 24, "validation": 16, "test": 12, "elsewhere": 6}
METRICS = {
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision", "mcc",
    "log_loss", "brier", "majority_accuracy",
}  # fmt: skip


class Run:
    """A finished run, read without kbin."""

    def __init__(self, path: Path, code: int, log: str):
        self.path, self.code, self.log = path, code, log

    @property
    def results(self) -> dict[str, Any]:
        def refuse(text: str) -> None:
            raise ValueError(f"{text} is not JSON")

        return json.loads((self.path / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)

    def model(self, model_id: str) -> dict[str, Any]:
        (entry,) = [entry for entry in self.results["models"] if entry["id"] == model_id]
        return entry

    def rows(self, model_id: str, seed: int, name: str) -> list[dict[str, str]]:
        text = (self.path / "models" / model_id / f"seed-{seed}" / name).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text)))

    def scores(self, model_id: str, seed: int, set_name: str) -> np.ndarray:
        return np.array([float(row["y_score"]) for row in self.rows(model_id, seed, f"predictions/{set_name}.csv")])


Start = Callable[..., Run]


def starter(folder: Path) -> Start:
    """Returns a function that runs the experiment in `folder` with some settings changed."""

    def start(*overrides: str, text: str = SETTINGS, out: str = "run") -> Run:
        path = folder / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        log = io.StringIO()
        code = run_experiment(load_experiment(path, overrides), folder / out, LogProgress(log))
        return Run(folder / out, code, log.getvalue())

    return start


def write_sets(folder: Path, classes: tuple[str, ...] = ("dark", "bright"), without: str = "") -> None:
    counts = {name: SETS[name] // 2 for name in ("train", "validation", "test") if name != without}
    write_images(folder / "images", {f"{name}/{kind}": count for name, count in counts.items() for kind in classes})
    write_images(folder / "elsewhere", {kind: SETS["elsewhere"] // 2 for kind in classes}, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    write_sets(folder)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return starter(folder)()


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots and page take longer than a small run; the shared run and the one with a failed model have them."""
    monkeypatch.setattr(experiment_module, "remake", lambda runs: None)


@pytest.fixture
def start(tmp_path: Path, no_pictures: None) -> Start:
    """For experiments on data of their own: the test writes `images` and `elsewhere`."""
    return starter(tmp_path)


class TestRunFolder:
    def test_it_holds_the_files_of_the_contract(self, run):
        assert run.code == 0
        assert {path.name for path in run.path.iterdir()} == {
            "experiment.yaml", "environment.json", "results.json", "report.html", "plots", "tables", "models",
        }  # fmt: skip
        for model_id in ("fixed", "top"):
            assert (run.path / "models" / model_id / "input.json").is_file()
            for seed in (0, 1):
                trained = run.path / "models" / model_id / f"seed-{seed}"
                assert {path.name for path in trained.iterdir()} == {
                    "features.json",
                    "history.csv",
                    "model.keras",
                    "model.json",
                    "unlike_training.npz",
                    "predictions",
                    "plots",
                } | ({"gallery"} if seed == 0 else set())
                assert {path.name for path in (trained / "predictions").iterdir()} == {f"{name}.csv" for name in SETS}
                assert (trained / "plots" / "roc.png").read_bytes().startswith(b"\x89PNG")
        assert (run.path / "plots" / "roc-test.svg").is_file()

    def test_results_have_the_keys_of_the_contract(self, run):
        results = run.results
        assert (results["experiment"], results["positive"]) == ("shades", "bright")
        assert results["classes"] == ["dark", "bright"]
        assert [entry["id"] for entry in results["models"]] == ["fixed", "top"]
        for entry in results["models"]:
            assert (entry["backbone"], entry["status"]) == ("EfficientNetLite0", "done")
            assert set(entry["parameters"]) == {"total", "trainable", "non_trainable", "statistics"}
            assert set(entry["seconds"]) == {"features", "training", "evaluation"}
            assert entry["epoch"] == [3, 3]
            assert list(entry["sets"]) == list(SETS)
            for name, one in entry["sets"].items():
                assert (one["n"], one["positives"]) == (SETS[name], SETS[name] // 2)
                assert set(one["metrics"]) == METRICS
                assert one["undefined"] == {}
                assert set(one["per_class"]) == {"dark", "bright"}
                assert set(one["per_class"]["dark"]) == {"precision", "recall", "f1", "n", "roc_auc"}
                assert [seed["seed"] for seed in one["per_seed"]] == [0, 1]
                assert set(one["per_seed"][0]["metrics"]) == METRICS
                assert list(one["operating_points"]) == ["half", "locked", "oracle"]
                assert set(one["operating_points"]["locked"]) == {"threshold", "metrics", "cost"}
                assert set(one["baselines"]) == {"majority", "random"}
                assert {"ece", "brier", "log_loss", "bins"} <= set(one["calibration"])

    def test_models_are_compared_on_every_set_but_the_training_set(self, run):
        comparisons = run.results["comparisons"]
        assert list(comparisons) == ["validation", "test", "elsewhere"]
        for metrics in comparisons.values():
            assert set(metrics) <= METRICS - {"majority_accuracy"}
            (pair,) = metrics["accuracy"]["pairs"]
            assert pair["models"] == ["fixed", "top"]
            assert set(metrics["accuracy"]["letters"]) == {"fixed", "top"}

    def test_settings_are_written_resolved_and_load_as_the_same_experiment(self, run, folder):
        resolved = load_experiment(run.path / "experiment.yaml")
        assert resolved == load_experiment(folder / "experiment.yaml")
        assert resolved.data.path == folder / "images"

    def test_the_environment_names_versions_device_seeds_and_command(self, run):
        environment = json.loads((run.path / "environment.json").read_text(encoding="utf-8"))
        assert {"kbin", "keras", "torch", "numpy", "scikit-learn"} <= set(environment["packages"])
        assert environment["seeds"] == [0, 1]
        assert {"python", "platform", "processor", "cores", "device", "commit", "command", "started"} <= set(
            environment
        )

    def test_predictions_name_every_image_its_class_and_its_score(self, run):
        rows = run.rows("fixed", 0, "predictions/test.csv")
        assert list(rows[0]) == ["sample_id", "path", "y_true", "y_score"]
        assert len({row["sample_id"] for row in rows}) == len(rows) == SETS["test"]
        for row in rows:
            assert row["path"].split("/")[:2] == ["test", row["y_true"]]
            assert 0 <= float(row["y_score"]) <= 1

    def test_the_gallery_of_the_first_seed_shows_what_the_predictions_say(self, run):
        folder = run.path / "models" / "top" / "seed-0" / "gallery"
        gallery = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
        assert set(gallery["sets"]) == {"test", "elsewhere"}
        assert gallery["threshold"] == run.model("top")["sets"]["test"]["per_seed"][0]["threshold"]
        assert "1 x 1 cells" in gallery["cam_reason"]  # of images of 32 pixels
        for name, images in gallery["sets"].items():
            rows = {row["sample_id"]: row for row in run.rows("top", 0, f"predictions/{name}.csv")}
            assert images
            for one in images:
                row = rows[one["sample_id"]]
                assert (one["true"], one["score"]) == (row["y_true"], float(row["y_score"]))
                assert one["predicted"] == ("bright" if one["score"] >= gallery["threshold"] else "dark")
                assert (folder / one["file"]).is_file()
        assert "Images worth looking at" in (run.path / "report.html").read_text(encoding="utf-8")

    def test_the_history_is_a_row_an_epoch_with_metrics_of_the_validation_set(self, run):
        rows = run.rows("top", 1, "history.csv")
        assert [float(row["epoch"]) for row in rows] == [1, 2, 3]
        watched = {f"val_{name}" for name in ("loss", "accuracy", "precision", "recall", "f1", "roc_auc")}
        assert {"epoch", "loss", "accuracy"} | watched <= set(rows[0])
        assert all(math.isfinite(float(value)) for row in rows for value in row.values())

    def test_the_log_says_what_is_in_the_sets_and_what_trains(self, run):
        assert "classes: dark, bright, positive: bright" in run.log
        assert re.search(r"\n  elsewhere +6 images: 3 dark, 3 bright\n", run.log)
        # 1,280 weights and a bias.
        assert "fixed: 1,281 of 3,372,289 parameters train" in run.log


class TestFigures:
    def test_the_models_tell_the_classes_apart(self, run):
        """Brightness is easy: figures that are compared below are not those of a constant model."""
        for model_id in ("fixed", "top"):
            assert run.model(model_id)["sets"]["test"]["metrics"]["roc_auc"] > 0.8
            assert np.ptp(run.scores(model_id, 0, "test")) > 0.3

    @pytest.mark.parametrize("model_id", ["fixed", "top"])
    def test_metrics_are_the_means_over_seeds_of_what_the_predictions_say(self, run, model_id):
        aucs = []
        for seed in (0, 1):
            rows = run.rows(model_id, seed, "predictions/test.csv")
            scores = {
                kind: [float(row["y_score"]) for row in rows if row["y_true"] == kind] for kind in ("dark", "bright")
            }
            pairs = [(high > low) + (high == low) / 2 for high in scores["bright"] for low in scores["dark"]]
            aucs.append(sum(pairs) / len(pairs))
        entry = run.model(model_id)["sets"]["test"]
        assert [one["metrics"]["roc_auc"] for one in entry["per_seed"]] == pytest.approx(aucs)
        assert entry["metrics"]["roc_auc"] == pytest.approx(sum(aucs) / 2)

    def test_the_threshold_of_a_seed_holds_on_every_set(self, run):
        sets = run.model("fixed")["sets"]
        for index in (0, 1):
            (threshold,) = {one["per_seed"][index]["threshold"] for one in sets.values()}
            for name, one in sets.items():
                rows = run.rows("fixed", index, f"predictions/{name}.csv")
                right = [(float(row["y_score"]) >= threshold) == (row["y_true"] == "bright") for row in rows]
                assert one["per_seed"][index]["metrics"]["accuracy"] == pytest.approx(sum(right) / len(right))

    def test_only_the_head_of_a_fixed_backbone_trains_and_a_block_more_on_request(self, run):
        fixed, top = run.model("fixed")["parameters"], run.model("top")["parameters"]
        assert fixed["trainable"] == 1280 + 1
        # The block `top` is a 1 x 1 convolution of 320 to 1,280 channels and its BatchNorm's two weights a channel.
        assert top["trainable"] == fixed["trainable"] + 320 * 1280 + 2 * 1280
        for counts in (fixed, top):
            assert counts["trainable"] + counts["non_trainable"] == counts["total"]

    def test_seeds_differ(self, run):
        assert np.abs(run.scores("fixed", 0, "test") - run.scores("fixed", 1, "test")).max() > 1e-3

    @pytest.mark.usefixtures("no_pictures")
    def test_the_same_seed_gives_the_same_figures_in_a_fresh_store(self, run, folder, monkeypatch, tmp_path):
        monkeypatch.setenv("KBIN_STORE", str(tmp_path / "another"))
        again = starter(folder)("training.seeds=[1]", out="again")
        for model_id in ("fixed", "top"):
            assert again.rows(model_id, 1, "history.csv") == run.rows(model_id, 1, "history.csv")
            for name in SETS:
                assert np.array_equal(again.scores(model_id, 1, name), run.scores(model_id, 1, name))
                of_seed = run.model(model_id)["sets"][name]["per_seed"][1]
                assert again.model(model_id)["sets"][name]["per_seed"] == [of_seed]

    @pytest.mark.usefixtures("no_pictures")
    def test_the_uncut_model_gives_the_same_figures(self, run, folder):
        uncut = starter(folder)("engine.store=false", "training.seeds=[0]", out="uncut")
        for model_id in ("fixed", "top"):
            for name in SETS:
                assert uncut.scores(model_id, 0, name) == pytest.approx(run.scores(model_id, 0, name), abs=1e-3)


LOADED_ALONE = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
from PIL import Image
models, paths = json.load(sys.stdin)
images = [Image.open(path).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR) for path in paths]
batch = np.stack([np.asarray(image) for image in images])
print(json.dumps([keras.saving.load_model(model).predict(batch, verbose=0)[:, 0].tolist() for model in models]))
assert not [name for name in sys.modules if name.split(".")[0] == "kbin"]
"""


def test_saved_models_predict_the_same_from_raw_images_where_kbin_was_never_imported(run, folder, tmp_path):
    paths = [str(folder / "images" / row["path"]) for row in run.rows("fixed", 0, "predictions/test.csv")]
    models = [str(run.path / "models" / model_id / "seed-0" / "model.keras") for model_id in ("fixed", "top")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED_ALONE],
        input=json.dumps([models, paths]), capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    fixed, top = json.loads(done.stdout)
    assert fixed == pytest.approx(run.scores("fixed", 0, "test"), abs=1e-4)
    assert top == pytest.approx(run.scores("top", 0, "test"), abs=1e-4)


class TestAgain:
    def test_a_finished_run_says_so_and_stays_as_it_is(self, run, folder):
        written = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
        again = starter(folder)()
        assert again.code == 0
        assert again.log == f"{run.path} already holds the finished results of this experiment; --fresh runs it anew.\n"
        assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == written

    def test_a_run_that_was_interrupted_while_it_was_drawn_is_drawn_and_not_run_again(self, run, folder, tmp_path):
        copied = RunDirectory(shutil.copytree(run.path, tmp_path / "run"))
        for path in (copied.report_path, copied.plot_path("roc-test")):
            path.unlink()
        config = load_experiment(folder / "experiment.yaml")
        assert run_experiment(config, copied.path, LogProgress(io.StringIO())) == 0
        assert copied.report_path.is_file()
        assert copied.plot_path("roc-test").is_file()

    def test_a_folder_that_knows_fewer_settings_is_the_same_experiment(self, run, folder, tmp_path):
        copied = shutil.copytree(run.path, tmp_path / "run")
        settings = copied / "experiment.yaml"
        older = [
            line for line in settings.read_text().splitlines() if not line.startswith(("  temperature", "  costs"))
        ]
        settings.write_text("\n".join(older) + "\n")
        assert "temperature" not in settings.read_text()
        config = load_experiment(folder / "experiment.yaml")
        assert run_experiment(config, copied, LogProgress(io.StringIO())) == 0

    def test_another_experiment_in_its_folder_is_refused(self, run, folder):
        with pytest.raises(RunFolderError, match=r"differ: training\.epochs: 3 there, 4 here\. Choose another folder"):
            starter(folder)("training.epochs=4")


ONE_MODEL = ("models=[{id: fixed, backbone: EfficientNetLite0, weights: packaged}]", "training.seeds=[0]")


class TestFailures:
    def test_a_model_that_fails_leaves_the_others_and_is_exit_code_1(self, tmp_path, monkeypatch):
        start = starter(tmp_path)
        write_sets(tmp_path)
        real = model_entries.run_model

        def run_model(model: Any, *arguments: Any, **settings: Any) -> Any:
            if model.id == "top":
                raise RuntimeError("out of luck")
            return real(model, *arguments, **settings)

        monkeypatch.setattr(model_entries, "run_model", run_model)
        run = start("training.seeds=[0]")
        assert run.code == 1
        assert [(entry["id"], entry["status"]) for entry in run.results["models"]] == [
            ("fixed", "done"),
            ("top", "failed"),
        ]
        assert run.model("top")["error"] == "RuntimeError: out of luck"
        assert run.model("fixed")["sets"]["test"]["n"] == SETS["test"]
        assert "top failed: out of luck" in run.log
        assert (run.path / "report.html").is_file()

        monkeypatch.setattr(model_entries, "run_model", real)
        trained = (run.path / "models" / "fixed" / "seed-0" / "model.keras").stat().st_mtime_ns
        again = start("training.seeds=[0]")
        assert again.code == 0
        assert "holds results in which top failed: tried again, the others are kept" in again.log
        assert [entry["status"] for entry in again.results["models"]] == ["done", "done"]
        assert (run.path / "models" / "fixed" / "seed-0" / "model.keras").stat().st_mtime_ns == trained
        assert not (run.path / "unfinished").exists()

    def test_models_that_cannot_be_compared_keep_their_results(self, start, tmp_path, monkeypatch):
        def fail(*_: Any) -> None:
            raise ValueError("no such luck")

        write_sets(tmp_path)
        monkeypatch.setattr(experiment_module, "comparison_entries", fail)
        run = start(*ONE_MODEL, "training.epochs=1")
        assert run.code == 0
        assert run.results["comparisons"] == {}
        assert "the models could not be compared: ValueError: no such luck" in run.log

    @pytest.mark.parametrize(
        ("output", "what"),
        [("sigmoid", "the model's outputs are not numbers any more"), ("softmax", "the loss is nan")],
    )
    def test_training_that_diverges_fails_the_model_and_says_so(self, start, tmp_path, output, what):
        write_sets(tmp_path)
        diverging = ("training.optimizer=sgd", "training.learning_rate=1e30", f"models.0.head={{output: {output}}}")
        run = start(*ONE_MODEL, *diverging)
        assert run.code == 1
        assert run.model("fixed")["error"] == (
            f"TrainingError: training diverged in epoch 1 at learning rate 1e+30: {what}. "
            "Set a smaller `training.learning_rate`."
        )

    def test_training_that_diverges_later_keeps_its_last_good_epoch_in_the_folder(self, start, tmp_path, monkeypatch):
        class Ruin(DivergenceGuard):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    self.model.trainable_variables[0].assign(self.model.trainable_variables[0] * np.inf)
                super().on_epoch_end(epoch, logs)

        write_sets(tmp_path)
        whole = start(*ONE_MODEL, "training.epochs=1", out="one epoch")
        monkeypatch.setattr(trainer, "DivergenceGuard", Ruin)
        run = start(*ONE_MODEL)
        assert run.code == 1
        assert run.model("fixed")["error"] == (
            "TrainingError: seed 0: training diverged in epoch 2 at learning rate 0.01: weights are no numbers any "
            "more. Set a smaller `training.learning_rate`. What it was after epoch 1 is kept in "
            f"{run.path / 'models' / 'fixed' / 'seed-0'}."
        )
        assert [row["epoch"] for row in run.rows("fixed", 0, "history.csv")] == ["1"]
        assert np.array_equal(run.scores("fixed", 0, "test"), whole.scores("fixed", 0, "test"))
        model = keras.saving.load_model(run.path / "models" / "fixed" / "seed-0" / "model.keras")
        expected = keras.saving.load_model(whole.path / "models" / "fixed" / "seed-0" / "model.keras")
        for value, reference in zip(model.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(value, reference)

    @pytest.mark.parametrize("store", ["true", "false"])
    def test_an_unreadable_image_stops_the_run_by_its_name(self, start, tmp_path, store):
        write_sets(tmp_path)
        damaged = tmp_path / "images" / "train" / "dark" / "3.png"
        damaged.write_bytes(b"not an image")
        with pytest.raises(DataError, match=r"^1 image of 58 cannot be read:\n.*train/dark/3\.png \(not an image"):
            start(*ONE_MODEL, f"engine.store={store}")
        assert not (tmp_path / "run" / "results.json").exists()

    def test_once_the_image_is_replaced_the_same_command_runs(self, start, tmp_path):
        write_sets(tmp_path)
        damaged = tmp_path / "images" / "test" / "dark" / "0.png"
        content = damaged.read_bytes()
        damaged.write_bytes(b"not an image")
        with pytest.raises(DataError, match="cannot be read"):
            start(*ONE_MODEL)
        damaged.write_bytes(content)
        assert start(*ONE_MODEL).code == 0


class TestSettingsThatTheDataCannotServe:
    """They are refused before anything is computed, and leave no folder that would stand in the way."""

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, tmp_path: Path) -> Iterator[None]:
        yield
        assert not (tmp_path / "run").exists()

    def test_a_class_weight_of_no_class(self, start, tmp_path):
        write_sets(tmp_path)
        with pytest.raises(
            ConfigError, match=r"training\.class_weight: unknown class 'brigth'\. Did you mean 'bright'\?"
        ):
            start(*ONE_MODEL, "training.class_weight={brigth: 2}")

    def test_early_stopping_without_a_validation_set(self, start, tmp_path):
        write_sets(tmp_path, without="validation")
        expected = (
            r"training\.early_stopping needs a validation set, and there is none: set data\.split\.validation, or"
        )
        with pytest.raises(ConfigError, match=expected):
            start(*ONE_MODEL, "training.early_stopping=2", "data.split.validation=0")

    def test_a_sigmoid_for_three_classes(self, start, tmp_path):
        write_sets(tmp_path, ("dark", "grey", "bright"))
        with pytest.raises(ConfigError, match="model fixed: a sigmoid output tells two classes apart; here are 3"):
            start(*ONE_MODEL, *THREE_CLASSES, "models.0.head={output: sigmoid}")

    def test_no_class_that_is_positive(self, start, tmp_path):
        write_sets(tmp_path)
        expected = r"two classes, bright and dark: name the positive one in data\.positive"
        with pytest.raises(DataError, match=expected):
            start(*ONE_MODEL, "data.classes=null", "data.positive=null")


THREE_CLASSES = ("data.classes=[dark, grey, bright]", "data.positive=null")


def test_three_classes_have_a_softmax_and_a_column_each(start, tmp_path):
    write_sets(tmp_path, ("dark", "grey", "bright"))
    run = start(*ONE_MODEL, *THREE_CLASSES)
    assert run.code == 0
    assert (run.results["positive"], run.results["classes"]) == (None, ["dark", "grey", "bright"])
    entry = run.model("fixed")["sets"]["test"]
    assert (entry["n"], entry["positives"]) == (18, None)
    rows = run.rows("fixed", 0, "predictions/test.csv")
    assert list(rows[0]) == ["sample_id", "path", "y_true", "y_score", "dark", "grey", "bright"]
    probabilities = np.array([[float(row[name]) for name in ("dark", "grey", "bright")] for row in rows])
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(18), abs=1e-5)
    assert np.ptp(probabilities[:, 0]) > 0.01
    assert [float(row["y_score"]) for row in rows] == pytest.approx(probabilities.max(axis=1))
    answers = [("dark", "grey", "bright")[index] for index in probabilities.argmax(axis=1)]
    right = [answer == row["y_true"] for answer, row in zip(answers, rows, strict=True)]
    assert entry["metrics"]["accuracy"] == pytest.approx(sum(right) / 18)


def test_groups_widen_intervals_and_are_written_down(start, tmp_path):
    write_sets(tmp_path)
    files = [path.relative_to(tmp_path / "images").as_posix() for path in sorted(tmp_path.glob("images/*/*/*.png"))]
    # Patients of two images of one class; `elsewhere` has none.
    lines = [f"{file},{file.rsplit('/', 1)[0]} {int(Path(file).stem) // 2}" for file in files]
    (tmp_path / "patients.csv").write_text("\n".join(["file,group", *lines]) + "\n", encoding="utf-8")
    run = start("data.groups=patients.csv", "data.split.group=group", "training.seeds=[0]", "training.epochs=1")

    written = RunDirectory(run.path).groups()
    assert {name: len(set(groups.values())) for name, groups in written.items()} == {
        name: SETS[name] // 2 for name in ("train", "validation", "test")
    }
    entries = run.model("fixed")["sets"]
    assert {name: entry["num_groups"] for name, entry in entries.items()} == {
        "train": 12, "validation": 8, "test": 6, "elsewhere": None,
    }  # fmt: skip
    methods = {name: metrics["accuracy"]["method"] for name, metrics in run.results["comparisons"].items()}
    assert "The images of elsewhere have no 'group', or not all of them" in " ".join(run.results["notes"])
    assert methods["test"].endswith("by group")
    assert not methods["elsewhere"].endswith("by group")


def test_without_a_validation_set_the_threshold_is_one_half_and_the_run_says_so(start, tmp_path):
    write_sets(tmp_path, without="validation")
    run = start(*ONE_MODEL, "data.split.validation=0")
    note = "There is no validation set, so there is no early stopping, and no threshold is chosen on it."
    assert note in run.results["notes"]
    assert f"note: {note}" in run.log
    assert list(run.model("fixed")["sets"]) == ["train", "test", "elsewhere"]
    assert run.model("fixed")["sets"]["test"]["per_seed"][0]["threshold"] == 0.5
    assert not [name for name in run.rows("fixed", 0, "history.csv")[0] if name.startswith("val_")]


def test_early_stopping_keeps_the_epoch_with_the_best_validation_loss(start, tmp_path):
    write_sets(tmp_path)
    settings = (
        "training.epochs=12",
        "training.learning_rate=3",
        "training.early_stopping=1",
        "training.optimizer=sgd",
    )
    run = start(*ONE_MODEL, *settings)
    losses = [float(row["val_loss"]) for row in run.rows("fixed", 0, "history.csv")]
    assert len(losses) < 12
    assert run.model("fixed")["epoch"] == [losses.index(min(losses)) + 1]


def test_class_weights_move_the_scores(start, tmp_path):
    write_sets(tmp_path)
    heavy = start(*ONE_MODEL, "training.class_weight={bright: 50}", "training.learning_rate=0.01", out="heavy")
    light = start(*ONE_MODEL, "training.class_weight={dark: 50}", "training.learning_rate=0.01", out="light")
    assert heavy.scores("fixed", 0, "test").mean() > light.scores("fixed", 0, "test").mean() + 0.1
