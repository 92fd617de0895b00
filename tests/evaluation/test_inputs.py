import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.metrics import classification_metrics

CLASSES = ("functional", "defective")
THREE = ("normal", "bacterial", "viral")


@pytest.mark.parametrize(
    ("y_true", "y_probability", "classes", "message"),
    [
        ([], [], CLASSES, "no images: metrics need at least one label"),
        ([0, 1], [0.5], CLASSES, "y_true and y_score must have the same length, got 2 and 1"),
        ([0, 1], [0.5, np.nan], CLASSES, "y_score must hold probabilities from 0 to 1, got nan in row 1"),
        ([0, 1], [np.inf, 0.5], CLASSES, "y_score must hold probabilities from 0 to 1, got inf in row 0"),
        ([0, 1], [0.5, 1.2], CLASSES, "y_score must hold probabilities from 0 to 1, got 1.2 in row 1"),
        ([0, 1], [-0.1, 0.5], CLASSES, "y_score must hold probabilities from 0 to 1, got -0.1 in row 0"),
        ([0, 1], [0, 1], CLASSES, r"y_score must hold probabilities, got hard labels \(int64\)"),
        ([0, 1], [False, True], CLASSES, r"y_score must hold probabilities, got hard labels \(bool\)"),
        ([0, 1], ["a", "b"], CLASSES, "y_score must hold numbers, got <U1"),
        ([0, 2], [0.1, 0.5], CLASSES, "y_true must hold class indices 0 to 1, got 2 in row 1"),
        ([0, 0.5], [0.1, 0.5], CLASSES, "y_true must hold class indices 0 to 1, got 0.5 in row 1"),
        ([np.nan, 0], [0.1, 0.5], CLASSES, "y_true must hold class indices 0 to 1, got nan in row 0"),
        (["a", "b"], [0.1, 0.5], CLASSES, "y_true must hold class indices, got values such as .*a"),
        (np.eye(2), [0.1, 0.5], CLASSES, r"y_true must have shape \(n,\), one class index an image, got \(2, 2\)"),
        ([0, 1], np.full((2, 3), 0.3), CLASSES, r"y_score must have shape \(n,\), one probability an image"),
        ([0, 1], [[0.5, 0.5], [0.4, 0.5]], CLASSES, "each row of y_probability must sum to 1, row 1 sums to 0.9"),
        ([0, 1], [0.1, 0.5], THREE, r"3 classes need y_probability of shape \(n, 3\), got \(2,\)"),
        ([0, 1], [[0.2, 0.2, 0.6]], THREE, "y_true and y_probability must have the same length, got 2 and 1"),
        ([0], [[0.2, np.nan, 0.6]], THREE, "y_probability must hold probabilities from 0 to 1, got nan in row 0"),
        ([0], [0.5], ["one"], r"metrics need at least two classes, got \['one'\]"),
        ([0], [0.5], ["a", "a"], r"class names must differ from each other, got \['a', 'a'\]"),
    ],
)
def test_wrong_input_is_refused_with_what_was_given_and_expected(y_true, y_probability, classes, message):
    with pytest.raises(DataError, match=message):
        classification_metrics(y_true, y_probability, classes)


def test_labels_of_any_number_type_and_keras_columns_are_taken():
    expected = classification_metrics([0, 1, 1], [0.2, 0.6, 0.7], CLASSES)
    for dtype in (bool, np.float32, np.uint8):
        labels = np.array([[0], [1], [1]]).astype(dtype)
        assert classification_metrics(labels, np.array([[0.2], [0.6], [0.7]]), CLASSES) == expected
