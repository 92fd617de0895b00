"""ROC AUC and accuracy with intervals, beside other ways to the same numbers."""

import numpy as np
import pytest

from kbin.audit.reached import reached


def test_auc_and_accuracy_of_two_classes_are_those_counted_by_hand():
    # Pairs of a positive and a negative in order: .9 and .4 beat .3 and .1 but .4 does not beat .6: 5 of 6.
    found = reached(np.array([1, 1, 0, 0, 0]), [np.array([0.9, 0.4, 0.6, 0.3, 0.1])], [0.5], 2)

    assert found.auc == pytest.approx(5 / 6)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.auc_interval[0] < 5 / 6 < found.auc_interval[1]


def test_a_perfect_auc_has_wilsons_lower_end_for_the_rarer_class():
    found = reached(np.repeat([0, 1], [50, 10]), [np.repeat([0.1, 0.9], [50, 10])], [0.5], 2)

    # Wilson at 10 of 10: 1 / (1 + 1.96^2 / 10).
    assert found.auc_interval == pytest.approx((1 / (1 + 1.959964**2 / 10), 1.0))


def test_more_classes_have_the_mean_of_each_against_the_others():
    rows = np.array(
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.4, 0.3]]
    )
    labels = np.array([0, 1, 2, 0, 1, 2])

    found = reached(labels, [rows], [0.5], 3)

    # Class 0: .8 and .6 above all others; class 1: .7 and .6 too; class 2: .7 above all, .3 ties one of .1, .1, .1, .3.
    assert found.auc == pytest.approx((1 + 1 + 7.5 / 8) / 3)
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.auc_interval[0] <= found.auc <= found.auc_interval[1]
