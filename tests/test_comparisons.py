"""The entry `comparisons`, made from run folders without images or networks."""

import json

import numpy as np
import pytest

from kbin.comparisons import comparison_entries
from kbin.report.recorded import read_results
from kbin.runs import RunDirectory
from tests.report.synthetic_runs import SyntheticRun

SYNTHETIC = SyntheticRun(
    models={"good": 4.0, "poor": 0.1},
    sets={"train": (20, 12), "validation": (12, 8), "test": (60, 40)},
    seeds=(0, 1, 2),
    failed={"broken": "no"},
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunDirectory:
    return SYNTHETIC.write(tmp_path_factory.mktemp("comparisons") / "run")


def test_every_set_but_the_training_set_compares_all_models_that_are_done(run):
    found = comparison_entries(run, run.results())
    assert list(found) == ["validation", "test"]
    assert [pair["models"] for pair in found["test"]["roc_auc"]["pairs"]] == [["good", "poor"]]
    assert found["test"]["roc_auc"]["letters"] == {"good": "a", "poor": "b"}


def test_differences_are_those_of_the_table(run):
    results = run.results()
    good, poor, _ = results["models"]
    for set_name, metrics in comparison_entries(run, results).items():
        for metric, comparison in metrics.items():
            first, second = (model["sets"][set_name]["metrics"][metric] for model in (good, poor))
            assert comparison["pairs"][0]["difference"] == pytest.approx(first - second, abs=1e-7)


def test_they_are_what_the_report_reads(run):
    results = run.results()
    found = comparison_entries(run, results)
    recorded = read_results(results | {"comparisons": json.loads(json.dumps(found, allow_nan=False))})
    pair = recorded.comparisons["test"]["accuracy"].pairs[0]
    assert set(found["test"]["accuracy"]["pairs"][0]) == set(type(pair).model_fields)
    assert pair.models == ("good", "poor")
    assert pair.interval[0] > 0
    assert pair.differ_on > 0


def test_three_classes_are_compared(tmp_path):
    run = SyntheticRun(classes=("a", "b", "c"), sets={"train": (9, 9, 9), "test": (9, 9, 9)}).write(tmp_path / "run")
    assert "roc_auc" in comparison_entries(run, run.results())["test"]


@pytest.mark.parametrize("models", [{}, {"only": 1.0}])
def test_fewer_than_two_models_are_not_compared(tmp_path, models):
    run = SyntheticRun(models=models, failed={"broken": "no"}).write(tmp_path / "run")
    assert comparison_entries(run, run.results()) == {}


def test_groups_of_the_folder_are_taken_together(tmp_path):
    run = SYNTHETIC.write(tmp_path / "run")
    assert run.groups() == {}
    ids = [f"test-{k}" for k in range(100)]
    run.save_groups({"test": (ids, [f"patient {k // 4}" for k in range(100)])})
    found = comparison_entries(run, run.results())
    assert found["test"]["accuracy"]["method"].endswith("by group")
    assert not found["validation"]["accuracy"]["method"].endswith("by group")


def test_sets_have_intervals_by_group():
    from kbin.config.experiment import ThresholdConfig
    from kbin.results import SeedPredictions, evaluate_sets

    y_true = np.arange(60) // 2 % 2
    scores = np.clip(np.random.default_rng(0).normal(0.4 + 0.2 * y_true, 0.2), 0, 1)
    seeds = [SeedPredictions(0, {"train": scores, "test": scores})]
    labels = {"train": y_true, "test": y_true}
    found = evaluate_sets(labels, ("no", "yes"), seeds, ThresholdConfig(), {"test": np.arange(60) // 2})
    assert (found["train"]["num_groups"], found["test"]["num_groups"]) == (None, 30)
    assert "f1" in found["test"]["intervals"]
    assert "f1" not in found["train"]["intervals"]  # what it learned from is not resampled
    assert found["test"]["interval_notes"]
