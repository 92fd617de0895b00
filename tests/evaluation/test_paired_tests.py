import itertools
from math import comb, sqrt

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar

from kbin.evaluation.delong import placement_values
from kbin.evaluation.paired_tests import (
    detectable_difference,
    mcnemar_range,
    paired_accuracy,
    paired_auc,
    paired_bootstrap,
    sign_flip_mid_p,
    unmoved,
)
from tests.evaluation.test_delong import all_pairs_covariance


def statsmodels_mid_p(only_first, only_second):
    """The exact p-value counts what happened twice, in both tails; mid-p once."""
    exact = mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue
    total = only_first + only_second
    point = comb(total, only_first) / 2**total
    return exact - point if only_first != only_second else 1 - point / 2


def answers(both, only_first, only_second, neither):
    first = np.repeat([True, True, False, False], [both, only_first, only_second, neither])
    second = np.repeat([True, False, True, False], [both, only_first, only_second, neither])
    return first[None], second[None]


def enumerated_mid_p(differences):
    """All ways to choose signs."""
    observed = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(differences))
    ]
    return sum((value > observed) + 0.5 * (value == observed) for value in sums) / len(sums)


class TestAccuracy:
    @pytest.mark.parametrize(("only_first", "only_second"), [(1, 0), (5, 0), (3, 3), (10, 4), (60, 41), (300, 300)])
    def test_one_seed_without_groups_is_mcnemars_mid_p(self, only_first, only_second):
        test = paired_accuracy(*answers(50, only_first, only_second, 20))
        assert test.p_value == pytest.approx(statsmodels_mid_p(only_first, only_second), rel=1e-9)
        total = 70 + only_first + only_second
        assert test.difference == pytest.approx((only_first - only_second) / total)
        assert test.differ_on == only_first + only_second

    def test_models_that_are_right_on_the_same_images_cannot_be_told_apart(self):
        test = paired_accuracy(*answers(50, 0, 0, 20))
        assert (test.difference, test.p_value, test.differ_on) == (0, 1, 0)
        assert test.interval[0] < 0 < test.interval[1]
        assert test.error > 0

    def test_the_interval_is_walds_with_two_images_added(self):
        # Agresti and Min: 10 1/2 and 4 1/2 of 102.
        low, high = paired_accuracy(*answers(66, 10, 4, 20)).interval
        center, error = 6 / 102, sqrt(10.5 + 4.5 - 36 / 102) / 102
        assert (low + high) / 2 == pytest.approx(center)
        assert (high - low) / 2 == pytest.approx(norm.ppf(0.975) * error)

    @pytest.mark.parametrize("total", range(1, 15))
    def test_the_interval_leaves_zero_out_where_the_p_value_is_below_5_percent(self, total):
        for only_first in range(total + 1):
            test = paired_accuracy(*answers(150, only_first, total - only_first, 50 - total))
            assert (test.p_value < 0.05) == (test.interval[0] > 0 or test.interval[1] < 0), (only_first, total)

    def test_its_standard_error_follows_from_the_images_on_which_they_differ(self):
        # Were both equally good: of 14 images (and the one added) of 100 (and two).
        assert paired_accuracy(*answers(66, 10, 4, 20)).error == pytest.approx(sqrt(15) / 102)

    @pytest.mark.parametrize("seed", range(8))
    def test_several_seeds_are_all_ways_to_change_the_signs_over(self, seed):
        rng = np.random.default_rng(seed)
        first, second = rng.random((2, 9)) < 0.8, rng.random((3, 9)) < 0.5
        # Sixths, as whole numbers.
        differences = 3 * first.sum(axis=0) - 2 * second.sum(axis=0)
        test = paired_accuracy(first, second)
        assert test.p_value == pytest.approx(enumerated_mid_p(differences.tolist()), abs=1e-12)
        assert test.difference == pytest.approx(first.mean() - second.mean())

    @pytest.mark.parametrize("seed", range(8))
    def test_the_images_of_a_group_change_signs_together(self, seed):
        rng = np.random.default_rng(seed)
        first, second = rng.random((1, 30)) < 0.8, rng.random((1, 30)) < 0.5
        groups = np.repeat(np.arange(10), 3)
        sums = (first[0].astype(int) - second[0]).reshape(10, 3).sum(axis=1)
        assert paired_accuracy(first, second, groups).p_value == pytest.approx(
            enumerated_mid_p(sums.tolist()), abs=1e-12
        )

    def test_copies_of_an_image_in_a_group_add_nothing(self):
        first, second = answers(30, 9, 2, 5)
        alone = paired_accuracy(first, second)
        copies = paired_accuracy(first.repeat(4, axis=1), second.repeat(4, axis=1), np.arange(46).repeat(4))
        assert copies.p_value == pytest.approx(alone.p_value)
        assert copies.differ_on == 4 * alone.differ_on

    def test_one_group_has_no_interval(self):
        first, second = answers(3, 2, 0, 1)
        test = paired_accuracy(first, second, np.zeros(6, dtype=int))
        assert test.interval is None
        assert test.p_value == 0.5

    def test_images_on_which_they_differ_are_a_mean_over_the_pairs_of_seeds(self):
        # The first is right on image 1 always, the second in one of two seeds; both are wrong on image 2.
        test = paired_accuracy(np.array([[True, False]] * 2), np.array([[True, False], [False, False]]))
        assert test.differ_on == 0.5


def test_a_sum_of_many_magnitudes_has_all_its_chances():
    differences = np.array([1, 1, -2, 3, 5, -5, 7, 0, 4])
    assert sign_flip_mid_p(differences) == pytest.approx(enumerated_mid_p(differences.tolist()), abs=1e-12)


class TestAuc:
    Y = np.repeat([0, 1], [12, 8])

    def scores(self, seed, num=1):
        return [np.clip(np.random.default_rng([seed, k]).normal(0.4 + 0.2 * self.Y, 0.2), 0, 1) for k in range(num)]

    def test_it_is_delongs(self):
        (first,), (second,) = self.scores(1), self.scores(2)
        parts = [all_pairs_covariance(self.Y, *pair) for pair in ((first, first), (second, second), (first, second))]
        error = sqrt(parts[0] + parts[1] - 2 * parts[2])
        areas = [placement_values(self.Y, one)[self.Y == 1].mean() for one in (first, second)]
        test = paired_auc(self.Y, [first], [second])
        assert test.difference == pytest.approx(areas[0] - areas[1])
        assert test.p_value == pytest.approx(2 * norm.sf(abs(areas[0] - areas[1]) / error))
        assert test.interval == pytest.approx(tuple(test.difference + norm.ppf([0.025, 0.975]) * error))
        assert test.error == pytest.approx(error)

    def test_the_variance_of_means_over_seeds_is_that_of_all_their_covariances(self):
        first, second = self.scores(1, 2), self.scores(2, 3)
        signed = [(one, 1 / 2) for one in first] + [(one, -1 / 3) for one in second]
        variance = sum(a * b * all_pairs_covariance(self.Y, one, other) for one, a in signed for other, b in signed)
        low, high = paired_auc(self.Y, first, second).interval
        assert high - low == pytest.approx(2 * norm.ppf(0.975) * sqrt(variance))

    def test_groups_are_taken_together(self):
        (first,), (second,) = self.scores(1), self.scores(2)
        groups = np.arange(20) // 3
        parts = [
            all_pairs_covariance(self.Y, *pair, groups) for pair in ((first, first), (second, second), (first, second))
        ]
        low, high = paired_auc(self.Y, [first], [second], groups).interval
        assert high - low == pytest.approx(2 * norm.ppf(0.975) * sqrt(parts[0] + parts[1] - 2 * parts[2]))

    def test_the_same_order_is_no_difference(self):
        (scores,) = self.scores(1)
        test = paired_auc(self.Y, [scores], [scores**2])
        assert (test.difference, test.p_value, test.interval) == (0, 1, None)

    def test_a_perfect_order_against_none_is_as_rare_as_the_smaller_class_is_large(self):
        # .5 in every image: 2 / 2^8.
        test = paired_auc(self.Y, [self.Y.astype(float)], [np.full(20, 0.5)])
        assert (test.difference, test.p_value) == (0.5, 2 / 2**8)

    def test_one_positive_image_does_not_tell(self):
        test = paired_auc(np.array([0, 0, 1]), [np.array([0.1, 0.2, 0.3])], [np.array([0.1, 0.4, 0.3])])
        assert (test.difference, test.p_value, test.interval) == (0.5, None, None)


class TestDetectable:
    @pytest.mark.parametrize(("num_pairs", "power"), [(1, 0.8), (3, 0.8), (45, 0.8)])
    def test_four_of_five_such_differences_are_found_at_the_first_step_of_holm(self, num_pairs, power):
        difference = detectable_difference(0.02, num_pairs)
        found = np.random.default_rng(0).normal(difference, 0.02, 200_000) / 0.02 > norm.ppf(1 - 0.025 / num_pairs)
        assert found.mean() == pytest.approx(power, abs=0.005)

    def test_of_one_pair_it_is_2_8_standard_errors(self):
        assert detectable_difference(1.0) == pytest.approx(2.8016, rel=1e-4)


class TestBootstrap:
    def test_it_is_the_normal_test_with_the_resamples_standard_error(self):
        draws = np.random.default_rng(0).normal(0.1, 0.05, 500)
        test = paired_bootstrap(0.1, draws)
        error = draws.std(ddof=1)
        assert test.p_value == pytest.approx(2 * norm.sf(0.1 / error))
        assert test.interval == pytest.approx((0.1 - norm.ppf(0.975) * error, 0.1 + norm.ppf(0.975) * error))
        assert test.error == pytest.approx(error)

    def test_resamples_without_the_metric_are_left_out_and_most_of_them_are_no_test(self):
        draws = np.array([0.1, 0.2, 0.3, np.nan])
        assert paired_bootstrap(0.2, draws).interval[0] == pytest.approx(0.2 - norm.ppf(0.975) * 0.1)
        assert paired_bootstrap(0.2, np.array([0.1, 0.2, np.nan, np.nan])).p_value is None

    def test_what_no_resample_moves_is_none(self):
        assert paired_bootstrap(0.5, np.full(10, 0.5)) is None

    def test_a_difference_that_nothing_undoes_is_as_rare_as_the_smaller_class_is_large(self):
        y_true = np.array([0, 0, 0, 0, 1, 1, 1])
        assert unmoved(0.5, y_true, None).p_value == 2 / 8
        assert unmoved(0.5, y_true, np.array([0, 0, 1, 1, 2, 2, 2])).p_value == 1
        assert unmoved(0.0, y_true, None).p_value == 1


class TestPublishedTotals:
    def test_study_2_cannot_be_told_apart_whatever_the_number_of_images_on_which_they_differ(self):
        # At best 2 images that only one of them has right: 2 x 1/4, half of it.
        smallest, largest = mcnemar_range(1265, 1267, 1346)
        assert smallest == pytest.approx(0.25)
        assert largest < 1

    @pytest.mark.parametrize(("first", "second", "n"), [(7, 4, 10), (4, 7, 10), (5, 5, 8), (10, 10, 10), (0, 3, 3)])
    def test_every_number_of_images_is_tried(self, first, second, n):
        tried = [
            statsmodels_mid_p(b, b - first + second) if b + b - first + second else 1.0
            for b in range(n + 1)
            if 0 <= b - (first - second) <= second and b <= first and b + second <= n
        ]
        assert mcnemar_range(first, second, n) == (pytest.approx(min(tried)), pytest.approx(max(tried)))
