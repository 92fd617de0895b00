"""The rate of wrong labels over all classes: a floor of disagreement for each class, added up."""

from dataclasses import dataclass

import numpy as np

from kbin.audit.disagreement_floor import DisagreementFloor, allowed_loss, disagreement_floor

_LEAST_UNITS = 200  # of a class, for a floor of its own
_MOST_CLASSES = 10  # that have one; the others have one in common
_COMMON = -1
_SUMS = 400  # steps of the grid
_TOLERANCE = 0.02  # of the log likelihood, for the ends of a class's own interval


@dataclass(frozen=True)
class ClassRate:
    """Of the images that look like one class, or like any of the rarer ones.

    Attributes:
        looks_like: Class index; None for the rarer ones together.
        n: Images.
        rate: Of wrong labels among them.
        interval: Of the rate, 95 %.
    """

    looks_like: int | None
    n: int
    rate: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class WrongLabelRate:
    """The estimate and what it says of each image.

    Attributes:
        rate: Of wrong labels, 0 to 1.
        interval: Of the rate, 95 %.
        surely_above: The lower end of its 99 % interval.
        wrong: shape (n,), the probability that the label is wrong, given that the head disagrees and how surely.
        by_class: An entry a class, the most frequent first, the rarer ones last.
    """

    rate: float
    interval: tuple[float, float]
    surely_above: float
    wrong: np.ndarray
    by_class: tuple[ClassRate, ...]


def wrong_label_rate(
    margins: np.ndarray, looks_like: np.ndarray, labels: np.ndarray, weights: np.ndarray, num_classes: int
) -> WrongLabelRate:
    """Returns the rate of wrong labels.

    Each class has a floor of its own, because labels may be wrong one way only: where positives were missed, the head
    grows less sure of all positives, and a common curve would take that for hard images.

    Args:
        margins: shape (n,), log of how many times likelier the head holds its answer than the next class, out of fold.
        looks_like: shape (n,), the head's answer, class indices.
        labels: shape (n,), class indices.
        weights: shape (n,), how many independent images each is worth, at most 1.
        num_classes: K.

    Returns:
        The sum over classes; its interval from the joint profile likelihood.
    """
    disagrees = looks_like != labels
    sizes = np.bincount(looks_like, weights=weights, minlength=num_classes)
    frequent = [int(one) for one in np.argsort(-sizes, kind="stable")[:_MOST_CLASSES] if sizes[one] >= _LEAST_UNITS]
    strata = np.where(np.isin(looks_like, frequent), looks_like, _COMMON)
    wrong = np.zeros(len(labels))
    floors, by_class = [], []
    for stratum in (*frequent, _COMMON):
        inside = strata == stratum
        if not inside.any():
            continue
        floor = disagreement_floor(margins[inside], disagrees[inside], weights[inside], num_classes)
        wrong[inside] = floor.wrong
        number = int(inside.sum())
        floors.append((number / len(labels), floor))
        by_class.append(ClassRate(None if stratum == _COMMON else stratum, number, floor.rate, floor.interval))
    total = sum(share * floor.rate for share, floor in floors)
    return WrongLabelRate(total, _interval(floors, 0.95), _interval(floors, 0.99)[0], wrong, tuple(by_class))


def _interval(floors: list[tuple[float, DisagreementFloor]], level: float) -> tuple[float, float]:
    """Returns the sums of rates that a likelihood ratio test does not reject.

    Class by class, the least loss of each sum is kept, on a grid of sums.
    """
    sums, losses = np.zeros(1), np.zeros(1)
    for share, floor in floors:
        all_sums = (sums[:, None] + share * floor.rates).ravel()
        all_losses = (losses[:, None] + floor.losses).ravel()
        allowed = all_losses <= allowed_loss(level) + _TOLERANCE
        order = np.argsort(all_losses[allowed], kind="stable")
        all_sums, all_losses = all_sums[allowed][order], all_losses[allowed][order]
        width = max(float(np.ptp(all_sums)), 1e-12) / _SUMS
        _, first = np.unique(((all_sums - all_sums.min()) / width).astype(np.int64), return_index=True)
        sums, losses = all_sums[first], all_losses[first]
    return float(sums.min()), float(sums.max())
