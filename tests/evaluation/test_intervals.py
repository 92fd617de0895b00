from math import log, sqrt

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from kbin.evaluation.intervals import auc_interval, delong_variance, set_intervals, wilson_interval
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.seed_means import mean_metrics

CLASSES = ("functional", "defective")


def brute_force_variance(y_true, y_score):
    """DeLong's variance by looking at every pair."""
    wins = [
        [(p > n) + 0.5 * (p == n) for n, y in zip(y_score, y_true, strict=True) if y == 0]
        for p, y in zip(y_score, y_true, strict=True)
        if y == 1
    ]
    area = sum(map(sum, wins)) / (len(wins) * len(wins[0]))
    of_positives = [sum(row) / len(row) for row in wins]
    of_negatives = [sum(column) / len(column) for column in zip(*wins, strict=True)]
    return sum(
        sum((value - area) ** 2 for value in values) / (len(values) - 1) / len(values)
        for values in (of_positives, of_negatives)
    )


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (0, 30), (30, 30), (1, 2), (7, 20), (577, 624), (99_000, 100_000)]
)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_of_a_proportion_is_scipys(successes, trials, level):
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert wilson_interval(successes / trials, trials, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_proportion_of_nothing_has_no_interval():
    assert wilson_interval(None, 3) is None
    assert wilson_interval(0.5, 0) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_variance_of_the_auc_is_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 40))
    y_true = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, n - 4)])
    # From many ties to none.
    y_score = rng.integers(0, 6, n) / 5 if seed % 2 else rng.random(n)
    assert delong_variance(y_true, y_score) == pytest.approx(brute_force_variance(y_true, y_score), abs=1e-14)


def test_the_variance_of_a_small_case_is_as_by_hand():
    # Positives .8 and .4, negatives .6 and .2: placements 1 and 1/2, and 1/2 and 1; two variances of 1/8, halved.
    assert delong_variance([1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2]) == pytest.approx(1 / 8)


def test_a_class_of_one_image_has_no_variance():
    assert delong_variance([1, 0, 0], [0.8, 0.6, 0.2]) is None
    assert auc_interval([1, 0, 0], [[0.3, 0.6, 0.2]], 0.5) is None


def test_the_interval_of_the_auc_is_symmetric_on_the_logit_scale():
    y_true, y_score = [1, 1, 1, 0, 0, 0], [0.9, 0.7, 0.3, 0.8, 0.2, 0.1]
    # Of nine pairs .7 and .3 under .8 are wrong.
    area = 7 / 9
    low, high = auc_interval(y_true, [y_score], area)
    error = sqrt(brute_force_variance(y_true, y_score)) / (area * (1 - area))
    assert log(high / (1 - high)) - log(area / (1 - area)) == pytest.approx(norm.ppf(0.975) * error)
    assert log(area / (1 - area)) - log(low / (1 - low)) == pytest.approx(norm.ppf(0.975) * error)


def test_several_seeds_share_the_mean_of_their_variances():
    y_true = [1, 1, 1, 0, 0, 0]
    seeds = [[0.9, 0.7, 0.3, 0.8, 0.2, 0.1], [0.9, 0.7, 0.3, 0.5, 0.4, 0.1]]
    variance = sum(brute_force_variance(y_true, scores) for scores in seeds) / 2
    area = (7 / 9 + 7 / 9) / 2
    low, high = auc_interval(y_true, seeds, area)
    reach = log(high / (1 - high)) - log(low / (1 - low))
    assert reach == pytest.approx(2 * norm.ppf(0.975) * sqrt(variance) / (area * (1 - area)))


@pytest.mark.parametrize("area", [None, 0.0, 1.0])
def test_an_undefined_or_perfect_auc_has_no_interval(area):
    assert auc_interval([1, 1, 0, 0], [[0.9, 0.8, 0.2, 0.1]], area) is None


def test_an_interval_near_the_end_stays_inside():
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1], 200)
    y_score = np.clip(y_true * 0.6 + rng.random(400) * 0.45, 0, 1)
    wrong_order = y_score.copy()
    wrong_order[[0, 399]] = 1.0, 0.0
    area = 1 - (200 + 200 - 1) / 200**2  # one negative above all positives, one positive below all negatives
    low, high = auc_interval(y_true, [wrong_order], area)
    assert 0.9 < low < area < high < 1


def test_coverage_is_about_what_is_claimed():
    # The AUC of two normal distributions a distance d apart is Phi(d / sqrt 2).
    rng, true_area, hits = np.random.default_rng(5), norm.cdf(1 / sqrt(2)), 0
    y_true = np.repeat([0, 1], [60, 40])
    for _ in range(400):
        scores = norm.cdf(rng.normal(y_true, 1.0))
        area = np.mean(scores[60:, None] > scores[:60])
        low, high = auc_interval(y_true, [scores], float(area))
        hits += low <= true_area <= high
    # Three standard errors of 400 trials are 3.3 points.
    assert hits / 400 == pytest.approx(0.95, abs=0.033)


def test_the_counts_of_a_set_are_those_of_its_classes():
    # At .5: of 4 positives 3 are found, of 6 negatives 2 are called positive.
    y_true = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    y_score = [0.9, 0.8, 0.7, 0.1, 0.6, 0.55, 0.4, 0.3, 0.2, 0.05]
    metrics = classification_metrics(y_true, y_score, CLASSES)
    found = set_intervals(metrics, y_true, [y_score])

    assert set(found) == {"accuracy", "precision", "recall", "specificity", "roc_auc"}
    for name, successes, trials in (
        ("accuracy", 7, 10),
        ("precision", 3, 5),
        ("recall", 3, 4),
        ("specificity", 4, 6),
    ):
        expected = binomtest(successes, trials).proportion_ci(method="wilson")
        assert found[name] == pytest.approx((expected.low, expected.high)), name


def test_seeds_are_not_counted_as_more_images():
    y_true = [1, 1, 0, 0]
    seeds = [[0.9, 0.4, 0.3, 0.2], [0.9, 0.4, 0.6, 0.2]]
    mean = mean_metrics([classification_metrics(y_true, scores, CLASSES) for scores in seeds])
    # Accuracies 3/4 and 1/2; precisions 1 of 1 and 1 of 2.
    found = set_intervals(mean, y_true, seeds)
    assert found["accuracy"] == wilson_interval(0.625, 4)
    assert found["precision"] == wilson_interval(0.75, 1.5)


def test_what_is_undefined_has_no_interval():
    metrics = classification_metrics([0, 0], [0.1, 0.2], CLASSES)
    assert set(set_intervals(metrics, [0, 0], [[0.1, 0.2]])) == {"accuracy", "specificity"}


def test_more_than_two_classes_have_one_of_the_accuracy_only():
    rows = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.6, 0.2, 0.2]])
    metrics = classification_metrics([0, 1, 2], rows, ("a", "b", "c"))
    expected = binomtest(2, 3).proportion_ci(method="wilson")
    assert set_intervals(metrics, [0, 1, 2], [rows[:, -1]]) == {
        "accuracy": pytest.approx((expected.low, expected.high))
    }
