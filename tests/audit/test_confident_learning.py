"""Confident learning, by hand."""

import numpy as np
import pytest

from kbin.audit.confident_learning import contradictions

# Mean probability of the own class: (.9 + .5 + .1) / 3 = .5 for class 0, (.8 + .6) / 2 = .7 for class 1.
ROWS = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6]])
LABELS = np.array([0, 0, 0, 1, 1])


def test_an_image_that_reaches_the_threshold_of_another_class_only_is_contradicted_confidently():
    assert contradictions(ROWS, LABELS).confident.tolist() == [False, False, True, False, False]


def test_an_image_that_reaches_no_threshold_is_in_no_cell_of_the_joint():
    rows = np.array([[0.9, 0.1], [0.45, 0.55], [0.1, 0.9]])

    # Thresholds are (.9 + .45) / 2 = .675 and .9: the second image looks like class 1 but is not sure enough.
    assert not contradictions(rows, np.array([0, 0, 1])).confident.any()


def test_the_normalised_margin_is_the_labels_probability_less_the_largest_other_one():
    rows = np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])

    found = contradictions(rows, np.array([0, 1, 2]))

    assert found.normalised_margin == pytest.approx([-0.3, -0.5, 0.1])
    assert found.margins == pytest.approx(np.log([5 / 3, 7 / 2, 4 / 3]))
    assert found.looks_like.tolist() == [1, 2, 2]
    assert found.own == pytest.approx([0.2, 0.2, 0.4])
