"""What probabilities reach on a set: ROC AUC and accuracy, with intervals, for two classes or more."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

import numpy as np
from sklearn.metrics import roc_auc_score

from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.delong import delong_variance
from kbin.evaluation.groups import group_numbers
from kbin.evaluation.intervals import auc_interval
from kbin.evaluation.proportions import Trials, effective_trials, normal_quantile, wilson_interval

Interval = tuple[float, float]


@dataclass(frozen=True)
class Reached:
    """Means over seeds.

    Attributes:
        auc: ROC AUC; of more than two classes the mean over classes, each against the others.
        auc_interval: 95 %.
        accuracy: At the thresholds in force.
        accuracy_interval: 95 %.
    """

    auc: float
    auc_interval: Interval
    accuracy: float
    accuracy_interval: Interval


def reached(
    y_true: np.ndarray,
    probabilities: Sequence[np.ndarray],
    thresholds: Sequence[float],
    num_classes: int,
    groups: np.ndarray | None = None,
) -> Reached:
    """Returns what answers reach on a set that has at least two images of two classes.

    Args:
        y_true: shape (n,), class indices.
        probabilities: An entry a seed: shape (n,), of the positive class, or (n, num_classes).
        thresholds: One a seed; not used for more than two classes.
        num_classes: Two or more.
        groups: shape (n,), names of groups of images that belong together; None where they are independent.
    """
    seeds = ModelAnswers(probabilities, thresholds).seeds(len(y_true), num_classes)
    numbers = group_numbers(groups, len(y_true))
    right = [Trials(np.full(len(y_true), True), one.predicted == y_true) for one in seeds]
    accuracy = fmean(float(one.hits.mean()) for one in right)
    # Of two classes the one AUC is enough; a class that the set has not, or has alone, has none.
    classes = [1] if num_classes == 2 else [c for c in range(num_classes) if 0 < (y_true == c).sum() < len(y_true)]
    aucs, intervals, errors = [], [], []
    for c in classes:
        truth, scores = (y_true == c).astype(np.int64), [np.clip(one.rows[:, c], 0, 1) for one in seeds]
        auc = fmean(float(roc_auc_score(truth, one)) for one in scores)
        aucs.append(auc)
        intervals.append(auc_interval(truth, scores, auc, numbers) or _at_the_end(truth, auc))
        errors.append(sqrt(max(0.0, fmean(delong_variance(truth, one, numbers) or 0.0 for one in scores))))
    mean = fmean(aucs)
    interval = intervals[0]
    if len(aucs) > 1:
        # The classes' AUCs share the images; as if they moved all together, which is the widest that can be.
        reach = normal_quantile() * fmean(errors)
        interval = max(0.0, mean - reach), min(1.0, mean + reach)
    return Reached(mean, interval, accuracy, wilson_interval(accuracy, effective_trials(right, numbers)) or (0.0, 1.0))


def _at_the_end(truth: np.ndarray, auc: float) -> Interval:
    """Returns Wilson's interval, the rarer class's images as trials, where DeLong's has no width."""
    return wilson_interval(auc, float(min(truth.sum(), (1 - truth).sum()))) or (0.0, 1.0)
