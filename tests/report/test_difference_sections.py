import itertools

import pytest

from kbin.report.difference_sections import comparison_methods, difference_sections
from kbin.report.interval_bars import WIDTH
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun

THREE = {"x": "a", "y": "ab", "z": "b"}


def _run(given, **values):
    return SyntheticRun(models={one: 3.0 - place for place, one in enumerate(given)}, sets={"test": (30, 20)}, **values)


def _sections(letters, metrics=("roc_auc", "accuracy", "f1", "brier", "mcc"), **values):
    run = _run(letters, letters={"test": dict.fromkeys(metrics, letters)}, **values)
    return run.results(), difference_sections(read_results(run.results()))


def test_every_pair_has_a_row_a_metric_with_the_recorded_numbers():
    results, (section,) = _sections(THREE)

    assert [part.row.name for part in section.shown] == ["roc_auc", "accuracy", "f1"]
    assert [part.row.name for part in section.folded] == ["mcc", "brier"]
    for part in (*section.shown, *section.folded):
        recorded = results["comparisons"]["test"][part.row.name]["pairs"]
        assert [{row.first, row.second} for row in part.pairs.rows] == [set(pair["models"]) for pair in recorded]
        for row, pair in zip(part.pairs.rows, recorded, strict=True):
            assert abs(row.difference.cell.value) == abs(pair["difference"])
            assert row.cells[2].text == f"{pair['p_adjusted']:.3f}"
            assert row.cells[3].value == pair["detectable"]


def test_the_better_model_of_a_pair_stands_first_and_its_difference_says_so():
    results, (section,) = _sections(THREE)
    metrics = {model["id"]: model["sets"]["test"]["metrics"] for model in results["models"]}

    for part in (*section.shown, *section.folded):
        for row in part.pairs.rows:
            gain = metrics[row.first][part.row.name] - metrics[row.second][part.row.name]
            assert row.difference.cell.value == pytest.approx(gain)
            assert gain >= 0 if part.row.higher_is_better else gain <= 0


def test_no_difference_is_on_every_bar_and_left_of_those_that_are_told_apart():
    _, (section,) = _sections({"x": "a", "y": "b", "z": "c"}, metrics=("roc_auc",))

    for row in section.shown[0].pairs.rows:
        bar = row.difference.bar
        assert 0 <= bar.line < bar.start < bar.center < bar.end <= WIDTH
        assert row.is_told_apart
        assert row.verdict == f"{row.first} is better"


def test_two_models_have_one_table_of_all_metrics():
    _, (section,) = _sections({"x": "a", "y": "b"})

    assert [row.metric.name for row in section.only_pair.rows] == ["roc_auc", "accuracy", "f1", "mcc", "brier"]
    assert section.shown == section.folded == ()


def test_many_models_have_letters_in_place_of_open_pairs():
    _, (section,) = _sections({f"m{k}": "ab"[k > 3] for k in range(7)}, metrics=("roc_auc",), seeds=(0,))
    (part,) = section.shown
    values = [float(row.text.split()[0]) for row in part.letters]

    assert len(part.pairs.rows) == len(list(itertools.combinations(range(7), 2)))
    assert values == sorted(values, reverse=True)
    assert {row.model_id: row.letters for row in part.letters} == {f"m{k}": "ab"[k > 3] for k in range(7)}
    assert part.all_letters == ("a", "b")


def test_a_column_that_no_pair_fills_is_left_out():
    run = _run(THREE, letters={"test": {"roc_auc": THREE}})
    results = run.results()
    for pair in results["comparisons"]["test"]["roc_auc"]["pairs"]:
        del pair["p_seeds"], pair["differ_on"]
    (section,) = difference_sections(read_results(results))

    assert section.shown[0].pairs.columns == ("p, images", "p, adjusted", "Would have shown")


def test_metrics_with_the_same_method_are_named_together():
    run = _run(THREE, letters={"test": dict.fromkeys(("roc_auc", "accuracy", "f1"), THREE)})
    results = run.results()
    results["comparisons"]["test"]["roc_auc"]["method"] = "DeLong."

    assert comparison_methods(read_results(results)) == ["ROC AUC: DeLong.", "Accuracy and F1: By hand."]


def test_a_run_without_comparisons_has_no_section():
    assert difference_sections(read_results(SyntheticRun().results())) == []
