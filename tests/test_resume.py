"""A run that was cut off or killed, and started again, ends with the results of an undisturbed run."""

import csv
import io
import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from kbin import experiment as experiment_module
from kbin.errors import DataError, RunFolderError
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress
from kbin.training import checkpoints
from tests.experiment_texts import SHADES
from tests.image_folders import write_images

# Two models with a search, stages, dropout and early stopping: all that a restart could get wrong.
EXPERIMENT = (
    SHADES
    + """\
models:
  - {id: searched, backbone: EfficientNetLite0, weights: packaged, head: {standardize: true, dropout: 0.2}}
  - id: gradual
    backbone: EfficientNetLite0
    weights: packaged
    search: false
    stages: [{train_blocks: 0, epochs: 2}, {train_blocks: 1, epochs: 2}]
training: {epochs: 4, batch_size: 8, learning_rate: 1e-2, seeds: [0, 1], early_stopping: 2, schedule: cosine}
engine: {runtime: torch}
search: {folds: 3, score: roc_auc, grid: {training.learning_rate: [1e-3, 1e-2]}}
"""
)
TIMES = ("seconds",)


def write_experiment(folder: Path) -> Path:
    counts = {"train": 9, "validation": 8, "test": 8}
    write_images(
        folder / "images", {f"{name}/{kind}": number for name, number in counts.items() for kind in ("dark", "bright")}
    )
    (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return folder


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def results_of(out: Path) -> Any:
    return without_times(json.loads((out / "results.json").read_text(encoding="utf-8")))


def assert_same_run(out: Path, expected: Path) -> None:
    """Compares results, histories, predictions and search tables; times aside."""
    assert results_of(out) == results_of(expected)
    names = [path.relative_to(expected) for path in sorted(expected.rglob("*.csv")) if "tables" not in path.parts]
    assert names == [path.relative_to(out) for path in sorted(out.rglob("*.csv")) if "tables" not in path.parts]
    for name in names:
        assert (out / name).read_bytes() == (expected / name).read_bytes(), name
    for path in sorted(expected.rglob("model.keras")):
        values, references = weights_of(out / path.relative_to(expected)), weights_of(path)
        assert list(values) == list(references)
        for name, reference in references.items():
            np.testing.assert_array_equal(values[name], reference, err_msg=name)


def weights_of(path: Path) -> dict[str, np.ndarray]:
    """Reads the weights of a saved model without Keras, which takes a second to build one."""
    found: dict[str, np.ndarray] = {}

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item)

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(read)
    assert found
    return found


class Cut(BaseException):
    """What ends a process in the middle of its work."""


class CutAt(Progress):
    """Ends a run at its n-th sign of progress; counts them otherwise."""

    def __init__(self, number: int | None = None):
        self.number, self.count, self.said = number, 0, list[str]()

    def say(self, text: str) -> None:
        self.said.append(text)
        self._step()

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        yield lambda done: self._step()

    def _step(self) -> None:
        self.count += 1
        if self.count == self.number:
            raise Cut


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("resume"))


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> tuple[Path, CutAt]:
    with pytest.MonkeyPatch.context() as patched:
        # Features that others stored of such images were computed in other batches, and differ by rounding.
        patched.setenv("KBIN_STORE", str(folder / "store"))
        patched.setattr(experiment_module, "remake", lambda runs: None)
        out, progress = folder / "undisturbed", CutAt()
        assert run_experiment(load_experiment(folder / "experiment.yaml"), out, progress) == 0
        return out, progress


@pytest.fixture
def run_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the experiment in this process, without plots and page, keeping every epoch."""
    monkeypatch.setattr(experiment_module, "remake", lambda runs: None)
    monkeypatch.setattr(checkpoints, "_LARGEST_SHARE", float("inf"))
    config = load_experiment(folder / "experiment.yaml")
    return lambda out, progress, **options: run_experiment(config, out, progress, **options)


@pytest.mark.parametrize("share", [0.35, 0.65, 0.95])
def test_a_run_that_is_cut_off_ends_with_the_same_results(undisturbed, run_here, tmp_path, share):
    expected, whole = undisturbed
    out = tmp_path / "run"
    with pytest.raises(Cut):
        run_here(out, CutAt(round(share * whole.count)))
    assert run_here(out, CutAt()) == 0
    assert_same_run(out, expected)
    assert {path.name for path in out.iterdir()} == {path.name for path in expected.iterdir()}
    environment = json.loads((out / "environment.json").read_text(encoding="utf-8"))
    assert environment["started"] <= environment["resumed"][0]


def test_what_was_finished_is_not_computed_again(undisturbed, run_here, tmp_path, monkeypatch):
    """Cut off when all models are finished: nothing is trained, and no feature computed, in an empty store."""
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(experiment_module, "comparison_entries", _cut)
        with pytest.raises(Cut):
            run_here(out, CutAt())
    monkeypatch.setattr(keras.Model, "fit", None)
    progress = CutAt()
    assert run_here(out, progress) == 0
    assert progress.said.count("  finished already") == 2
    assert_same_run(out, undisturbed[0])


def _cut(*_: Any) -> None:
    raise Cut


def test_another_image_has_the_models_trained_again(undisturbed, folder, tmp_path, monkeypatch):
    """Finished models are taken up only for the very images that they saw."""
    own = tmp_path / "own"
    shutil.copytree(folder / "images", own / "images")
    (own / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    monkeypatch.setattr(experiment_module, "remake", lambda runs: None)
    config = load_experiment(own / "experiment.yaml")
    with monkeypatch.context() as patched:
        patched.setattr(experiment_module, "comparison_entries", _cut)
        with pytest.raises(Cut):
            run_experiment(config, tmp_path / "run", Progress())
    shutil.copy(own / "images" / "test" / "dark" / "0.png", own / "images" / "test" / "bright" / "0.png")
    progress = CutAt()
    assert run_experiment(config, tmp_path / "run", progress) == 0
    assert "  finished already" not in progress.said
    with (tmp_path / "run/models/gradual/seed-0/predictions/test.csv").open(encoding="utf-8") as file:
        scores = {row["path"]: row["y_score"] for row in csv.DictReader(file)}
    assert scores["test/dark/0.png"] == scores["test/bright/0.png"]


def test_fresh_starts_anew_and_leaves_what_is_not_the_runs(undisturbed, run_here, tmp_path):
    out = Path(shutil.copytree(undisturbed[0], tmp_path / "run"))
    (out / "notes.txt").write_text("mine")
    for name in ("models/my_weights.h5", "plots/mine.png", "tables/mine.csv"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    before = (out / "results.json").stat().st_mtime_ns
    assert run_here(out, CutAt(), fresh=True) == 0
    assert (out / "results.json").stat().st_mtime_ns > before
    for name in ("notes.txt", "models/my_weights.h5", "plots/mine.png", "tables/mine.csv"):
        assert (out / name).read_text() == "mine"
    assert_same_run(out, undisturbed[0])
    assert "resumed" not in json.loads((out / "environment.json").read_text(encoding="utf-8"))


def test_fresh_costs_no_finished_run_where_the_new_one_cannot_begin(undisturbed, folder, run_here, tmp_path):
    out = Path(shutil.copytree(undisturbed[0], tmp_path / "run"))
    config = load_experiment(folder / "experiment.yaml", [f"data.path={tmp_path / 'nowhere'}"])
    with pytest.raises(DataError, match="does not exist"):
        run_experiment(config, out, Progress(), fresh=True)
    assert_same_run(out, undisturbed[0])


def test_fresh_removes_nothing_from_a_folder_that_is_no_runs(run_here, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.txt").write_text("mine")
    with pytest.raises(RunFolderError, match=r"holds files but no experiment\.yaml"):
        run_here(tmp_path, CutAt(), fresh=True)
    assert (tmp_path / "models" / "mine.txt").is_file()


def test_a_file_that_is_called_as_a_runs_settings_makes_a_folder_no_runs(folder, run_here, tmp_path):
    shutil.copy(folder / "experiment.yaml", tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(RunFolderError, match=r"no experiment\.yaml of a run"):
        run_here(tmp_path, CutAt(), fresh=True)
    assert (tmp_path / "experiment.yaml").read_text(encoding="utf-8") == EXPERIMENT


def test_results_that_say_nothing_of_models_are_damaged(undisturbed, run_here, tmp_path):
    out = Path(shutil.copytree(undisturbed[0], tmp_path / "run"))
    (out / "results.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        run_here(out, CutAt())


# Keras and torch are imported once, in a process from which the others are forked before it has computed anything.
_PROCESSES = multiprocessing.get_context("forkserver")


def _run_in_process(folder: Path, out: Path, store: Path) -> None:
    os.environ["KBIN_STORE"] = str(store)
    config = load_experiment(folder / "experiment.yaml", ["training.seeds=[0]"])
    raise SystemExit(run_experiment(config, out, Progress()))


def _started(folder: Path, name: str) -> Any:
    process = _PROCESSES.Process(target=_run_in_process, args=(folder, folder / name, folder / f"{name}-store"))
    process.start()
    return process


def check_killed_runs(num_kills: int, folder: Path) -> None:
    """Kills runs, one at each of the moments that part the length of an undisturbed run; each is started again."""
    _PROCESSES.set_forkserver_preload(["tests.test_resume"])
    write_experiment(folder)
    warm_up = _started(folder, "warm-up")
    warm_up.join()
    begin = time.monotonic()
    undisturbed = _started(folder, "undisturbed")
    undisturbed.join()
    length = time.monotonic() - begin
    assert (warm_up.exitcode, undisturbed.exitcode) == (0, 0)
    generator = random.Random(4)
    for number in range(num_kills):
        name = f"killed-{number}"
        while True:
            process = _started(folder, name)
            moment = length * (number + generator.random()) / num_kills
            begin = time.monotonic()
            process.join(moment)
            if process.exitcode is None:
                break
            length = time.monotonic() - begin  # it has come to its end: the machine is faster than it was
            shutil.rmtree(folder / name)
            shutil.rmtree(folder / f"{name}-store")
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        found = sorted(path.name for path in (folder / name).glob("*")) if (folder / name).is_dir() else []
        logging.getLogger(__name__).info("kill %d, after %.1f of %.1f s: %s", number, moment, length, ", ".join(found))
        again = _started(folder, name)
        again.join()
        assert again.exitcode == 0
        assert_same_run(folder / name, folder / "undisturbed")
        assert (folder / name / "report.html").is_file()
        assert not [path for path in (folder / name).rglob(".*")]
        shutil.rmtree(folder / name)
        shutil.rmtree(folder / f"{name}-store")


def test_a_killed_run_ends_with_the_same_results(tmp_path: Path) -> None:
    check_killed_runs(2, tmp_path)


@pytest.mark.slow
def test_runs_killed_at_sixty_moments_end_with_the_same_results(tmp_path: Path) -> None:
    check_killed_runs(60, tmp_path)
