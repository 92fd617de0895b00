"""Intervals of metrics: how far other images of the same kind would move a number.

They hold the uncertainty that comes from the images of the set, taken as independent, and none that comes from training
again: that is the spread over seeds. On images that a model learned from they mean nothing.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from kbin.evaluation.inputs import checked_labels, checked_scores
from kbin.evaluation.outcomes import Metrics

LEVEL = 0.95
Interval = tuple[float, float]


def set_intervals(
    mean: Metrics, y_true: ArrayLike, seed_scores: Sequence[ArrayLike], level: float = LEVEL
) -> dict[str, Interval]:
    """Returns the intervals of one model on one set, by metric; a metric without one is left out.

    Accuracy, recall, specificity and precision have Wilson's, around the mean over seeds, with the mean of the seeds'
    counts as the number of images; ROC AUC has DeLong's on the logit scale, around the mean over seeds, with the mean
    of the seeds' variances. More seeds do not make it narrower: they share the images, so the interval is that of one
    typical training.

    Args:
        mean: The model's metrics at the threshold in force, means over seeds.
        y_true: shape (n,), class indices.
        seed_scores: An entry a seed, shape (n,), probability of the positive class; unused for more than two classes,
            which have an interval of the accuracy only.
        level: Share of such intervals that hold the true value, between 0 and 1.
    """
    trials = {"accuracy": float(mean.n)}
    if len(mean.per_class) == 2:
        (true_negatives, false_positives), (false_negatives, true_positives) = mean.confusion
        trials |= {
            "precision": true_positives + false_positives,
            "recall": true_positives + false_negatives,
            "specificity": true_negatives + false_positives,
        }
    found = {name: wilson_interval(mean.values[name], number, level) for name, number in trials.items()}
    if len(mean.per_class) == 2:
        found["roc_auc"] = auc_interval(y_true, seed_scores, mean.values["roc_auc"], level)
    return {name: interval for name, interval in found.items() if interval is not None}


def wilson_interval(share: float | None, trials: float, level: float = LEVEL) -> Interval | None:
    """Returns Wilson's score interval of a proportion; None where there is no proportion.

    Args:
        share: The proportion observed, 0 to 1; None if undefined.
        trials: Of how many; a mean over seeds need not be whole.
        level: Between 0 and 1.

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if share is None or trials <= 0:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    center = share + z**2 / (2 * trials)
    half = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    divisor = 1 + z**2 / trials
    # At shares of 0 and 1 the end is exact, and rounding must not carry it out.
    return max(0.0, (center - half) / divisor), min(1.0, (center + half) / divisor)


def auc_interval(
    y_true: ArrayLike, seed_scores: Sequence[ArrayLike], mean_auc: float | None, level: float = LEVEL
) -> Interval | None:
    """Returns DeLong's interval of the ROC AUC on the logit scale, which keeps it between 0 and 1.

    None where the AUC is undefined, where a class has one image only, and at 0 and 1: there all variances are 0, and
    DeLong's method says nothing of how far other images would be from perfect.

    Args:
        y_true: shape (n,), 0 or 1.
        seed_scores: An entry a seed, shape (n,), probability of the positive class.
        mean_auc: The mean of the seeds' AUCs.
        level: Between 0 and 1.
    """
    variances = [delong_variance(y_true, scores) for scores in seed_scores]
    known = [variance for variance in variances if variance is not None]
    if not known or mean_auc is None or not 0 < mean_auc < 1:
        return None
    if not any(known):
        return None  # equal scores, say: no image moved anything
    # The derivative of the logit carries the standard error over to its scale.
    error = sqrt(fmean(known)) / (mean_auc * (1 - mean_auc))
    center, reach = log(mean_auc / (1 - mean_auc)), NormalDist().inv_cdf((1 + level) / 2) * error
    return _from_logit(center - reach), _from_logit(center + reach)


def delong_variance(y_true: ArrayLike, y_score: ArrayLike) -> float | None:
    """Returns DeLong's variance of the ROC AUC; None where a class has fewer than two images.

    The placement value of an image is the share of the other class that it is on the right side of, ties counting half;
    the variance is that of the positives' values over their number, plus that of the negatives' over theirs. Midranks
    give the placements without looking at all pairs.

    Args:
        y_true: shape (n,), 0 or 1.
        y_score: shape (n,), probability of the positive class, 0 to 1.

    Source:
        DeLong et al. 1988; Sun and Xu 2014, "Fast implementation of DeLong's algorithm", equations 4 to 8.
    """
    truth = checked_labels(y_true, 2)
    scores = checked_scores(y_score, len(truth))
    positive, negative = scores[truth == 1], scores[truth == 0]
    if min(len(positive), len(negative)) < 2:
        return None
    of_positives, of_negatives = _placements(positive, negative)
    return float(np.var(of_positives, ddof=1) / len(positive) + np.var(of_negatives, ddof=1) / len(negative))


def _placements(
    positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the placement values of the positives, shape (num_positives,), and of the negatives."""
    together = rankdata(np.concatenate([positive, negative]))
    # An image's rank among all, less its rank within its class, is how many of the other class lie below it.
    below_positives = together[: len(positive)] - rankdata(positive)
    below_negatives = together[len(positive) :] - rankdata(negative)
    return below_positives / len(negative), 1 - below_negatives / len(positive)


def _from_logit(value: float) -> float:
    # Two forms, because exp overflows on one side of each.
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))
