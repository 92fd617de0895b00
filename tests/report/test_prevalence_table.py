import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.evaluation.error_costs import ErrorCosts
from kbin.report.prevalence_table import SHARES, cheapest_answer, prevalence_rows
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun

COSTS = EvaluationConfig.model_validate({"costs": {"false_positive": 1, "false_negative": 5}})
RUN = SyntheticRun(models={"only": 1.0}, evaluation=COSTS)
OWN = 10 / 24


@pytest.fixture(scope="module")
def rows():
    return prevalence_rows(read_results(RUN.results()), "test")


def of(rows, answers, point, share):
    (row,) = [row for row in rows if (row.answers, row.point, row.share) == (answers, point, share)]
    return row


def test_every_operating_point_and_baseline_has_a_row_a_share_and_the_sets_own_among_them(rows):
    assert [row.share for row in rows if row.answers == "only" and row.point == "locked"] == sorted([*SHARES, OWN])
    assert {(row.answers, row.point) for row in rows} == {
        ("only", "half"),
        ("only", "locked"),
        ("only", "oracle"),
        ("always “functional”", "baseline"),
        ("always “defective”", "baseline"),
        ("random answers", "baseline"),
    }
    assert {row.share for row in rows if row.is_own} == {OWN}


def test_at_the_sets_own_share_accuracy_and_cost_are_the_recorded_ones(rows):
    point = RUN.results()["models"][0]["sets"]["test"]["operating_points"]["oracle"]
    row = of(rows, "only", "oracle", OWN)
    assert row.accuracy == pytest.approx(point["metrics"]["accuracy"])
    assert row.cost == pytest.approx(point["cost"])


def test_at_another_share_they_follow_from_sensitivity_and_specificity(rows):
    row = of(rows, "only", "locked", 0.1)
    found, false_alarms = 0.1 * row.sensitivity, 0.9 * (1 - row.specificity)
    assert row.precision == pytest.approx(found / (found + false_alarms))
    assert row.accuracy == pytest.approx(found + 0.9 * row.specificity)
    assert row.f1 == pytest.approx(2 * found / (found + false_alarms + 0.1))
    assert row.cost == pytest.approx(5 * 0.1 * (1 - row.sensitivity) + false_alarms)


def test_baselines_by_hand(rows):
    never = of(rows, "always “functional”", "baseline", 0.2)
    assert (never.accuracy, never.precision, never.f1, never.cost) == (0.8, None, 0.0, pytest.approx(5 * 0.2))
    always = of(rows, "always “defective”", "baseline", 0.2)
    assert (always.accuracy, always.precision, always.cost) == (
        pytest.approx(0.2),
        pytest.approx(0.2),
        pytest.approx(0.8),
    )
    # Drawn with the shares: .2 * .2 + .8 * .8 right, .2 * .8 missed and as many false alarms.
    random = of(rows, "random answers", "baseline", 0.2)
    assert (random.accuracy, random.f1, random.cost) == (
        pytest.approx(0.68),
        pytest.approx(0.2),
        pytest.approx(0.16 * 6),
    )


def test_the_cheapest_single_answer_depends_on_costs_and_share():
    costs = ErrorCosts(1, 5)
    assert cheapest_answer(0.1, costs) == (False, pytest.approx(0.5))
    assert cheapest_answer(0.2, costs) == (True, pytest.approx(0.8))


def test_without_costs_there_is_none():
    rows = prevalence_rows(read_results(SyntheticRun(models={"only": 1.0}).results()), "test")
    assert {row.cost for row in rows} == {None}


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (SyntheticRun(models={"only": 1.0}), "train"),
        (SyntheticRun(models={"only": 1.0}, sets={"train": (9, 9), "test": (9, 0)}), "test"),
        (SyntheticRun(models={"only": 1.0}, classes=("a", "b", "c"), sets={"test": (5, 4, 3)}), "test"),
    ],
)
def test_what_was_learned_from_one_class_and_three_classes_have_no_rows(run, name):
    assert prevalence_rows(read_results(run.results()), name) == []
