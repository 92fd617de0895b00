"""Two models on the same images: how sure is the difference, and what difference could such images have shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import fftconvolve
from scipy.stats import binom

from kbin.evaluation.bootstrap import standard_error
from kbin.evaluation.delong import mean_placements, placement_covariance
from kbin.evaluation.groups import group_sums
from kbin.evaluation.proportions import LEVEL, Interval, normal_quantile

_POWER = 0.8


@dataclass(frozen=True)
class PairedTest:
    """The difference of two models under one metric, means over seeds.

    Attributes:
        difference: The first's value less the second's.
        interval: Of the difference; None where the images do not tell.
        p_value: Probability of so large a difference, to either side, between equally good models.
        error: Standard error of the difference over images; None where it is not known.
        differ_on: Images that only one of the two answers rightly, a mean over the pairs of seeds; None for metrics
            other than accuracy.
    """

    difference: float
    interval: Interval | None
    p_value: float | None
    error: float | None
    differ_on: float | None = None


def detectable_difference(error: float, num_pairs: int = 1) -> float:
    """Returns the smallest true difference that is found (two-sided, 5 %) in four of five cases.

    That is 2.8 standard errors for one pair, 1.96 to be significant and .84 more to be so in four of five cases. Among
    several pairs it is what Holm's correction asks of the first of them.

    Args:
        error: Standard error of the difference.
        num_pairs: How many are tested together.
    """
    return (NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / num_pairs) + NormalDist().inv_cdf(_POWER)) * error


def paired_normal(difference: float, error: float) -> PairedTest:
    """Returns the test of a difference that is normally distributed.

    Args:
        difference: The first's value less the second's.
        error: Its standard error, above 0.
    """
    reach = normal_quantile(LEVEL) * error
    p_value = 2 * NormalDist().cdf(-abs(difference) / error)
    return PairedTest(difference, (difference - reach, difference + reach), p_value, error)


def unmoved(difference: float, y_true: NDArray[np.int64], groups: NDArray[np.int64] | None) -> PairedTest:
    """Returns the test of a difference that has no spread: none at all, or the same whatever images are drawn.

    The latter is one model that is always right where the other is always wrong, or one with a perfect order and one
    without any. It is taken to be as rare as a coin that shows one side for every image (group) of the smaller class.

    Args:
        difference: The first's value less the second's.
        y_true: shape (n,), class indices.
        groups: shape (n,), numbers from 0; None where the images are independent.
    """
    if abs(difference) < 1e-12:
        return PairedTest(0.0, None, 1.0, None)
    units = np.arange(len(y_true)) if groups is None else groups
    fewest = min(len(np.unique(units[y_true == label])) for label in np.unique(y_true))
    return PairedTest(difference, None, min(1.0, 2 * 0.5**fewest), None)


def paired_auc(
    y_true: NDArray[np.int64],
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    groups: NDArray[np.int64] | None = None,
) -> PairedTest:
    """Returns DeLong's paired test of two ROC AUCs; with groups, Obuchowski's.

    Args:
        y_true: shape (n,), 0 or 1, both occurring.
        first: An entry a seed, shape (n,), probability of the positive class.
        second: The same of the second model, of as many seeds or others.
        groups: shape (n,), numbers from 0; None where the images are independent.
    """
    # The variance of a difference is that of the differences of the placement values.
    placements = mean_placements(y_true, first) - mean_placements(y_true, second)
    difference = float(placements[y_true == 1].mean())
    variance = placement_covariance(y_true, placements, placements, groups)
    if variance is None:
        return PairedTest(difference, None, None, None)
    # What is equal but for rounding must not be divided by.
    return paired_normal(difference, sqrt(variance)) if variance > 1e-18 else unmoved(difference, y_true, groups)


def paired_bootstrap(difference: float, draws: NDArray[np.float64]) -> PairedTest | None:
    """Returns the test of a difference with its standard error over resamples that both models share.

    The normal distribution is taken, and not the share of resamples on the other side of 0: on 200 images of which 10 %
    are positive, that share calls up to 9 % of equally good models different. None where no resample moves it.

    Args:
        difference: The first model's value less the second's, means over seeds.
        draws: shape (num_resamples,), the same difference in each resample, NaN where undefined.
    """
    error = standard_error(draws)
    if error is None:
        return PairedTest(difference, None, None, None)
    return paired_normal(difference, error) if error > 0 else None


def paired_accuracy(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.int64] | None = None
) -> PairedTest:
    """Returns the test of two accuracies: McNemar's with mid-p, made to hold for several seeds and for groups.

    Were both models equally good, each image's difference in correctness would as well have the other sign; with
    groups, the sum over a group. The p-value is the exact share of all such sign changes that give a larger total
    difference, those that give the same one counting half. With one seed and without groups that is McNemar's mid-p.

    The interval is Wald's after adding half an image that only the first answers rightly, half an image that only the
    second does, and one without a difference: at small counts it leaves 0 out where mid-p is below .05.

    Args:
        first: shape (num_seeds, n), whether each image is answered rightly.
        second: The same of the second model, of as many seeds or others.
        groups: shape (n,), numbers from 0; None where the images are independent.

    Source:
        Fagerland et al. 2013, "The McNemar test for binary matched-pairs data"; Agresti and Min 2005, "Simple improved
        confidence intervals for comparing matched proportions".
    """
    scale = lcm(len(first), len(second))
    # Whole numbers: sums of thirds would miss each other by rounding.
    differences = first.sum(axis=0) * (scale // len(first)) - second.sum(axis=0) * (scale // len(second))
    num = differences.size
    sums = group_sums(differences.astype(float), groups)
    sizes = group_sums(np.ones(num), groups)
    factor = 1.0 if groups is None else len(sums) / (len(sums) - 1) if len(sums) > 1 else np.nan
    total, added = float(differences.sum()), float(scale) ** 2
    center = total / (num + 2)
    spread = factor * float(((sums - center * sizes) ** 2).sum())
    error = sqrt(spread + added + 2 * center**2) / scale / (num + 2)
    center, reach = center / scale, normal_quantile(LEVEL) * error
    expected = [answers.mean(axis=0) for answers in (first, second)]
    differ_on = float((expected[0] * (1 - expected[1]) + expected[1] * (1 - expected[0])).sum())
    without_difference = sqrt(float((sums**2).sum()) + added) / scale / (num + 2)
    return PairedTest(
        difference=total / num / scale,
        interval=None if np.isnan(error) else (max(-1.0, center - reach), min(1.0, center + reach)),
        p_value=sign_flip_mid_p(np.rint(sums).astype(np.int64)),
        error=without_difference,
        differ_on=round(differ_on, 9),
    )


def sign_flip_mid_p(differences: NDArray[np.int64]) -> float:
    """Returns the two-sided mid-p of the sum of whole numbers, were each as likely to have the other sign.

    The distribution is exact: that of each magnitude is binomial, and theirs are convolved.

    Args:
        differences: shape (num_units,), whole numbers.
    """
    magnitudes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(magnitudes):
        return 1.0
    # The sum is 2 x (what is positive) less the sum of all magnitudes.
    chances = np.ones(1)
    for magnitude, count in zip(magnitudes, counts, strict=True):
        steps = np.zeros(int(magnitude * count) + 1)
        steps[:: int(magnitude)] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = steps if len(chances) == 1 else np.maximum(fftconvolve(chances, steps), 0.0)
    sums = np.abs(2 * np.arange(len(chances)) - int((magnitudes * counts).sum()))
    observed = abs(int(differences.sum()))
    return float(min(1.0, chances[sums > observed].sum() + chances[sums == observed].sum() / 2))


def mcnemar_range(right_first: int, right_second: int, num_images: int) -> tuple[float, float]:
    """Returns the smallest and the largest mid-p that two published accuracies allow.

    They do not say on how many images the models differ; every possible number is tried.

    Args:
        right_first: Images that the first answers rightly, 0 to `num_images`.
        right_second: Images that the second answers rightly.
        num_images: Images of the set.
    """
    ahead = right_first - right_second
    only_first = np.arange(max(0, ahead), min(right_first, num_images - right_second) + 1)
    only_second = only_first - ahead
    differ, fewer = only_first + only_second, np.minimum(only_first, only_second)
    tails = 2 * binom.cdf(fewer, differ, 0.5) - binom.pmf(fewer, differ, 0.5)
    p_values = np.where(ahead == 0, 1 - binom.pmf(fewer, differ, 0.5) / 2, tails)
    p_values = np.where(differ == 0, 1.0, p_values)
    return float(p_values.min()), float(p_values.max())
