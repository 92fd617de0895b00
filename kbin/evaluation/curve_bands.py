"""Mean curves over seeds, with bands that say how far other images of the same kind would move them.

A band is pointwise: at each place of the horizontal axis, an interval of the curve's height from a bootstrap in which
each class is drawn anew by itself. The seeds share the drawn images, so that more seeds do not make it narrower. A
bootstrap knows no other heights than those it has seen, so that near a height of 1 its interval shrinks to nothing:
there Wilson's interval of the height as a proportion, at the threshold as it is, is the wider one, and the band takes
at each end what reaches further. (Simulated, n = 200: without it 10 to 50 % of bands held the true height there.)

Source: Fawcett 2006, "An introduction to ROC analysis", section 9.1 (vertical averaging); Efron and Tibshirani 1993,
"An introduction to the bootstrap", chapter 13 (percentile intervals).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.evaluation.inputs import checked_labels, checked_scores
from kbin.evaluation.proportions import wilson_interval
from kbin.interruption import with_safe_points

LEVEL = 0.95
GRID = np.linspace(0.0, 1.0, 201)
FEWEST_IMAGES = 10  # of each class; below, a bootstrap only repeats the few there are
_MOST_DRAWS, _FEWEST_DRAWS = 1000, 200
_MOST_NUMBERS = 10_000_000  # draws times images of a model's band, which take a second
_NUMBERS_AT_ONCE = 2_000_000  # in memory
_ROUNDING = 1e-9  # a share such as 19 of 40 must not miss its place on the grid


@dataclass(frozen=True, eq=False)
class CurveBand:
    """The mean of a model's curves over its seeds, with its band.

    Attributes:
        label: The model.
        num_seeds: Number of curves.
        x: shape (num_points,), rising from 0 to 1.
        mean: shape (num_points,), the mean of the seeds' curves.
        low: shape (num_points,), the lower end; None where there is no band.
        high: shape (num_points,), the upper end; None where there is no band.
    """

    label: str
    num_seeds: int
    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class _Ranking:
    """One seed's images from the highest score down.

    Attributes:
        order: shape (n,), positions of the images.
        ends: shape (num_scores,), where in that order each distinct score ends.
    """

    order: NDArray[np.int64]
    ends: NDArray[np.int64]


# Cumulated weights of positives and of negatives at one seed's distinct scores, shape (num_scores,) -> height at GRID.
_Heights = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
# Heights at GRID and the number of positives -> how many images each height is a share of, shape (201,).
_Numbers = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
_Kind = tuple[_Heights, _Numbers]


def roc_band(y_true: ArrayLike, seed_scores: Sequence[ArrayLike], label: str, banded: bool = True) -> CurveBand | None:
    """Returns the mean ROC curve over seeds, at 201 false positive rates; None for a set with one class.

    Args:
        y_true: shape (n,), 0 or 1.
        seed_scores: An entry a seed, shape (n,), probability of the positive class.
        label: The model.
        banded: Whether it has a band; a class with fewer than 10 images has none.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    return _band(y_true, seed_scores, label, _ROC, banded)


def precision_recall_band(
    y_true: ArrayLike, seed_scores: Sequence[ArrayLike], label: str, banded: bool = True
) -> CurveBand | None:
    """Returns the mean precision over seeds, at 201 recalls; None for a set with one class.

    The precision at a recall is that at the highest threshold which reaches it.

    Args:
        y_true: shape (n,), 0 or 1.
        seed_scores: An entry a seed, shape (n,), probability of the positive class.
        label: The model.
        banded: Whether it has a band; a class with fewer than 10 images has none.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    return _band(y_true, seed_scores, label, _PRECISION_RECALL, banded)


def _band(
    y_true: ArrayLike, seed_scores: Sequence[ArrayLike], label: str, kind: _Kind, banded: bool
) -> CurveBand | None:
    heights, numbers = kind
    truth = checked_labels(y_true, 2)
    rankings = [_ranking(checked_scores(scores, len(truth))) for scores in seed_scores]
    smallest = min(int(truth.sum()), int(len(truth) - truth.sum()))
    if not smallest or not rankings:
        return None
    mean = _mean_heights(rankings, truth, np.ones((1, len(truth))), heights)[0]
    if not banded or smallest < FEWEST_IMAGES:
        return CurveBand(label, len(rankings), GRID, mean)
    low, high = _ends(rankings, truth, heights)
    lowest, highest = np.array(
        [
            wilson_interval(float(height), max(1.0, number), LEVEL)
            for height, number in zip(mean, numbers(mean, int(truth.sum())), strict=True)
        ]
    ).T
    return CurveBand(label, len(rankings), GRID, mean, np.minimum(low, lowest), np.maximum(high, highest))


def _ranking(scores: NDArray[np.float64]) -> _Ranking:
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    return _Ranking(order, np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1))


def _ends(
    rankings: Sequence[_Ranking], truth: NDArray[np.int64], heights: _Heights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the ends of the percentile intervals, at GRID."""
    num_draws = int(np.clip(_MOST_NUMBERS // (len(truth) * len(rankings)), _FEWEST_DRAWS, _MOST_DRAWS))
    at_once = max(1, _NUMBERS_AT_ONCE // len(truth))
    rng = np.random.default_rng(0)  # the same page twice looks the same
    drawn = [
        _mean_heights(rankings, truth, _weights(truth, min(at_once, num_draws - start), rng), heights)
        for start in with_safe_points(range(0, num_draws, at_once))
    ]
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(drawn), [outside, 1 - outside], axis=0)
    return low, high


def _weights(truth: NDArray[np.int64], num_draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns how often each image was drawn, class by class with replacement, shape (num_draws, n)."""
    weights = np.zeros((num_draws, len(truth)))
    for label in (0, 1):
        members = np.flatnonzero(truth == label)
        picked = rng.integers(0, len(members), (num_draws, len(members)))
        rows = np.arange(num_draws)[:, None] * len(members)
        counts = np.bincount((rows + picked).ravel(), minlength=num_draws * len(members))
        weights[:, members] = counts.reshape(num_draws, len(members))
    return weights


def _mean_heights(
    rankings: Sequence[_Ranking], truth: NDArray[np.int64], weights: NDArray[np.float64], heights: _Heights
) -> NDArray[np.float64]:
    """Returns the mean over seeds of the curve's height, a row for each row of weights, shape (num_draws, 201)."""
    total = np.zeros((len(weights), len(GRID)))
    for one in rankings:
        positive = truth[one.order] == 1
        sorted_weights = weights[:, one.order]
        found = np.cumsum(sorted_weights * positive, axis=1)[:, one.ends]
        alarms = np.cumsum(sorted_weights * ~positive, axis=1)[:, one.ends]
        total += [heights(*rows) for rows in zip(found, alarms, strict=True)]
    return total / len(rankings)


def _true_positive_rates(found: NDArray[np.float64], alarms: NDArray[np.float64]) -> NDArray[np.float64]:
    # Where a rate has several heights, `interp` takes the last one: the top of the step.
    return np.interp(GRID + _ROUNDING, np.append(0.0, alarms / alarms[-1]), np.append(0.0, found / found[-1]))


def _precisions(found: NDArray[np.float64], alarms: NDArray[np.float64]) -> NDArray[np.float64]:
    reached = np.searchsorted(found / found[-1], GRID - _ROUNDING, side="left")
    # Recall 0 is reached before any positive is called; the first threshold that finds one stands for it.
    reached[0] = np.searchsorted(found, 0.0, side="right")
    called = found + alarms
    return found[reached] / called[reached]


def _all_positives(heights: NDArray[np.float64], positives: int) -> NDArray[np.float64]:
    return np.full(len(heights), float(positives))


def _called(heights: NDArray[np.float64], positives: int) -> NDArray[np.float64]:
    """Of precisions: the positives found, over their share of what was called."""
    return GRID * positives / heights


_ROC: _Kind = (_true_positive_rates, _all_positives)
_PRECISION_RECALL: _Kind = (_precisions, _called)
