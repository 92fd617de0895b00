from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbin.errors import ConfigError, DataError
from kbin.evaluation.thresholds import CRITERIA, CriterionSettings, choose_threshold

# Mostly a coarse grid, so that scores tie; the rest as close as floats can be.
SCORES = st.one_of(st.integers(0, 8).map(lambda k: k / 8), st.floats(0.0, 1.0))
CASES = st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=2, max_size=25).filter(
    lambda case: len({label for label, _ in case}) == 2
)
COSTS = CriterionSettings(false_positive_cost=1.0, false_negative_cost=5.0, sensitivity=0.8)


def merit(criterion, y_true, y_score, threshold):
    """What the criterion promises to maximise, counted image by image."""
    found = [score >= threshold for score in y_score]
    hits = sum(f and t for f, t in zip(found, y_true, strict=True))
    alarms = sum(f and not t for f, t in zip(found, y_true, strict=True))
    positives = sum(y_true)
    negatives = len(y_true) - positives
    return {
        "youden": hits / positives - alarms / negatives,
        "f1": 2 * hits / (positives + hits + alarms),
        "accuracy": (hits + negatives - alarms) / len(y_true),
        "cost": -(alarms * 1.0 + (positives - hits) * 5.0),
        "sensitivity": (negatives - alarms) / negatives if hits / positives >= 0.8 else -1.0,
    }[criterion]


@pytest.mark.parametrize("criterion", [row.name for row in CRITERIA])
@given(case=CASES)
@settings(deadline=None, max_examples=60)
def test_no_other_threshold_is_better(criterion, case):
    y_true, y_score = zip(*case, strict=True)
    chosen = choose_threshold(y_true, np.array(y_score), criterion, COSTS)
    # Every way to tell the images apart: from each score on, and none at all.
    best = max(merit(criterion, y_true, y_score, candidate) for candidate in {*y_score, 2.0})
    assert merit(criterion, y_true, y_score, chosen.threshold) >= best - 1e-12


@given(case=CASES)
@settings(deadline=None, max_examples=60)
def test_the_choice_does_not_depend_on_the_order_of_images(case):
    y_true, y_score = (np.array(column) for column in zip(*case, strict=True))
    y_score = y_score.astype(float)
    assert choose_threshold(y_true, y_score) == choose_threshold(y_true[::-1], y_score[::-1])


@given(case=CASES)
@settings(deadline=None, max_examples=60)
def test_of_equally_good_thresholds_the_one_nearest_to_half_is_chosen(case):
    y_true, y_score = zip(*case, strict=True)
    chosen = choose_threshold(y_true, np.array(y_score)).threshold
    levels = sorted(set(y_score))
    midpoints = [(low + high) / 2 for low, high in pairwise(levels)]
    merits = {t: merit("youden", y_true, y_score, t) for t in midpoints}
    best = merit("youden", y_true, y_score, chosen)
    assert all(abs(chosen - 0.5) <= abs(t - 0.5) + 1e-12 for t, m in merits.items() if m >= best)


def test_the_threshold_lies_midway_between_two_scores():
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.3, 0.4, 0.9]).threshold == pytest.approx(0.35)


def test_criteria_differ_where_classes_are_unequal():
    # Scores rise; the one positive below .5 is worth a false alarm to youden, not to accuracy.
    y_true = [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]
    y_score = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.9]
    assert choose_threshold(y_true, y_score, "youden").threshold == pytest.approx(0.35)
    assert choose_threshold(y_true, y_score, "accuracy").threshold == pytest.approx(0.75)


def test_dear_misses_lower_the_threshold():
    y_true, y_score = [0, 1, 0, 0, 1], [0.1, 0.2, 0.4, 0.6, 0.8]
    cheap = choose_threshold(y_true, y_score, "cost", CriterionSettings(1.0, 1.0))
    dear = choose_threshold(y_true, y_score, "cost", CriterionSettings(1.0, 10.0))
    assert cheap.threshold == pytest.approx(0.7)
    assert dear.threshold == pytest.approx(0.15)


def test_sensitivity_is_reached_with_as_few_false_alarms_as_possible():
    y_true, y_score = [0, 1, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.6, 0.8]
    three_of_four = choose_threshold(y_true, y_score, "sensitivity", CriterionSettings(sensitivity=0.75))
    assert three_of_four.threshold == pytest.approx(0.35)
    all_four = choose_threshold(y_true, y_score, "sensitivity", CriterionSettings(sensitivity=1.0))
    assert all_four.threshold == pytest.approx(0.15)


def test_calling_nothing_positive_is_a_candidate_even_above_a_score_of_1():
    chosen = choose_threshold([0, 0, 0, 1], [1.0, 1.0, 1.0, 0.0], "accuracy")
    assert chosen.threshold > 1.0


def test_between_neighbouring_floats_the_lower_score_stays_below():
    low = 0.3
    high = np.nextafter(low, 1.0)
    chosen = choose_threshold([0, 1], [low, high])
    assert low < chosen.threshold <= high


@pytest.mark.parametrize(("label", "kind"), [(0, "negative"), (1, "positive")])
def test_one_class_gives_a_reason_and_no_threshold(label, kind):
    chosen = choose_threshold([label] * 3, [0.1, 0.2, 0.3])
    assert chosen.threshold is None
    assert chosen.reason == f"all 3 images are {kind}; choosing a threshold needs both classes"


def test_an_unknown_criterion_lists_the_nearest_first():
    with pytest.raises(
        ConfigError, match=r"unknown threshold criterion 'yuden'\. Did you mean 'youden'\? Known: youden"
    ):
        choose_threshold([0, 1], [0.1, 0.2], "yuden")


def test_wrong_scores_are_refused():
    with pytest.raises(DataError, match=r"got 1\.5 in row 1"):
        choose_threshold([0, 1], [0.1, 1.5])


@pytest.mark.parametrize("costs", [(-1.0, 1.0), (0.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_costs_must_make_sense(costs):
    with pytest.raises(ConfigError, match="costs must be numbers of at least 0 and not both 0"):
        CriterionSettings(*costs)


@pytest.mark.parametrize("sensitivity", [0.0, 1.1, float("nan")])
def test_sensitivity_must_be_a_share(sensitivity):
    with pytest.raises(ConfigError, match="sensitivity must be above 0 and at most 1"):
        CriterionSettings(sensitivity=sensitivity)


def test_costs_in_tenths_choose_what_whole_ones_do():
    # .1 x 3 is not .3 x 1 in floating point: equally cheap thresholds must stay equal.
    y_true = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1]
    y_score = [0.15, 0.18, 0.19, 0.19, 0.45, 0.45, 0.49, 0.51, 0.62, 0.66, 0.87, 0.93]
    whole = choose_threshold(y_true, y_score, "cost", CriterionSettings(1, 3))
    assert whole.threshold == pytest.approx(0.47)
    assert choose_threshold(y_true, y_score, "cost", CriterionSettings(0.1, 0.3)) == whole
