import itertools

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_ind
from statsmodels.stats.multitest import multipletests

from kbin.evaluation.multiple import combined_p_value, compact_letters, holm, seeds_p_value


class TestHolm:
    @pytest.mark.parametrize("seed", range(5))
    def test_it_is_that_of_statsmodels(self, seed):
        p_values = np.random.default_rng(seed).random(9) ** 3
        assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1])

    def test_a_pair_without_a_test_is_not_counted(self):
        # Two are left: .02 x 2 and .03 x 1, which may not be below the former.
        assert holm([0.03, None, 0.02]) == [pytest.approx(0.04), None, pytest.approx(0.04)]

    def test_nothing_exceeds_one(self):
        assert holm([0.6, 0.9]) == [1.0, 1.0]
        assert holm([]) == []


class TestSeeds:
    @pytest.mark.parametrize(
        ("first", "second"), [([0.8, 0.82, 0.81], [0.9, 0.7, 0.8]), ([0.5, 0.6], [0.9, 0.91, 0.94])]
    )
    def test_it_is_welchs_test(self, first, second):
        assert seeds_p_value(first, second) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)

    def test_one_seed_says_nothing_of_training_again(self):
        assert seeds_p_value([0.8], [0.9, 0.91]) is None

    def test_without_spread_a_difference_is_certain_and_equality_too(self):
        assert seeds_p_value([0.8, 0.8], [0.9, 0.9]) == 0
        assert seeds_p_value([0.1 + 0.2] * 3, [0.3] * 3) == 1

    def test_the_spread_of_one_model_is_enough(self):
        # Means .1 apart, variance .01 / 3: t = sqrt 3 with 2 degrees of freedom, p = 1 - t / sqrt(t^2 + 2).
        assert seeds_p_value([0.8, 0.8, 0.8], [0.6, 0.7, 0.8]) == pytest.approx(1 - (3 / 5) ** 0.5)


class TestBothSources:
    FIRST, SECOND = [0.8, 0.82, 0.81], [0.9, 0.7, 0.83]

    def test_without_an_error_of_the_images_it_is_welchs_test(self):
        difference = np.mean(self.FIRST) - np.mean(self.SECOND)
        expected = ttest_ind(self.FIRST, self.SECOND, equal_var=False).pvalue
        assert combined_p_value(difference, 0.0, self.FIRST, self.SECOND) == pytest.approx(expected)

    def test_without_a_spread_of_the_seeds_it_is_the_normal_test(self):
        assert combined_p_value(0.1, 0.05, [0.8] * 3, [0.7] * 3) == pytest.approx(2 * norm.sf(2))

    def test_one_seed_varies_as_those_of_the_other_model(self):
        # Variance .01, of one value and of a mean of three: 4 / 300 with 2 degrees of freedom each, 3.2 together.
        expected = 2 * t.sf(0.2 / (0.04 / 3) ** 0.5, (0.04 / 3) ** 2 / (0.01**2 / 2 + (0.01 / 3) ** 2 / 2))
        assert combined_p_value(0.2, 0.0, [0.9], [0.6, 0.7, 0.8]) == pytest.approx(expected)

    def test_one_seed_each_and_an_unknown_error_are_no_test(self):
        assert combined_p_value(0.1, 0.05, [0.8], [0.7]) is None
        assert combined_p_value(0.1, None, self.FIRST, self.SECOND) is None

    @pytest.mark.parametrize("num_seeds", [3, 5])
    def test_equally_good_models_are_told_apart_in_five_of_a_hundred_cases(self, num_seeds):
        # Images and training move the difference equally far.
        rng = np.random.default_rng(0)
        image_error = (2 / num_seeds) ** 0.5
        alarms = 0
        for shift in rng.normal(0, image_error, 4000):
            first, second = rng.normal(shift, 1, num_seeds), rng.normal(0, 1, num_seeds)
            alarms += combined_p_value(first.mean() - second.mean(), image_error, first, second) < 0.05
        assert 0.03 <= alarms / 4000 <= 0.07


class TestLetters:
    def test_models_that_do_not_differ_share_one(self):
        assert compact_letters(3, []) == ["a", "a", "a"]

    def test_models_that_all_differ_have_one_each(self):
        assert compact_letters(3, [(0, 1), (0, 2), (1, 2)]) == ["a", "b", "c"]

    def test_one_between_two_that_differ_has_both(self):
        assert compact_letters(3, [(0, 2)]) == ["a", "ab", "b"]

    def test_two_may_differ_that_both_lie_nearer_to_a_third(self):
        # 0 differs from 1 and 3; 1 from 2. By hand: {0, 2}, {1, 3}, {2, 3} are the largest sets without a difference.
        assert compact_letters(4, [(0, 1), (0, 3), (1, 2)]) == ["a", "b", "ac", "bc"]

    def test_one_model_has_one(self):
        assert compact_letters(1, []) == ["a"]

    @pytest.mark.parametrize("seed", range(30))
    def test_two_models_share_a_letter_exactly_where_they_are_not_known_to_differ(self, seed):
        rng = np.random.default_rng(seed)
        num = int(rng.integers(2, 9))
        differing = [pair for pair in itertools.combinations(range(num), 2) if rng.random() < 0.5]
        letters = compact_letters(num, differing)
        for one, other in itertools.combinations(range(num), 2):
            assert bool(set(letters[one]) & set(letters[other])) == ((one, other) not in differing)
        assert letters[0].startswith("a")
