import json
import os
from pathlib import Path

import numpy as np
import pytest

from kbin.engine.feature_store import FeatureStore
from kbin.kept import kept_lines
from kbin.runs import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "run")


def write(run: RunDirectory, name: str, value: object) -> None:
    path = run.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def test_nothing_is_said_of_what_is_not_there(run):
    assert kept_lines(run) == []
    write(run, "environment.json", {"started": "2026-01-01T00:00:00+00:00"})
    write(run, "unfinished/whole/seed-0/stage-1.json", {"epoch": 0})
    assert kept_lines(run) == []


def test_features_trials_models_and_the_training_that_goes_on_are_named(run):
    table = FeatureStore.of_this_machine().table({"backbone": "any"})
    table.add(["a", "b"], np.zeros((2, 3), np.float32))
    write(run, "environment.json", {"started": "2026-01-01T00:00:00+00:00"})
    write(run, "trials/a.json", {"trials": [{"id": "1"}, {"id": "2"}]})
    write(run, "trials/b.json", {"trials": [{"id": "3"}]})
    write(run, "unfinished/fixed/entry.json", {})
    write(run, "unfinished/top/entry.json", {})
    write(run, "unfinished/whole/seed-0/trained.json", {})
    write(run, "unfinished/whole/seed-0/stage-1.json", {"epoch": 9})
    write(run, "unfinished/whole/seed-1/stage-1.json", {"epoch": 5})
    write(run, "unfinished/whole/seed-1/stage-2.json", {"epoch": 7})
    assert kept_lines(run) == [
        "kept: computed features, 3 finished trials, 2 finished models (fixed, top), "
        "'whole' trained with seed 0, training of 'whole', seed 1, to epoch 7"
    ]


def test_features_of_an_earlier_run_are_none_of_this_one(run):
    store = FeatureStore.of_this_machine()
    table = store.table({"backbone": "any"})
    table.add(["a"], np.zeros((1, 3), np.float32))
    write(run, "environment.json", {"started": "2026-01-01T00:00:00+00:00"})
    assert kept_lines(run) == ["kept: computed features"]
    os.utime(table.folder / "table.json", (0, 0))
    assert kept_lines(run) == []


def test_of_many_models_some_are_named(run):
    for number in range(7):
        write(run, f"unfinished/model-{number}/entry.json", {})
    named = "model-0, model-1, model-2, model-3, model-4 and 2 more"
    assert kept_lines(run) == [f"kept: 7 finished models ({named})"]


def test_once_there_are_results_they_are_all_that_counts(run):
    write(run, "unfinished/fixed/entry.json", {})
    write(run, "results.json", {})
    assert kept_lines(run) == ["kept: all results; what is missing of plots, tables and page is made from them"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"epoch": "seven"}', '{"started": "yesterday"}', "\udcff"])
def test_damaged_files_are_passed_over(run, content):
    for name in ("environment.json", "unfinished/whole/seed-0/stage-1.json"):
        write(run, name, None)
        (run.path / name).write_bytes(content.encode(errors="surrogateescape"))
    write(run, "unfinished/fixed/entry.json", {})
    assert kept_lines(run) == ["kept: 1 finished model (fixed)"]
