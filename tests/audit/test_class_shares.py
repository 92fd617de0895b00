import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom

from kbin.audit.class_shares import shares_compared


def _alone(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(first)), len(first) + np.arange(len(second))


def test_the_p_value_is_that_of_an_exact_test():
    first, second = np.repeat([0, 1], [30, 20]), np.repeat([0, 1], [14, 16])

    compared = shares_compared(first, second, _alone(first, second), 2)

    # Of 80 images with 36 positives 30 are drawn: 13.5 positives are expected, and 16 are 2.5 away.
    drawn = hypergeom(80, 36, 30)
    assert compared.p_value == pytest.approx(drawn.cdf(11) + drawn.sf(15), abs=0.03)
    assert (compared.first[1], compared.second[1]) == pytest.approx((0.4, 16 / 30))


@pytest.mark.parametrize(
    ("first", "second", "matters"),
    [((500, 500), (480, 520), False), ((500, 500), (440, 560), True), ((990, 10), (970, 30), True)],
)
def test_five_points_or_twice_the_odds_matter(first, second, matters):
    labels = [np.repeat([0, 1], one) for one in (first, second)]

    assert shares_compared(*labels, _alone(*labels), 2).does_matter is matters


def test_images_of_one_group_count_once():
    # 12 groups of 20 images of one class each: a difference of 8 against 4 groups of positives is chance.
    first, second = np.repeat([0, 1], [4 * 20, 8 * 20]), np.repeat([0, 1], [8 * 20, 4 * 20])
    groups = (np.repeat(np.arange(12), 20), np.repeat(12 + np.arange(12), 20))

    assert shares_compared(first, second, _alone(first, second), 2).p_value < 0.001
    # Fisher's exact test of 8 of 12 against 4 of 12: p = .22.
    assert shares_compared(first, second, groups, 2).p_value == pytest.approx(
        fisher_exact([[4, 8], [8, 4]]).pvalue, abs=0.05
    )


def test_a_set_of_one_image_differs_by_chance():
    first, second = np.repeat([0, 1], [90, 10]), np.array([1])

    assert shares_compared(first, second, _alone(first, second), 2).p_value > 0.05
