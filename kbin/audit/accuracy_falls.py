"""A fall in accuracy from one set to another, in parts that add up to it: share of the classes, threshold, ranking."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from kbin.evaluation.groups import group_numbers, group_sums, mixes_classes

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JudgedSet:
    """How one model does on one set.

    Attributes:
        labels: shape (n,), class indices.
        hits: shape (n,), 0 to 1, the share of seeds whose answer is right at the threshold in force.
        best_hits: shape (n,), the same at the best threshold for the shares of the classes in the set that is compared
            with the reference; None where no threshold can be chosen.
        groups: shape (n,), names; None where the images are independent.
    """

    labels: NDArray[np.int64]
    hits: Values
    best_hits: Values | None = None
    groups: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Part:
    """A part of a fall.

    Attributes:
        value: Positive where accuracy falls by it.
        error: Its standard error from the images of both sets, at fixed numbers of each class.
    """

    value: float
    error: float


@dataclass(frozen=True)
class AccuracyFall:
    """A fall in accuracy; `fall` = `share` + `rest`, and `rest` = `threshold` + `ranking`.

    Attributes:
        reference_accuracy: On the reference, at the threshold in force.
        accuracy: On the other set, at the threshold in force.
        fall: The first less the second.
        share: What the other shares of the classes do alone: the reference's recalls stay as they are.
        rest: What is left.
        threshold: By how much less the threshold in force gets than the best one, beyond what it already loses on the
            reference; None where it cannot be told from the ranking.
        ranking: The fall at the best threshold of each of the two sets.
        best_accuracy: On the other set at its best threshold.
    """

    reference_accuracy: float
    accuracy: float
    fall: Part
    share: Part
    rest: Part
    threshold: Part | None = None
    ranking: Part | None = None
    best_accuracy: float | None = None


def accuracy_fall(reference: JudgedSet, other: JudgedSet, num_classes: int) -> AccuracyFall | None:
    """Returns a model's fall in accuracy from the reference to another set, in parts.

    With v and w for the shares of the classes in the reference and the other set, r and t for the recalls there at the
    threshold in force, and r*, t* for those at the best thresholds for the shares w:

    - fall = sum v r - sum w t
    - share = sum (v - w) r
    - ranking = sum w (r* - t*)
    - threshold = sum w (t* - t) - sum w (r* - r)

    Where only the shares of the classes differ, all is `share`; where the same order of images has other scores, all of
    the rest is `threshold`. The parts are taken in this order, and their sum is the fall whatever the numbers are.

    Args:
        reference: The set that the model is expected to do as well as.
        other: The set that is compared.
        num_classes: Number of classes.

    Returns:
        The parts; None where the other set has a class that the reference has not, so that its recall is unknown.

    Source:
        The variance of a stratified total: Cochran 1977, "Sampling techniques", equation 5.11; it is the limit of the
        stratified bootstrap, since all parts are sums over images.
    """
    shares = [np.bincount(one.labels, minlength=num_classes) / len(one.labels) for one in (reference, other)]
    before, after = shares
    if ((before == 0) & (after > 0)).any():
        return None

    def part(
        of_reference: NDArray[np.float64], in_reference: Values, of_other: NDArray[np.float64], in_other: Values
    ) -> Part:
        first, second = _total(reference, of_reference, in_reference), _total(other, of_other, in_other)
        return Part(first.value + second.value, sqrt(first.error**2 + second.error**2))

    none = np.zeros(num_classes)
    fall = part(before, reference.hits, -after, other.hits)
    share = part(before - after, reference.hits, none, other.hits)
    rest = part(after, reference.hits, -after, other.hits)
    accuracies = float(reference.hits.mean()), float(other.hits.mean())
    if reference.best_hits is None or other.best_hits is None:
        return AccuracyFall(*accuracies, fall, share, rest)
    lost, lost_before = other.best_hits - other.hits, reference.best_hits - reference.hits
    threshold = part(-after, lost_before, after, lost)
    ranking = part(after, reference.best_hits, -after, other.best_hits)
    return AccuracyFall(*accuracies, fall, share, rest, threshold, ranking, float(other.best_hits.mean()))


def _total(judged: JudgedSet, weights: NDArray[np.float64], values: Values) -> Part:
    """Returns the weighted sum of the classes' means and its standard error.

    Args:
        judged: The set.
        weights: shape (num_classes,).
        values: shape (n,).
    """
    labels = judged.labels
    counts = np.bincount(labels, minlength=len(weights))
    sums = np.bincount(labels, weights=values, minlength=len(weights))
    means = sums / np.maximum(counts, 1)
    residuals = (weights / np.maximum(counts, 1))[labels] * (values - means[labels])
    groups = group_numbers(judged.groups, len(labels))
    # Where a group has images of several classes, groups are drawn from all of them.
    strata = np.zeros_like(labels) if mixes_classes(labels, groups) else labels
    variance = 0.0
    for stratum in np.unique(strata):
        inside = strata == stratum
        units = group_sums(
            residuals[inside], None if groups is None else np.unique(groups[inside], return_inverse=True)[1]
        )
        if len(units) > 1:
            variance += len(units) / (len(units) - 1) * float((units**2).sum())
    return Part(float(weights @ means), sqrt(variance))
