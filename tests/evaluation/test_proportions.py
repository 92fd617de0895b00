from math import sqrt

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from kbin.evaluation.proportions import Trials, design_effect, effective_trials, halves_interval, wilson_interval

COUNTS = [(0, 1), (0, 30), (30, 30), (1, 2), (7, 20), (577, 624), (99_000, 100_000)]


@pytest.mark.parametrize(("successes", "trials"), COUNTS)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_of_a_proportion_is_scipys_and_statsmodels(successes, trials, level):
    found = wilson_interval(successes / trials, trials, level)
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found == pytest.approx(proportion_confint(successes, trials, 1 - level, method="wilson"), abs=1e-12)


def test_a_proportion_of_nothing_has_no_interval():
    assert wilson_interval(None, 3) is None
    assert wilson_interval(0.5, 0) is None


def trials(hits, counted=None):
    hits = np.array(hits, dtype=bool)
    return Trials(np.full(len(hits), True) if counted is None else np.array(counted, dtype=bool), hits)


def test_images_of_a_group_that_are_all_alike_count_as_one():
    # Ten groups of four, five of them all right: the share is 1/2, deviations are +2 and -2. The ratio's variance is
    # 10/9 x 10 x 4 / 40^2 = 1/36; the binomial one 1/4 / 40 = 1/160. So 40 images are worth 40 x 36 / 160 = 9.
    groups = np.repeat(np.arange(10), 4)
    grouped = trials(np.repeat([1, 0] * 5, 4))
    assert design_effect(grouped, groups) == pytest.approx(160 / 36)
    assert effective_trials([grouped], groups) == pytest.approx(9)


def test_grouping_never_makes_more_of_the_images():
    # One of two right in every group: less spread than independent images would have.
    groups = np.repeat(np.arange(10), 2)
    assert effective_trials([trials([1, 0] * 10)], groups) == 20


@pytest.mark.parametrize("hits", [[1] * 12, [0] * 12])
def test_where_all_answers_are_alike_a_group_counts_as_one_image(hits):
    assert effective_trials([trials(hits)], np.repeat(np.arange(3), 4)) == 3


def test_only_the_counted_images_make_groups():
    # Of each group one image is counted: there is nothing to be alike.
    groups = np.repeat(np.arange(4), 2)
    assert effective_trials([trials([1, 0, 0, 0, 1, 0, 1, 0], [1, 0] * 4)], groups) == 4


def test_seeds_are_averaged_and_not_added():
    groups = np.repeat(np.arange(10), 4)
    alike, mixed = trials(np.repeat([1, 0] * 5, 4)), trials([1, 0] * 20)
    assert effective_trials([alike, mixed], groups) == pytest.approx(40 / ((160 / 36 + 1) / 2))
    assert effective_trials([trials([1, 1], [1, 0]), trials([1, 1], [1, 1])], None) == 1.5


def test_the_interval_of_a_mean_of_two_shares_is_that_of_their_distances():
    # Distances below .3 and .4, above .12 and .05: half of .5, and half of .13.
    found = halves_interval((0.8, 0.9), ((0.5, 0.92), (0.5, 0.95)))
    assert found == pytest.approx((0.85 - 0.25, 0.85 + 0.065))


def test_at_one_it_ends_there_and_has_a_lower_end():
    share = (0.9, 1.0)
    assert halves_interval((1.0, 1.0), (share, share)) == (pytest.approx(1 - 0.1 / sqrt(2)), 1.0)
