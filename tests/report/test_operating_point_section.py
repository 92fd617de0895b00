import re

import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.report.operating_point_section import COLUMNS, operating_points
from kbin.report.recorded import read_results
from kbin.report.wording import UNDEFINED
from tests.report.synthetic_runs import SyntheticRun

COSTS = {"false_positive": 1, "false_negative": 5}
SHIFTED = {"validation": (30, 20), "test": (30, 20), "moved": (30, 20)}


def part(run=None, **evaluation):
    run = run or {}
    settings = EvaluationConfig.model_validate(evaluation)
    return operating_points(read_results(SyntheticRun(models={"only": 2.0}, evaluation=settings, **run).results()))


def test_every_set_but_the_training_set_has_its_points_with_the_recorded_numbers():
    run = SyntheticRun(models={"only": 2.0})
    points = operating_points(read_results(run.results()))
    assert [one.set_name for one in points.models["only"]] == ["test", "validation"]
    recorded = run.results()["models"][0]["sets"]["test"]["operating_points"]
    for row, (name, point) in zip(points.models["only"][0].rows, recorded.items(), strict=True):
        assert row.threshold == f"{point['threshold']:.3f}"
        assert row.values == tuple(f"{point['metrics'][column.name]:.3f}" for column in COLUMNS)
        assert row.is_oracle == (name == "oracle")
    assert [row.title for row in points.models["only"][0].rows] == ["at 0.5", "in force", "oracle"]


def test_a_threshold_of_one_half_is_not_shown_twice():
    points = part(threshold=0.5)
    assert [row.title for row in points.models["only"][0].rows] == ["in force", "oracle"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"threshold": 0.4},
            "The threshold in force is the one that the experiment file gives. The oracle's is chosen",
        ),
        ({}, "was chosen on the validation set, each seed by its own scores (largest sensitivity + specificity), and"),
        ({"threshold": {"criterion": "f1"}}, "(largest F1 of the positive class)"),
        ({"threshold": {"sensitivity": 0.9}}, "(most negatives right among those that find at least 90.0% of the posi"),
        ({"threshold": {"criterion": "cost"}, "costs": COSTS}, "(least total cost of false alarms and misses)"),
    ],
)
def test_it_says_where_the_threshold_comes_from(settings, sentence):
    assert sentence in part(**settings).origin


def test_out_of_fold_predictions_are_named():
    results = SyntheticRun(models={"only": 2.0}).results()
    results["threshold"] = {"chosen_on": "out_of_fold", "criterion": "youden", "note": ""}
    assert "what the folds of the search predicted" in operating_points(read_results(results)).origin


def test_without_a_validation_set_it_is_one_half_and_says_why():
    points = part({"sets": {"train": (9, 9), "test": (9, 9)}})
    assert points.origin == "There is no validation set to choose a threshold on, so it is 0.5."


def test_costs_have_a_column_only_where_they_are_given():
    with_costs, without = part(costs=COSTS), part()
    assert (with_costs.with_costs, without.with_costs) == (True, False)
    assert with_costs.costs == "a false positive costs 1, a false negative 5"
    assert {row.cost for row in without.models["only"][0].rows} == {UNDEFINED}
    assert all(float(row.cost) >= 0 for row in with_costs.models["only"][0].rows)


class TestFit:
    def test_a_collapse_is_told_with_what_became_of_the_order(self):
        points = part({"sets": SHIFTED, "shifted": {"moved": 8.0}})
        moved = next(one for one in points.models["only"] if one.set_name == "moved")
        assert moved.collapsed
        assert moved.sentence.startswith("Collapsed: accuracy 0.400 is not above 0.600")
        oracle, locked = moved.rows[-1], moved.rows[-2]
        assert moved.sentence.endswith(
            "the order is kept, the threshold does not fit this set. "
            f"The oracle's balanced accuracy is {oracle.values[1]}."
        )
        assert float(oracle.values[1]) > float(locked.values[1]) + 0.3  # balanced accuracy

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({}, r"the threshold in force loses 0\.\d{3} of balanced accuracy here"),
            ({"threshold": {"criterion": "f1"}}, r"loses 0\.\d{3} of F1 here"),
            ({"threshold": {"criterion": "cost"}, "costs": COSTS}, r"the threshold in force costs 0\.\d{3} more an"),
            ({"threshold": {"sensitivity": 0.9}}, r"finds \d+\.\d% of the positives here; 90\.0% were asked for"),
        ],
    )
    def test_elsewhere_the_distance_to_the_oracle_is_told_by_the_criterion(self, settings, sentence):
        assert re.search(sentence, part(**settings).models["only"][0].sentence)

    def test_the_set_that_it_was_chosen_on_has_the_oracles_threshold(self):
        validation = part().models["only"][1]
        assert validation.sentence == "The threshold was chosen on this set, so here it is the oracle's."
        assert validation.rows[1].values == validation.rows[2].values


def test_three_classes_have_no_such_part():
    assert part({"classes": ("a", "b", "c"), "sets": {"test": (5, 4, 3)}}) is None


def test_a_run_of_an_earlier_version_has_no_oracle_and_says_nothing_of_the_origin():
    results = SyntheticRun(models={"only": 2.0}).results()
    del results["threshold"], results["costs"]
    for entry in results["models"][0]["sets"].values():
        del entry["operating_points"]["oracle"]
    points = operating_points(read_results(results))
    assert points.origin == ""
    assert [row.title for row in points.models["only"][0].rows] == ["at 0.5", "in force"]
    assert points.models["only"][0].sentence == ""
