"""DeLong's and Obuchowski's variances against sums over all pairs of images, a case by hand and a published one."""

import numpy as np
import pytest

from kbin.evaluation.delong import delong_variance, mean_placements, placement_covariance, placement_values
from kbin.evaluation.groups import group_numbers


def win(positive, negative):
    return (positive > negative) + 0.5 * (positive == negative)


def all_pairs_covariance(y_true, first, second, groups=None):
    """Obuchowski's sums, written down image by image; DeLong's where every image is a group."""
    groups = range(len(y_true)) if groups is None else groups
    positive = [k for k, y in enumerate(y_true) if y == 1]
    negative = [k for k, y in enumerate(y_true) if y == 0]

    def parts(scores):
        area = sum(win(scores[p], scores[n]) for p in positive for n in negative) / len(positive) / len(negative)
        of_positive, of_negative = {}, {}
        for p in positive:
            value = sum(win(scores[p], scores[n]) for n in negative) / len(negative)
            of_positive[groups[p]] = of_positive.get(groups[p], 0) + value - area
        for n in negative:
            value = sum(win(scores[p], scores[n]) for p in positive) / len(positive)
            of_negative[groups[n]] = of_negative.get(groups[n], 0) + value - area
        return of_positive, of_negative

    (first_p, first_n), (second_p, second_n) = parts(first), parts(second)

    def product(one, other, count):
        return count / (count - 1) * sum(one[g] * other[g] for g in set(one) & set(other))

    num_p, num_n, total = len(positive), len(negative), len({groups[k] for k in range(len(y_true))})
    s10, s01 = product(first_p, second_p, len(first_p)), product(first_n, second_n, len(first_n))
    s11 = product(first_p, second_n, total) + product(first_n, second_p, total)
    return s10 / num_p**2 + s01 / num_n**2 + s11 / num_p / num_n


def draw(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 40))
    y_true = np.concatenate([[0, 0, 0, 1, 1, 1], rng.integers(0, 2, n - 6)])
    # From many ties to none.
    scores = [rng.integers(0, 6, n) / 5 if seed % 2 else rng.random(n) for _ in range(2)]
    return rng, y_true, scores


@pytest.mark.parametrize("seed", range(20))
def test_variance_and_covariance_are_those_of_all_pairs(seed):
    _, y_true, scores = draw(seed)
    first, second = (placement_values(y_true, one) for one in scores)
    expected = all_pairs_covariance(y_true, *scores)
    assert placement_covariance(y_true, first, second) == pytest.approx(expected, abs=1e-14)
    expected = all_pairs_covariance(y_true, scores[0], scores[0])
    assert delong_variance(y_true, scores[0]) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_grouped_ones_are_those_of_all_pairs(seed):
    rng, y_true, scores = draw(seed)
    names = rng.integers(0, max(4, len(y_true) // 3), len(y_true))
    names[:6] = [100, 101, 102, 101, 102, 103]  # at least two groups of each class, some with both
    groups = group_numbers(names, len(y_true))
    first, second = (placement_values(y_true, one) for one in scores)
    expected = all_pairs_covariance(y_true, *scores, groups)
    assert placement_covariance(y_true, first, second, groups) == pytest.approx(expected, abs=1e-14)


def test_a_small_case_is_as_by_hand():
    # Positives .8 and .4, negatives .6 and .2: placements 1 and 1/2, and 1/2 and 1; two variances of 1/8, halved.
    y_true = [1, 1, 0, 0]
    first = [0.8, 0.4, 0.6, 0.2]
    assert placement_values(y_true, first) == pytest.approx([1, 0.5, 0.5, 1])
    assert delong_variance(y_true, first) == pytest.approx(1 / 8)
    # With .4 and .8 changed over, the positives' placements go the other way: -1/16 and +1/16.
    second = placement_values(y_true, [0.4, 0.8, 0.6, 0.2])
    assert placement_covariance(y_true, placement_values(y_true, first), second) == pytest.approx(0)


def test_grouped_images_by_hand():
    # Deviations from the AUC of 3/4 are +1/4 and -1/4 in each class. In pairs of one positive and one negative image:
    # group a has +1/4 and -1/4, group b -1/4 and +1/4. Within: 2 x (2 x 1/16) / 4 in each class, across: twice
    # 2 x (-2 x 1/16) / 4. All cancels: each group as a whole is worth the same.
    groups = np.array([0, 1, 0, 1])
    assert delong_variance([1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2], groups) == pytest.approx(0)
    # The other way round the deviations add up: 1/16 + 1/16 within, 1/8 across.
    groups = np.array([0, 1, 1, 0])
    assert delong_variance([1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2], groups) == pytest.approx(1 / 4)


def test_a_published_variance_is_met():
    """S100B and outcome of 113 patients (Turck et al. 2010), 50 distinct values; figures of R's pROC."""
    good = [0, 5, 3, 2, 6, 6, 6, 7, 4, 0, 3, 4, 4, 3, 2, 1, 2, 0, 0, 1, 0, 0, 0, 1, 0]
    good += [1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 2, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    poor = [1, 0, 0, 0, 3, 1, 2, 2, 1, 1, 2, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 1]
    poor += [1, 1, 0, 1, 0, 1, 0, 2, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    levels = np.arange(50) / 50
    y_true = np.repeat([0, 1], [72, 41])
    y_score = np.concatenate([np.repeat(levels, good), np.repeat(levels, poor)])
    assert placement_values(y_true, y_score)[y_true == 1].mean() == pytest.approx(0.73136856368563685, abs=1e-14)
    assert delong_variance(y_true, y_score) == pytest.approx(0.00266868245717244, abs=1e-16)


def test_the_mean_over_seeds_of_placements_has_the_mean_auc():
    y_true = np.array([1, 1, 0, 0])
    # AUCs 3/4 and 1.
    mean = mean_placements(y_true, [[0.8, 0.4, 0.6, 0.2], [0.9, 0.8, 0.6, 0.2]])
    assert mean[y_true == 1].mean() == mean[y_true == 0].mean() == pytest.approx(7 / 8)


@pytest.mark.parametrize(("y_true", "groups"), [([1, 0, 0], None), ([1, 1, 0, 0], [0, 0, 1, 2])])
def test_a_class_of_one_image_or_group_has_no_variance(y_true, groups):
    scores = [0.8, 0.6, 0.2, 0.1][: len(y_true)]
    assert delong_variance(y_true, scores, None if groups is None else np.array(groups)) is None


def test_one_class_has_no_placements():
    assert np.isnan(placement_values([1, 1], [0.3, 0.4])).all()
