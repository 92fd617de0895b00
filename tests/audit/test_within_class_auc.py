import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kbin.audit.within_class_auc import column_aucs, crossed_aucs, p_value


def test_of_one_class_it_is_the_roc_auc():
    rng = np.random.default_rng(0)
    scores, sides = rng.integers(0, 9, (60, 3)).astype(float), rng.random((60, 3)) < 0.4

    overall, of_classes = column_aucs(scores, np.zeros(60, int), sides)

    expected = [roc_auc_score(sides[:, column], scores[:, column]) for column in range(3)]
    np.testing.assert_allclose(overall, expected)
    np.testing.assert_allclose(of_classes[0], expected)


def test_classes_are_compared_apart_and_weighted_by_their_pairs():
    # Class 0: 2 against 1 image, always right; class 1: 1 against 1, wrong. Weights 2 * 1 / 3 and 1 * 1 / 2.
    scores = np.array([1.0, 2, 3, 9, 8])[:, None]
    labels = np.array([0, 0, 0, 1, 1])
    sides = np.array([False, False, True, False, True])[:, None]

    overall, of_classes = column_aucs(scores, labels, sides)

    assert of_classes[:, 0].tolist() == [1.0, 0.0]
    assert overall[0] == pytest.approx((2 / 3) / (2 / 3 + 1 / 2))


def test_a_score_that_only_knows_the_class_is_guessing():
    labels = np.repeat([0, 1], 50)
    sides = np.concatenate([np.arange(50) < 10, np.arange(50) < 40])[:, None]

    assert column_aucs(labels[:, None].astype(float), labels, sides)[0][0] == 0.5
    # A comparison that forgets the classes would be far from it.
    assert roc_auc_score(sides[:, 0], labels) == pytest.approx(0.8)


def test_a_class_with_one_side_has_no_weight():
    overall, of_classes = column_aucs(
        np.array([1.0, 2, 5, 6])[:, None], np.array([0, 0, 1, 1]), np.array([False, True, True, True])[:, None]
    )

    assert overall[0] == 1.0
    assert of_classes[1, 0] == 0.5


def test_crossed_is_each_score_with_each_way_to_share_out():
    rng = np.random.default_rng(1)
    scores, sides = rng.integers(0, 5, (40, 2)).astype(float), rng.random((40, 3)) < 0.5
    labels = rng.integers(0, 2, 40)

    crossed = crossed_aucs(scores, labels, sides)

    assert crossed.shape == (2, 3)
    for one in range(2):
        expected = column_aucs(np.repeat(scores[:, one : one + 1], 3, axis=1), labels, sides)[0]
        np.testing.assert_allclose(crossed[one], expected)


def test_the_p_value_counts_the_observed_arrangement_and_equal_ones():
    assert p_value(0.7, np.array([0.5, 0.7, 0.9, 0.6])) == pytest.approx(3 / 5)
    assert p_value(1.0, np.zeros(99)) == pytest.approx(1 / 100)
