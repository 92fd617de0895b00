from dataclasses import replace

import pytest

from kbin.report.recorded import read_results
from kbin.report.recorded_comparisons import PairResults
from kbin.report.verdicts import agreement_sentence, detectable_text, pair_verdict, short_verdict, standing, winner
from kbin.report.verdicts import verdict_sentence as sentence
from tests.report.synthetic_runs import SyntheticRun

AREAS = {"a": 0.95, "b": 0.94, "c": 0.9, "d": 0.8}
ACCURACIES = {"a": 0.85, "b": 0.86, "c": 0.8, "d": 0.7}


def _standings(areas, accuracies=None, num_models=4):
    """Standings by ROC AUC and accuracy of models whose values are set by hand, for the letters given."""
    ids = list(AREAS)[:num_models]
    run = SyntheticRun(models=dict.fromkeys(ids, 1.0), sets={"test": (20, 20)}, seeds=(0,))
    results = run.results()
    for model in results["models"]:
        entry = model["sets"]["test"]
        entry["metrics"] |= {"roc_auc": AREAS[model["id"]], "accuracy": ACCURACIES[model["id"]]}
        entry["intervals"] = {"roc_auc": [AREAS[model["id"]] - 0.02, AREAS[model["id"]] + 0.02]}
    given = {"roc_auc": areas, "accuracy": accuracies or areas}
    results["comparisons"] = {
        "test": {
            metric: _compared(AREAS if metric == "roc_auc" else ACCURACIES, dict(zip(ids, letters, strict=True)))
            for metric, letters in given.items()
        }
    }
    recorded = read_results(results)
    return standing(recorded, "test", "roc_auc"), standing(recorded, "test", "accuracy")


def _compared(values, letters):
    ids = list(letters)
    return {
        "method": "By hand.",
        "letters": letters,
        "pairs": [
            {
                "models": [first, second],
                "difference": values[first] - values[second],
                "interval": [values[first] - values[second] - 0.01, values[first] - values[second] + 0.01],
                "p_adjusted": 1.0 if set(letters[first]) & set(letters[second]) else 0.01,
                "detectable": 0.2,
            }
            for place, first in enumerate(ids)
            for second in ids[place + 1 :]
        ],
    }


def _pair(**values):
    return PairResults(**({"models": ("x", "y"), "difference": 0.1} | values))


def test_of_two_that_can_be_told_apart_the_better_value_wins_whichever_way_is_better():
    assert winner("roc_auc", _pair(p_adjusted=0.01)) == "x"
    assert winner("log_loss", _pair(p_adjusted=0.01)) == "y"
    assert winner("roc_auc", _pair(difference=-0.1, p_adjusted=0.01)) == "y"


@pytest.mark.parametrize("p_adjusted", [0.05, 0.7, None])
def test_without_a_small_p_nobody_wins(p_adjusted):
    assert winner("roc_auc", _pair(p_adjusted=p_adjusted)) is None


@pytest.mark.parametrize(
    ("p_values", "verdict"),
    [
        ({"p_value": 0.001, "p_seeds": 0.01, "p_adjusted": 0.02}, "x is better"),
        ({"p_value": 0.3, "p_seeds": 0.01, "p_adjusted": 0.3}, "cannot be told apart"),
        (
            {"p_value": 0.001, "p_seeds": 0.2, "p_adjusted": 0.2},
            "cannot be told apart: training again may turn it round",
        ),
        (
            {"p_value": 0.03, "p_seeds": 0.01, "p_adjusted": 0.3},
            "cannot be told apart among so many comparisons",
        ),
    ],
)
def test_a_verdict_names_the_test_that_stands_in_the_way(p_values, verdict):
    assert pair_verdict("roc_auc", _pair(**p_values)) == verdict


def test_two_models_that_cannot_be_told_apart_are_not_put_in_an_order_of_merit():
    found, _ = _standings(["a", "a"], num_models=2)

    assert sentence(found) == (
        "a has ROC AUC 0.950 [0.930,\N{NO-BREAK SPACE}0.970] and b 0.940 [0.920,\N{NO-BREAK SPACE}0.960]: "
        "they cannot be told apart."
    )
    assert short_verdict(found) == "a and b cannot be told apart by ROC AUC."
    assert detectable_text(found) == "a difference of 0.200 would have shown here in four of five cases"


def test_of_two_models_that_can_be_told_apart_one_beats_the_other_by_a_lead_with_its_interval():
    found, _ = _standings(["a", "b"], num_models=2)

    assert "a beats b by ROC AUC: 0.950" in sentence(found)
    assert sentence(found).endswith(", a lead of 0.010 (95% interval over images 0.000 to 0.020).")
    assert short_verdict(found) == "a beats b by ROC AUC."
    assert detectable_text(found) == ""


def test_two_that_cannot_be_told_apart_both_beat_a_third():
    found, _ = _standings(["a", "a", "b"], num_models=3)

    assert sentence(found) == (
        "a (0.950) and b (0.940) cannot be told apart by ROC AUC; both beat c (0.900), a lead of 0.050 "
        "(95% interval over images 0.040 to 0.060)."
    )


def test_one_model_that_beats_all_others_is_said_to_with_the_nearest_lead():
    found, _ = _standings(["a", "b", "b", "b"])

    assert sentence(found) == (
        "a (0.950) has the best ROC AUC and beats b (0.940), c (0.900) and d (0.800), a lead of 0.010 over b "
        "(95% interval over images 0.000 to 0.020)."
    )


def test_models_in_overlapping_groups_are_told_from_the_best_one():
    found, _ = _standings(["a", "ab", "bc", "c"])

    assert short_verdict(found) == ("a has the best ROC AUC and beats c and d; it cannot be told apart from b.")


def test_of_many_that_cannot_be_told_apart_the_range_is_named():
    found, _ = _standings(["a"] * 4)

    assert sentence(found).startswith("none of the 4 models can be told apart from another by ROC AUC: it goes from ")
    assert "(d) to 0.950" in sentence(found)
    assert detectable_text(found).startswith("a difference of 0.200 between any two would have shown")


def test_what_would_have_shown_is_not_said_where_more_than_that_was_there_and_did_not():
    found, _ = _standings(["a", "a"], num_models=2)
    pair = next(iter(found.pairs.values()))
    smaller = {key: pair.model_copy(update={"detectable": 0.009}) for key in found.pairs}

    assert abs(pair.difference) == pytest.approx(0.01)
    assert detectable_text(replace(found, pairs=smaller)) == ""


def test_others_that_can_be_told_apart_are_not_hidden_behind_a_best_model_that_cannot():
    found, _ = _standings(["ab", "a", "b", "ab"])

    assert short_verdict(found) == ("a has the best ROC AUC, and cannot be told apart from b, c and d; others can.")


def test_accuracy_that_tells_the_same_apart_is_said_to():
    assert agreement_sentence(*_standings(["a", "a", "b"], num_models=3)) == (
        "Accuracy tells the same models apart (b 0.860, a 0.850, c 0.800)."
    )
    assert agreement_sentence(*_standings(["a", "a"], num_models=2)).startswith(
        "By accuracy they cannot be told apart either (0.850 to 0.860)"
    )


def test_accuracy_that_tells_others_apart_is_told_with_the_reason():
    text = agreement_sentence(*_standings(["a", "a"], ["b", "a"], num_models=2))

    assert text.startswith("b beats a by accuracy: 0.860 against 0.850, a lead of 0.010")
    assert "ROC AUC and accuracy do not say the same" in text


def test_accuracy_that_turns_the_order_round_is_a_disagreement():
    assert agreement_sentence(*_standings(["a", "b"], ["b", "a"], num_models=2)) == (
        "ROC AUC and accuracy disagree: a orders the images better, b gives more right answers at its threshold "
        "(0.860 against 0.850)."
    )


def test_what_was_not_compared_has_no_standing():
    recorded = read_results(SyntheticRun().results())

    assert standing(recorded, "test", "roc_auc") is None
