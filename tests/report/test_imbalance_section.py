import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.report.imbalance_section import imbalance
from kbin.report.recorded import read_results
from kbin.report.wording import UNDEFINED
from tests.report.synthetic_runs import SyntheticRun

COSTS = EvaluationConfig.model_validate({"costs": {"false_positive": 1, "false_negative": 5}})


def part(run):
    return imbalance(read_results(run.results()))


def column(section, name):
    return [row.name for row in section.columns].index(name)


def test_models_stand_beside_both_baselines():
    section = part(SyntheticRun(models={"only": 2.0}))
    rows = section.sets["test"].baselines
    assert [(row.name, row.is_baseline) for row in rows] == [
        ("only", False),
        ("always “functional”", True),
        ("random answers", True),
    ]
    # 14 of 24 images are functional: (14 / 24)^2 + (10 / 24)^2 for random answers.
    assert [row.values[column(section, "accuracy")] for row in rows[1:]] == ["0.583", "0.514"]
    assert rows[1].values[column(section, "precision")] == UNDEFINED


def test_costs_stand_beside_them_where_they_are_given():
    one = part(SyntheticRun(models={"only": 2.0}, evaluation=COSTS)).sets["test"]
    # 10 misses at 5; random: 10 / 24 * 14 / 24 of either kind.
    assert [row.cost for row in one.baselines[1:]] == [f"{50 / 24:.3f}", f"{6 * 140 / 576:.3f}"]
    # A false alarm on each of 14.
    assert one.cheapest == f"The cheapest single answer here is “defective” for every image: {14 / 24:.3f} an image."
    assert part(SyntheticRun(models={"only": 2.0})).sets["test"].cheapest == ""


@pytest.mark.parametrize(
    ("run", "titles"),
    [
        (SyntheticRun(models={"only": 2.0}), ["Precision", "Accuracy", "F1"]),
        (SyntheticRun(models={"only": 2.0}, evaluation=COSTS), ["Precision", "Accuracy", "F1", "Cost of an image"]),
    ],
)
def test_each_quantity_has_a_table_over_the_shares_with_the_sets_own_marked(run, titles):
    one = part(run).sets["test"]
    assert [table.title for table in one.tables] == titles
    assert one.shares == ("1%", "5%", "10%", "20%", "41.7%", "50%")
    assert one.shares[one.own] == "41.7%"
    for table in one.tables:
        assert [row.answers for row in table.rows] == [
            "only",
            "always “functional”",
            "always “defective”",
            "random answers",
        ]
        assert {len(row.values) for row in table.rows} == {6}


def test_three_classes_have_baselines_but_no_share_to_vary():
    one = part(SyntheticRun(models={"only": 2.0}, classes=("a", "b", "c"), sets={"test": (5, 4, 3)})).sets["test"]
    assert [row.name for row in one.baselines] == ["only", "always “a”", "random answers"]
    assert (one.tables, one.own) == ((), -1)


def test_a_run_of_an_earlier_version_has_the_shares_only():
    results = SyntheticRun(models={"only": 2.0}).results()
    for entry in results["models"][0]["sets"].values():
        del entry["baselines"]
    one = imbalance(read_results(results)).sets["test"]
    assert one.baselines == ()
    assert len(one.tables) == 3


def test_where_every_model_failed_there_is_no_such_part():
    assert part(SyntheticRun(models={}, failed={"broken": "no"})) is None
