import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from kbin.errors import DataError
from kbin.evaluation.calibration import (
    calibration_bins,
    error_if_perfect,
    expected_calibration_error,
    judged,
    mean_bins,
    mean_error,
)

RNG = np.random.default_rng(3)
SCORES = RNG.beta(0.4, 0.6, 500)
TRUTH = (RNG.random(500) < SCORES**2).astype(int)
SATURATED = np.round(SCORES, 1)  # many equal ones


@pytest.mark.parametrize("scores", [SCORES, SATURATED, SCORES.astype(np.float32)])
@pytest.mark.parametrize("num_bins", [1, 5, 10])
def test_the_curve_is_that_of_scikit_learn_with_quantiles(scores, num_bins):
    shares, means = calibration_curve(TRUTH, scores, n_bins=num_bins, strategy="quantile")
    bins = calibration_bins(TRUTH, scores, num_bins)
    assert [one.share for one in bins] == pytest.approx(shares)
    assert [one.mean_score for one in bins] == pytest.approx(means, rel=1e-5)


def test_bins_hold_equal_numbers_of_images_and_all_of_them():
    assert [one.n for one in calibration_bins(TRUTH, SCORES)] == [50] * 10


def test_equal_scores_stay_together_and_empty_bins_are_left_out():
    bins = calibration_bins([0, 0, 1, 1, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.9, 0.9], num_bins=3)
    assert [(one.n, one.mean_score, one.share) for one in bins] == [
        (4, pytest.approx(0.2), 0.5),
        (2, pytest.approx(0.9), 1.0),
    ]


def test_the_error_by_hand():
    # Two bins of two: stated .15, true 0; stated .7, true 1/2. |.15 - 0| / 2 + |.7 - .5| / 2.
    bins = calibration_bins([0, 0, 0, 1], [0.1, 0.2, 0.6, 0.8], num_bins=2)
    assert expected_calibration_error(bins) == pytest.approx(0.175)


def test_limits_are_inclusive_above():
    bins = calibration_bins([0, 1, 1], [0.1, 0.5, 0.9], num_bins=2)
    assert [(one.low, one.high, one.n) for one in bins] == [(0.1, 0.5, 2), (0.5, 0.9, 1)]


def test_perfect_probabilities_show_about_the_error_that_is_stated_for_them():
    scores = RNG.beta(1, 2, 400)
    bins = calibration_bins((RNG.random(400) < scores).astype(int), scores)
    errors = [
        expected_calibration_error(calibration_bins((RNG.random(400) < scores).astype(int), scores)) for _ in range(200)
    ]
    assert error_if_perfect(bins) == pytest.approx(np.mean(errors), rel=0.05)


class TestJudged:
    def test_of_two_classes_the_positive_probability_is_judged(self):
        for probabilities in (np.array([0.2, 0.7]), np.array([[0.2], [0.7]]), np.array([[0.8, 0.2], [0.3, 0.7]])):
            came_true, stated = judged([0, 1], probabilities)
            assert came_true.tolist() == [0, 1]
            assert stated == pytest.approx([0.2, 0.7])

    def test_of_more_classes_the_answer_is_judged(self):
        came_true, stated = judged([0, 1, 2], np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.1, 0.7]]))
        assert came_true.tolist() == [1, 0, 1]
        assert stated == pytest.approx([0.6, 0.5, 0.7])

    def test_what_is_no_probability_is_refused(self):
        with pytest.raises(DataError, match="probabilities from 0 to 1"):
            judged([0, 1], np.array([0.2, 1.7]))


class TestSeeds:
    def test_the_mean_error_is_that_of_the_seeds_and_the_curve_that_of_all_together(self):
        # One seed too high by .2, one too low by .2: the error is .2, the curve is right.
        high, low = ([0, 1], np.array([0.2, 0.8])), ([0, 1], np.array([0.2, 0.8]))
        error, _ = mean_error([high, low])
        assert error == pytest.approx(0.2)
        bins = mean_bins([([0, 1, 0, 1], np.full(4, 0.7)), ([0, 1, 0, 1], np.full(4, 0.3))], num_bins=1)
        assert [(one.n, one.mean_score, one.share) for one in bins] == [(4, pytest.approx(0.5), 0.5)]


def test_a_curve_needs_a_bin():
    with pytest.raises(DataError, match="at least one bin, got 0"):
        calibration_bins(TRUTH, SCORES, 0)
