"""Wilson's interval of a share of images, and how many independent images grouped ones are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean

import numpy as np
from numpy.typing import NDArray

from kbin.evaluation.groups import group_sums

LEVEL = 0.95
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Trials:
    """The images that a share is counted over, and those among them that count.

    Attributes:
        counted: shape (n,), whether the image is among those that the share is of.
        hits: shape (n,), whether it counts; looked at only where it is counted.
    """

    counted: NDArray[np.bool_]
    hits: NDArray[np.bool_]


def normal_quantile(level: float = LEVEL) -> float:
    """Returns how many standard errors an interval reaches to each side."""
    return NormalDist().inv_cdf((1 + level) / 2)


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
    z = normal_quantile(level)
    center = share + z**2 / (2 * trials)
    half = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    divisor = 1 + z**2 / trials
    # At shares of 0 and 1 the end is exact, and rounding must not carry it out.
    return max(0.0, (center - half) / divisor), min(1.0, (center + half) / divisor)


def effective_trials(seeds: Sequence[Trials], groups: NDArray[np.int64] | None) -> float:
    """Returns how many independent images the counted ones are worth, a mean over seeds.

    Args:
        seeds: The share's images, an entry a seed.
        groups: shape (n,), numbers from 0; None where the images are independent.
    """
    trials = fmean(float(one.counted.sum()) for one in seeds)
    if groups is None or not trials:
        return trials
    effects = [design_effect(one, groups) for one in seeds if one.counted.any()]
    return trials / fmean(effects)


def design_effect(trials: Trials, groups: NDArray[np.int64]) -> float:
    """Returns by what factor grouping enlarges the variance of a share; at least 1.

    The variance is that of a ratio of two sums over groups. Where all images count or none does, the data do not say
    how alike the images of a group are, and each group is taken for one image.

    Args:
        trials: The share's images, at least one of them counted.
        groups: shape (n,), numbers from 0.

    Source:
        Rao and Scott 1992, "A simple method for the analysis of clustered binary data", section 2.
    """
    number = float(trials.counted.sum())
    sizes = group_sums(trials.counted.astype(float), groups)
    occurring = int((sizes > 0).sum())
    if occurring == number:
        return 1.0
    successes = group_sums((trials.counted & trials.hits).astype(float), groups)
    share = successes.sum() / number
    if share in (0, 1) or occurring == 1:
        return number / occurring
    between = occurring / (occurring - 1) * float(((successes - share * sizes) ** 2).sum()) / number**2
    return max(1.0, between / (share * (1 - share) / number))


def halves_interval(shares: tuple[float, float], intervals: tuple[Interval, Interval]) -> Interval:
    """Returns the interval of the mean of two independent shares, from the interval of each.

    Unlike a bootstrap it stays honest where one share is 0 or 1, as the recall of few positives often is.

    Args:
        shares: Both, 0 to 1.
        intervals: Of each.

    Source:
        Zou and Donner 2008, "Construction of confidence limits about effect measures: a general approach", equation 2.
    """
    (first, second), ((first_low, first_high), (second_low, second_high)) = shares, intervals
    mean = (first + second) / 2
    below = float(np.hypot(first - first_low, second - second_low)) / 2
    above = float(np.hypot(first_high - first, second_high - second)) / 2
    return max(0.0, mean - below), min(1.0, mean + above)
