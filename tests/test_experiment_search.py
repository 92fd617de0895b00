"""Whole experiments with a search, on small images."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kbin import experiment as experiment_module
from kbin.errors import StorageError, UnfinishedError
from kbin.evaluation.temperature import fit_temperature
from kbin.evaluation.thresholds import choose_threshold
from kbin.search import pieces, running
from kbin.search.network_trials import NetworkTrial
from tests.experiment_texts import SHADES
from tests.image_folders import write_images
from tests.test_experiment import Run, no_pictures, starter

__all__ = ["no_pictures"]

SEARCH = (
    SHADES
    + """\
  split: {test: 0.25, validation: 0}
models:
  - {id: head, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 3, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
search:
  folds: 3
  score: roc_auc
  grid: {training.learning_rate: [1e-3, 1e-2], training.epochs: [1, 2, 4]}
"""
)


def table(run: Run) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((run.path / "search.csv").read_text(encoding="utf-8"))))


def out_of_fold(run: Run, model_id: str = "head") -> list[dict[str, str]]:
    text = (run.path / "models" / model_id / "out_of_fold.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    write_images(folder / "images", {"dark": 24, "bright": 24})
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return starter(folder)(text=SEARCH)


class TestFiles:
    def test_search_csv_has_a_row_a_trial(self, run):
        rows = table(run)
        assert len(rows) == 2 * 3 * 3
        assert len({row["trial"] for row in rows}) == 18
        assert {(row["training.learning_rate"], row["training.epochs"]) for row in rows} == {
            (rate, epochs) for rate in ("0.001", "0.01") for epochs in ("1", "2", "4")
        }
        assert all(row["status"] == "done" and row["score"] == row["roc_auc"] for row in rows)
        assert all(int(row["n_train"]) == 24 and int(row["n_held_out"]) == 12 for row in rows)

    def test_a_kept_epoch_is_the_last_one_of_its_combination(self, run):
        assert all(row["epoch"] == row["training.epochs"] for row in table(run))

    def test_results_hold_mean_and_spread_of_each_combination_over_its_rows(self, run):
        entry = run.model("head")["search"]
        for place, combination in enumerate(entry["combinations"]):
            scores = [float(row["score"]) for row in table(run) if row["combination"] == str(place + 1)]
            assert combination["mean"] == pytest.approx(np.mean(scores))
            assert combination["standard_deviation"] == pytest.approx(np.std(scores, ddof=1))
            assert combination["scores"] == pytest.approx(scores)

    def test_the_best_combination_is_refitted_on_all_training_images_and_judged_on_every_set(self, run):
        entry = run.model("head")
        chosen = entry["search"]["combinations"][entry["search"]["chosen"]]
        means = [one["mean"] for one in entry["search"]["combinations"]]
        assert chosen["mean"] == max(means)
        assert entry["learning_rate"] == chosen["settings"]["training.learning_rate"]
        assert entry["epoch"] == [chosen["settings"]["training.epochs"]]
        assert entry["sets"]["train"]["n"] == 36
        assert set(entry["sets"]) == {"train", "test"}

    def test_out_of_fold_predictions_are_those_of_the_chosen_combination(self, run):
        rows, entry = out_of_fold(run), run.model("head")["search"]
        assert len(rows) == 36
        assert len({row["sample_id"] for row in rows}) == 36
        for number, score in enumerate(entry["combinations"][entry["chosen"]]["scores"], start=1):
            fold = [row for row in rows if row["fold"] == str(number)]
            positive = [float(row["y_score"]) for row in fold if row["y_true"] == "bright"]
            negative = [float(row["y_score"]) for row in fold if row["y_true"] == "dark"]
            # The area as what it is: how often a positive image outscores a negative one.
            wins = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
            assert np.mean(wins) == pytest.approx(score)

    def test_finished_trials_are_not_kept_beside_the_results(self, run):
        assert not (run.path / "trials").exists()

    def test_the_page_is_there(self, run):
        assert (run.path / "report.html").is_file()


class _Stopped(BaseException):
    pass


class TestInterruptions:
    @pytest.fixture
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The ids of the trials that were run, in order."""
        ran: list[str] = []
        real = running.run_piece

        def run_piece(piece: Any, shared: Any) -> Any:
            ran.extend(piece.trial_ids)
            return real(piece, shared)

        monkeypatch.setattr(running, "run_piece", run_piece)
        return ran

    def test_an_interrupted_search_goes_on_and_no_finished_trial_is_run_again(
        self, tmp_path, no_pictures, monkeypatch, counted
    ):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        start = starter(tmp_path)
        networks = (
            "search.grid={train_blocks: [0, 1], training.learning_rate: [1e-3, 1e-2]}",
            "search.refit=false",
            "training.epochs=1",
        )
        whole = start(*networks, text=SEARCH, out="whole")
        assert len(counted) == 12

        counted.clear()
        counting = running.run_piece

        def stops(piece: Any, shared: Any) -> Any:
            if isinstance(piece, NetworkTrial) and len(counted) >= 9:
                raise _Stopped
            return counting(piece, shared)

        monkeypatch.setattr(running, "run_piece", stops)
        with pytest.raises(_Stopped):
            start(*networks, text=SEARCH, out="parts")
        assert len(counted) == 9
        assert not (tmp_path / "parts" / "results.json").exists()

        monkeypatch.setattr(running, "run_piece", counting)
        parts = start(*networks, text=SEARCH, out="parts")
        assert len(counted) == len(set(counted)) == 12
        assert (parts.path / "search.csv").read_bytes() == (whole.path / "search.csv").read_bytes()
        assert "9 of 12 trials are finished already" in parts.log

    @pytest.mark.parametrize("damage", ["cut", "null", "without probabilities"])
    def test_a_damaged_piece_is_run_again_and_only_that(self, tmp_path, no_pictures, monkeypatch, counted, damage):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        start = starter(tmp_path)
        monkeypatch.setattr(experiment_module, "SearchFiles", lambda run: _KeptTrials())
        first = start("search.refit=false", text=SEARCH)
        table_before = (first.path / "search.csv").read_bytes()
        stored = sorted((first.path / "trials").glob("*.npz"))
        assert len(stored) == 3  # one a fold, six heads each
        if damage == "cut":
            stored[0].write_bytes(stored[0].read_bytes()[:100])
        elif damage == "null":
            stored[0].with_suffix(".json").write_text("null")
        else:
            np.savez(stored[0])
        (first.path / "results.json").unlink()
        counted.clear()
        again = start("search.refit=false", text=SEARCH)
        assert len(counted) == 6
        assert (again.path / "search.csv").read_bytes() == table_before

    def test_a_fault_that_passes_is_not_kept_as_a_result(self, tmp_path, no_pictures, monkeypatch, counted):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        start = starter(tmp_path)
        real = pieces.run_stack

        def lost(stack: Any, shared: Any) -> Any:
            if stack.fold.number == 1:
                raise OSError("network share is gone")
            return real(stack, shared)

        monkeypatch.setattr(pieces, "run_stack", lost)
        with pytest.raises(UnfinishedError, match=r"6 trials of head could not run \(OSError: network share is gone\)"):
            start(text=SEARCH)
        assert not (tmp_path / "run" / "results.json").exists()
        monkeypatch.setattr(pieces, "run_stack", real)
        counted.clear()
        assert start(text=SEARCH).code == 0
        assert len(counted) == 6

    def test_a_full_disk_ends_the_run_and_keeps_what_there_is(self, tmp_path, no_pictures, monkeypatch, counted):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        start = starter(tmp_path)
        real = os.fsync

        def full(descriptor: int) -> None:
            if len(list((tmp_path / "run" / "trials").glob("*.json"))) == 2:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StorageError, match=r"no room is left .* and the same command goes on"):
            start(text=SEARCH)
        monkeypatch.setattr("os.fsync", real)
        counted.clear()
        assert start(text=SEARCH).code == 0
        assert len(counted) == 6


class _KeptTrials:
    def clear(self) -> None:
        pass


class TestFailures:
    def test_a_failed_trial_is_recorded_and_the_others_go_on(self, tmp_path, no_pictures):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        grid = "search.grid={training.learning_rate: [1e-2, 1e30]}"
        run = starter(tmp_path)(grid, "training.optimizer=sgd", text=SEARCH)
        assert run.code == 0, run.log
        good, bad = ([row for row in table(run) if row["combination"] == number] for number in ("1", "2"))
        assert [row["status"] for row in good] == ["done"] * 3
        assert [row["status"] for row in bad] == ["failed"] * 3
        assert all("diverged" in row["error"] for row in bad)
        assert run.model("head")["search"]["chosen"] == 0

    def test_a_model_none_of_whose_combinations_has_a_score_fails(self, tmp_path, no_pictures):
        write_images(tmp_path / "images", {"dark": 24, "bright": 24})
        grid = "search.grid={training.learning_rate: [1e30]}"
        run = starter(tmp_path)(grid, "training.optimizer=sgd", text=SEARCH)
        assert run.code == 1
        assert run.model("head")["status"] == "failed"
        assert "no combination of the search has a score" in run.model("head")["error"]


class TestThresholds:
    def test_each_fold_chooses_its_threshold_on_a_part_of_its_training_images(self, tmp_path, no_pictures):
        write_images(tmp_path / "images", {"dark": 40, "bright": 40})
        run = starter(tmp_path)(
            "data.split.validation=0.25", "search.score=f1", "search.grid={}", "search.refit=false", text=SEARCH
        )
        rows = table(run)
        # 80 images: 20 test, 20 validation, 40 train; a fold's training part of 26 or 27 gives a third of itself.
        assert {int(row["n_train"]) for row in rows} == {17, 18}
        assert any(float(row["threshold"]) != 0.5 for row in rows)
        assert "Each fold takes 33% out of its own training part" in " ".join(run.results["search"]["notes"])

    def test_a_combination_that_stops_early_watches_a_part_of_its_training_images(self, tmp_path, no_pictures):
        write_images(tmp_path / "images", {"dark": 40, "bright": 40})
        run = starter(tmp_path)(
            "data.split.validation=0.25",
            "search.grid={training.early_stopping: [null, 1], train_blocks: [0, 1]}",
            "training.epochs=6",
            "training.learning_rate=0.1",
            "search.refit=false",
            text=SEARCH,
        )
        rows = table(run)
        assert {row["status"] for row in rows} == {"done"}
        assert {int(row["n_train"]) for row in rows} == {17, 18}
        stopping = [row["training.early_stopping"] != "none" for row in rows]
        assert {row["epoch"] for row, stops in zip(rows, stopping, strict=True) if not stops} == {"6"}
        assert any(int(row["epoch"]) < 6 for row, stops in zip(rows, stopping, strict=True) if stops)


def test_a_model_can_be_left_out_of_the_search(tmp_path, no_pictures):
    write_images(tmp_path / "images", {"dark": 24, "bright": 24})
    models = (
        "models=[{id: plain, backbone: EfficientNetLite0, weights: packaged, search: false}, "
        "{id: tuned, backbone: EfficientNetLite0, weights: packaged}]"
    )
    run = starter(tmp_path)(models, text=SEARCH)
    assert {row["model"] for row in table(run)} == {"tuned"}
    assert "search" not in run.model("plain")
    assert run.model("plain")["epoch"] == [3]


def test_results_json_says_what_was_searched(run):
    search = json.loads((run.path / "results.json").read_text(encoding="utf-8"))["search"]
    assert search["score"] == "roc_auc"
    assert (search["folds"], search["repeats"], search["num_trials"]) == (3, 1, 18)
    assert search["keys"] == ["training.learning_rate", "training.epochs"]


def test_a_threshold_from_out_of_fold_predictions_is_locked_for_all_seeds_and_sets(tmp_path, no_pictures):
    write_images(tmp_path / "images", {"dark": 24, "bright": 24})
    evaluation = "evaluation: {threshold: {choose_on: out_of_fold, criterion: f1}, temperature: true}\n"
    settings = SEARCH.replace("seeds: [0]", "seeds: [0, 1]").split("search:")[0]
    run = starter(tmp_path)(text=f"{settings}search: {{folds: 2, repeats: 2}}\n{evaluation}")

    rows = out_of_fold(run)
    assert len(rows) == 2 * 36
    labels = [int(row["y_true"] == "bright") for row in rows]
    scores = [float(row["y_score"]) for row in rows]
    expected = choose_threshold(labels, scores, "f1").threshold
    sets = run.model("head")["sets"]
    for one in sets.values():
        assert [seed["threshold"] for seed in one["per_seed"]] == [pytest.approx(expected, abs=1e-6)] * 2
    assert run.results["threshold"]["chosen_on"] == "out_of_fold"
    fitted = fit_temperature(labels, np.array(scores))
    assert sets["test"]["calibration"].get("temperature") == (fitted.value and pytest.approx(fitted.value, rel=1e-3))
