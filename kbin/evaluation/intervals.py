"""Intervals of metrics: how far other images of the same kind would move a number.

They hold the uncertainty that comes from the images of the set, and none that comes from training again: that is the
spread over seeds. Other sets of the same kind have the same share of each class. On images that a model learned from
they mean nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import atanh, exp, log, sqrt, tanh
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.evaluation.answers import ModelAnswers, SeedAnswers
from kbin.evaluation.bootstrap import MetricDraws, bootstrapped, standard_error
from kbin.evaluation.delong import delong_variance
from kbin.evaluation.groups import group_numbers, mixes_classes
from kbin.evaluation.inputs import checked_labels
from kbin.evaluation.interval_notes import interval_notes
from kbin.evaluation.outcomes import Metrics
from kbin.evaluation.proportions import (
    LEVEL,
    Interval,
    Trials,
    effective_trials,
    halves_interval,
    normal_quantile,
    wilson_interval,
)


@dataclass(frozen=True)
class SetIntervals:
    """The intervals of one model on one set.

    Attributes:
        by_metric: Metric name -> lower and upper end; a metric without an interval is left out.
        notes: What is wrong with them, in whole sentences.
        num_groups: Groups whose images were taken together; None where the images are independent.
    """

    by_metric: dict[str, Interval]
    notes: tuple[str, ...] = ()
    num_groups: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns their part of the set's entry in results.json."""
        return {
            "intervals": {name: list(interval) for name, interval in self.by_metric.items()},
            "interval_notes": list(self.notes),
            "num_groups": self.num_groups,
        }


@dataclass(frozen=True)
class _Scale:
    """Where a metric's distribution is nearly normal, its derivative there, and the way back."""

    to: Callable[[float], float]
    derivative: Callable[[float], float]
    back: Callable[[float], float]


def set_intervals(
    mean: Metrics,
    y_true: ArrayLike,
    answers: ModelAnswers,
    groups: ArrayLike | None = None,
    resamples: int | None = None,
) -> SetIntervals:
    """Returns the intervals of one model on one set.

    Accuracy, and of two classes recall, specificity and precision, have Wilson's, with as many images as the grouped
    ones are worth; balanced accuracy has the one that follows from those of recall and specificity. The ROC AUC of two
    classes has DeLong's on the logit scale. All others have a standard error from the stratified bootstrap and reach
    1.96 of them to each side, on a scale that keeps them possible: percentiles of the resamples themselves are too
    narrow on small sets, as `experiments/benchmarks/interval_coverage.py` shows.

    Around the mean over seeds stands the mean of the seeds' variances. More seeds do not make an interval narrower:
    they share the images, so it is that of one typical training.

    Args:
        mean: The model's metrics at the thresholds in force, means over seeds.
        y_true: shape (n,), class indices.
        answers: The same seeds' probabilities and thresholds.
        groups: shape (n,), names of groups of images that belong together; None where the images are independent.
        resamples: How many; as many as the number of images asks for if None. With 0, metrics that need the bootstrap
            have no interval.

    Raises:
        DataError: The arrays do not fit together.
    """
    num_classes = len(mean.per_class)
    truth = checked_labels(y_true, num_classes)
    units = group_numbers(groups, len(truth))
    seeds = answers.seeds(len(truth), num_classes)
    draws = None if resamples == 0 else bootstrapped(truth, seeds, units, resamples)
    found = _share_intervals(mean, truth, seeds, units)
    if num_classes == 2:
        found["roc_auc"] = auc_interval(truth, [one.scores for one in seeds], mean.values["roc_auc"], units)
    for name in _SCALES:
        if name not in found and draws is not None:
            found[name] = _bootstrap_interval(name, mean.values[name], draws)
    known = {name: interval for name in mean.values if (interval := found.get(name)) is not None}
    num_groups = None if units is None else int(units.max()) + 1
    missing = [name for name, value in mean.values.items() if name in found and name not in known and value is not None]
    return SetIntervals(known, interval_notes(mean, missing, truth, units), num_groups)


def _share_intervals(
    mean: Metrics, truth: NDArray[np.int64], seeds: Sequence[SeedAnswers], groups: NDArray[np.int64] | None
) -> dict[str, Interval | None]:
    right = [one.predicted == truth for one in seeds]
    every = np.full(len(truth), True)
    trials = {"accuracy": [Trials(every, hits) for hits in right]}
    if len(mean.per_class) == 2:
        trials["precision"] = [Trials(one.predicted == 1, hits) for one, hits in zip(seeds, right, strict=True)]
        trials["recall"] = [Trials(truth == 1, hits) for hits in right]
        trials["specificity"] = [Trials(truth == 0, hits) for hits in right]
    found = {
        name: wilson_interval(mean.values[name], effective_trials(several, groups)) for name, several in trials.items()
    }
    recall, specificity = found.get("recall"), found.get("specificity")
    # Where a group has both classes, what is hard about it moves both; the bootstrap knows that.
    if recall is not None and specificity is not None and not mixes_classes(truth, groups):
        shares = mean.values["recall"] or 0.0, mean.values["specificity"] or 0.0
        found["balanced_accuracy"] = halves_interval(shares, (recall, specificity))
    return found


def auc_interval(
    y_true: ArrayLike,
    seed_scores: Sequence[ArrayLike],
    mean_auc: float | None,
    groups: NDArray[np.int64] | None = None,
    level: float = LEVEL,
) -> Interval | None:
    """Returns DeLong's interval of the ROC AUC on the logit scale, which keeps it between 0 and 1.

    None where the AUC is undefined, where a class has one image (group) only, and at 0 and 1: there all variances are
    0, and DeLong's method says nothing of how far other images would be from perfect.

    Args:
        y_true: shape (n,), 0 or 1.
        seed_scores: An entry a seed, shape (n,), probability of the positive class.
        mean_auc: The mean of the seeds' AUCs.
        groups: shape (n,), numbers from 0; None where the images are independent.
        level: Between 0 and 1.
    """
    variances = [delong_variance(y_true, scores, groups) for scores in seed_scores]
    known = [variance for variance in variances if variance is not None]
    if not known or mean_auc is None:
        return None
    return _scaled_interval("roc_auc", mean_auc, sqrt(max(0.0, fmean(known))), level)


def _bootstrap_interval(name: str, value: float | None, draws: Sequence[MetricDraws]) -> Interval | None:
    errors = [standard_error(one[name]) for one in draws]
    known = [error for error in errors if error is not None]
    if value is None or len(known) < len(errors):
        return None
    return _scaled_interval(name, value, sqrt(fmean(error**2 for error in known)))


def _scaled_interval(name: str, value: float, error: float, level: float = LEVEL) -> Interval | None:
    """Returns the interval that is symmetric on the metric's scale; None at its ends, or if no image moved anything."""
    scale, (lowest, highest) = _SCALES[name]
    if not error > 0 or not lowest < value < highest:
        return None
    center, reach = scale.to(value), normal_quantile(level) * error * scale.derivative(value)
    return scale.back(center - reach), scale.back(center + reach)


def _from_logit(value: float) -> float:
    # Two forms, because exp overflows on one side of each.
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))


_LOGIT = _Scale(lambda share: log(share / (1 - share)), lambda share: 1 / (share * (1 - share)), _from_logit)
_FISHER = _Scale(atanh, lambda correlation: 1 / (1 - correlation**2), tanh)
_LOG = _Scale(log, lambda loss: 1 / loss, exp)
_UNIT = (0.0, 1.0)
_SCALES: Mapping[str, tuple[_Scale, tuple[float, float]]] = {
    **dict.fromkeys(("balanced_accuracy", "precision", "recall", "specificity", "f1"), (_LOGIT, _UNIT)),
    **dict.fromkeys(("roc_auc", "average_precision"), (_LOGIT, _UNIT)),
    "mcc": (_FISHER, (-1.0, 1.0)),
    **dict.fromkeys(("log_loss", "brier"), (_LOG, (0.0, float("inf")))),
}
