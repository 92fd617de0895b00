"""How far accuracies move, by hand."""

import numpy as np
import pytest

from kbin.audit.accuracy_moves import accuracy_moves
from tests.audit.audited import audited_set


def test_accuracies_are_those_of_labels_as_they_are_relabelled_and_removed():
    # Answers at .5: 1 1 0 0. Labels 1 0 0 1: two of four right. The second image is a suspect that looks like 1.
    one = audited_set("test", np.array([1, 0, 0, 1]), probabilities={"m": np.array([[0.9, 0.8, 0.1, 0.2]])})

    (found,) = accuracy_moves(one, 2, {"m": np.array([0.5])}, np.array([False, True, False, False]), np.ones(4, int))

    assert (found.as_labelled, found.relabelled, found.removed) == pytest.approx((0.5, 0.75, 2 / 3))
    assert found.share_of_errors == pytest.approx(0.5)
    assert found.num_suspects == 1


def test_seeds_count_equally_and_each_has_its_threshold():
    scores = np.array([[0.4, 0.4], [0.4, 0.4]])
    one = audited_set("test", np.array([1, 1]), probabilities={"m": scores})

    (found,) = accuracy_moves(one, 2, {"m": np.array([0.5, 0.3])}, np.zeros(2, bool), np.zeros(2, int))

    assert found.as_labelled == pytest.approx(0.5)


def test_more_classes_need_no_threshold():
    one = audited_set("test", np.array([2, 0]), probabilities={"m": np.array([[[0.1, 0.2, 0.7], [0.1, 0.8, 0.1]]])})

    (found,) = accuracy_moves(one, 3, {}, np.array([True, True]), np.array([2, 1]))

    assert (found.as_labelled, found.relabelled, found.removed) == (0.5, 1.0, None)
