"""How many labels are wrong, told from how often a head disagrees with them where it is surest.

Hard images and wrong labels both make a head disagree with the label, but not in the same places. Of hard images the
share of disagreement falls towards 0 as the head gets surer; wrong labels are as frequent among the images that it is
sure of as anywhere, so that the share falls to a floor. The floor is the rate of wrong labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit
from scipy.stats import chi2

_MOST_BINS = 100
_LEAST_IN_BIN = 20  # images
_LARGEST = 0.45  # a rate from which on labels say next to nothing
_MOST_SLOPE = 100.0  # of the log odds of an error over the margin
# Of the log odds at a margin of 0, where the head holds two classes for equally likely: it errs about half the time.
# Bounds keep a flat curve from doing for a floor. Of 30 clean sets of 400 images or more all were between -1 and .7.
_OFFSETS = (-2.0, 1.0)  # with more classes, the lower one is that of guessing less 2
_START_SLOPES = (0.5, 2.0, 8.0)
_START_RATES = (0.0, 0.02, 0.1)
_PROFILE_STEPS = 15  # to each side
_CLIP = 1e-9
_PROFILE_LEVEL = 0.99
_Curve = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class DisagreementFloor:
    """The estimate and what it says of each image.

    Attributes:
        rate: Of wrong labels, 0 to .45.
        wrong: shape (n,), the probability that the label is wrong, given that the head disagrees and how surely.
        rates: shape (num_rates,), rising, over the 99 % interval of the rate.
        losses: shape (num_rates,), negative log profile likelihood of each, above that of `rate`.
    """

    rate: float
    wrong: np.ndarray
    rates: np.ndarray
    losses: np.ndarray

    @property
    def interval(self) -> tuple[float, float]:
        """Of the rate, 95 %: what a likelihood ratio test does not reject."""
        within = self.rates[self.losses <= allowed_loss(0.95)]
        return float(within[0]), float(within[-1])


@dataclass(frozen=True, eq=False)
class _Counts:
    """Disagreements in bins of margins.

    Attributes:
        margins: shape (num_bins,), means.
        disagreeing: shape (num_bins,), independent images that disagree; need not be whole.
        agreeing: shape (num_bins,), those that agree.
        num_classes: K.
    """

    margins: np.ndarray
    disagreeing: np.ndarray
    agreeing: np.ndarray
    num_classes: int

    @property
    def share(self) -> float:
        """K / (K - 1): of wrong labels, 1 / (K - 1) are what the head says when it errs."""
        return self.num_classes / (self.num_classes - 1)

    @property
    def offsets(self) -> tuple[float, float]:
        """Bounds of the log odds at a margin of 0."""
        return _OFFSETS[0] - log(self.num_classes - 1), _OFFSETS[1]

    def loss(self, curve: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the negative log likelihood of slope, offset and rate, and its gradient."""
        slope, offset, rate = curve
        errors = expit(-(offset + slope * self.margins))
        chance = np.clip(rate + (1 - self.share * rate) * errors, _CLIP, 1 - _CLIP)
        by_chance = self.agreeing / (1 - chance) - self.disagreeing / chance
        by_offset = -by_chance * (1 - self.share * rate) * errors * (1 - errors)
        gradient = [by_offset @ self.margins, by_offset.sum(), by_chance @ (1 - self.share * errors)]
        return -float(self.disagreeing @ np.log(chance) + self.agreeing @ np.log1p(-chance)), np.array(gradient)


def allowed_loss(level: float) -> float:
    """Returns by how much the log likelihood of one parameter falls within the interval of a level, 0 to 1."""
    return float(chi2.ppf(level, 1)) / 2


def disagreement_floor(
    margins: np.ndarray, disagrees: np.ndarray, weights: np.ndarray, num_classes: int
) -> DisagreementFloor:
    """Returns the rate of wrong labels, with what it means for each image.

    With labels that are wrong at a rate r whatever the image, and errors of the head at a rate that falls as a logistic
    function of its margin m, q(m) = 1 / (1 + exp(b + a m)), a label and the head's answer differ with probability
    r + (1 - r K / (K - 1)) q(m). a, b and r have the largest likelihood. For two Gaussian classes of equal covariance
    the logistic function is exact.

    Args:
        margins: shape (n,), log of how many times likelier the head holds its answer than the next class, out of fold.
        disagrees: shape (n,), whether the answer is another than the label.
        weights: shape (n,), how many independent images each is worth, at most 1: 1 / k of k copies.
        num_classes: K.

    Source:
        Scott, Blanchard and Handy 2013, "Classification with asymmetric label noise: consistency and maximal
        denoising", section 3 (the rate is a limit of ratios of densities); the logistic curve with a floor is the
        psychometric function with a lapse rate of Wichmann and Hill 2001, "The psychometric function: I", equation 1.
    """
    counts = _counted(margins, disagrees, weights, num_classes)
    best, loss = _fit(counts, [(slope, 0.0, rate) for slope in _START_SLOPES for rate in _START_RATES])
    slope, offset, rate = best
    errors = expit(-(offset + slope * margins))
    flipped = rate * (1 - errors)
    total = np.maximum(rate + (1 - counts.share * rate) * errors, _CLIP)
    rates, losses = _profile(counts, best, loss)
    return DisagreementFloor(rate, flipped / total, rates, losses)


def _counted(margins: np.ndarray, disagrees: np.ndarray, weights: np.ndarray, num_classes: int) -> _Counts:
    order = np.argsort(margins, kind="stable")
    bins = np.array_split(order, int(np.clip(len(order) // _LEAST_IN_BIN, 1, _MOST_BINS)))
    return _Counts(
        np.array([margins[one].mean() for one in bins]),
        np.array([weights[one] @ disagrees[one] for one in bins]),
        np.array([weights[one] @ ~disagrees[one] for one in bins]),
        num_classes,
    )


def _fit(counts: _Counts, starts: Sequence[_Curve], rate: float | None = None) -> tuple[_Curve, float]:
    """Returns the curve of the largest likelihood, and its negative logarithm.

    Args:
        counts: The disagreements.
        starts: Curves to begin with: the likelihood may have several hills.
        rate: Where it stays at one.
    """
    bounds = [(0.0, _MOST_SLOPE), counts.offsets, (0.0, _LARGEST) if rate is None else (rate, rate)]
    fits = [minimize(counts.loss, start, jac=True, bounds=bounds, method="L-BFGS-B") for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    slope, offset, found = (float(value) for value in best.x)
    return (slope, offset, found), float(best.fun)


def _profile(counts: _Counts, best: _Curve, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns rates over the 99 % interval, and how much larger their negative log likelihood is."""
    rate = best[2]

    def more(value: float) -> float:
        starts = (best[:2], (_START_SLOPES[1], 0.0))
        return max(0.0, _fit(counts, [(*start, value) for start in starts], value)[1] - loss)

    def beyond(value: float) -> float:
        return more(value) - allowed_loss(_PROFILE_LEVEL)

    low = float(brentq(beyond, 0.0, rate, xtol=1e-4)) if beyond(0.0) > 0 else 0.0
    high = float(brentq(beyond, rate, _LARGEST, xtol=1e-4)) if beyond(_LARGEST) > 0 else _LARGEST
    below = np.linspace(min(low, rate), rate, _PROFILE_STEPS, endpoint=False)
    rates = np.concatenate([below, np.linspace(rate, max(high, rate), _PROFILE_STEPS)])
    return rates, np.array([more(value) for value in rates])
