import numpy as np
import pytest

from kbin.evaluation.error_costs import ErrorCosts

COSTS = ErrorCosts(false_positive=2, false_negative=10)


def test_an_image_costs_what_all_errors_cost_by_the_number_of_images():
    # 3 false alarms at 2 and 1 miss at 10, on 20 images.
    assert COSTS.of_image([[12, 3], [1, 4]]) == pytest.approx(16 / 20)


def test_means_over_seeds_need_not_be_whole():
    assert COSTS.of_image([[0.5, 0.5], [0.5, 0.5]]) == pytest.approx(3.0)


def test_at_another_share_of_positives_sensitivity_and_specificity_stay():
    # Of 100 images 10 positive: 2 missed at 10; of 90 negative 9 false alarms at 2.
    assert COSTS.expected([0.1], sensitivity=0.8, specificity=0.9) == pytest.approx([(20 + 18) / 100])


def test_at_the_sets_own_share_both_are_the_same():
    confusion = [[12, 3], [1, 4]]
    expected = COSTS.expected(5 / 20, sensitivity=4 / 5, specificity=12 / 15)
    assert expected == pytest.approx(COSTS.of_image(confusion))


def test_one_answer_for_all_costs_its_errors():
    assert np.allclose(COSTS.expected([0.0, 0.25, 1.0], sensitivity=0, specificity=1), [0, 2.5, 10])
    assert np.allclose(COSTS.expected([0.0, 0.25, 1.0], sensitivity=1, specificity=0), [2, 1.5, 0])
