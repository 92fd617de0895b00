import copy

from kbin.report.recorded import read_results
from kbin.report.side_by_side import side_by_side
from kbin.report.tables import Footnotes
from tests.report.synthetic_runs import SyntheticRun

TWO_TESTS = SyntheticRun(
    models={"fixed": 2.0, "tuned": 1.0},
    sets={"test-2": (40, 20), "train": (20, 12), "validation": (12, 8), "test": (14, 10)},
    shifted={"test-2": 9.0},
)


def test_sets_stand_in_the_order_of_their_distance_from_training():
    assert side_by_side(read_results(TWO_TESTS.results()), Footnotes()).sets == (
        "train",
        "validation",
        "test",
        "test-2",
    )


def test_every_metric_has_a_table_with_the_recorded_numbers():
    sides = side_by_side(read_results(TWO_TESTS.results()), Footnotes())

    assert [table.row.name for table in sides.tables] == ["accuracy", "precision", "recall", "f1", "roc_auc"]
    for table in sides.tables:
        for model in TWO_TESTS.results()["models"]:
            expected = [model["sets"][name]["metrics"][table.row.name] for name in sides.sets]
            assert [cell.value for cell in table.rows[model["id"]]] == expected


def test_a_collapse_marks_what_depends_on_the_threshold():
    sides = side_by_side(read_results(TWO_TESTS.results()), Footnotes())

    for table in sides.tables:
        marks = [cell.mark for cell in table.rows["fixed"]]
        assert marks == ["", "", "", "" if table.row.name == "roc_auc" else "collapsed"]


def test_a_further_set_has_its_gap_from_the_test_set_and_that_one_from_validation():
    results = copy.deepcopy(TWO_TESTS.results())
    areas = {"train": 0.99, "validation": 0.9, "test": 0.85, "test-2": 0.6}
    for name, area in areas.items():
        results["models"][0]["sets"][name]["metrics"]["roc_auc"] = area
    sides = side_by_side(read_results(results), Footnotes())

    assert sides.compared == {"test-2": "test", "test": "validation"}
    assert [cell.gap for cell in sides.tables[-1].rows["fixed"]] == [
        "",
        "",
        "\N{MINUS SIGN}0.050",
        "\N{MINUS SIGN}0.250",
    ]


def test_one_test_set_has_nothing_beside_it():
    assert side_by_side(read_results(SyntheticRun().results()), Footnotes()) is None
    assert side_by_side(read_results(SyntheticRun(models={}, failed={"broken": "no"}).results()), Footnotes()) is None
