import numpy as np
import pytest

from tests.evaluation.test_intervals import drawn, found_for


def many(num_positive, num_negative=100):
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1], [num_negative, num_positive])
    return y_true, np.clip(rng.normal(0.4 + 0.25 * y_true, 0.2), 0, 1)


def test_a_set_with_enough_of_all_has_no_notes():
    y_true, scores = many(50)
    assert found_for(y_true, [scores]).notes == ()


def test_few_images_of_a_class_are_said():
    y_true, scores = many(23)
    assert found_for(y_true, [scores]).notes == (
        "Only 23 images are 'defective': the 95% intervals of the ROC AUC and other metrics that hang on them are too "
        "narrow below 50.",
    )
    assert "Only 1 image is 'defective'" in found_for(*(lambda y, s: (y, [s]))(*many(1))).notes[-1]


def test_more_classes_are_named_too():
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 2], [60, 20, 60])
    rows = 0.8 * rng.dirichlet(np.ones(3), 140) + 0.2 * np.eye(3)[y_true]
    (note,) = found_for(y_true, [rows], ("a", "b", "c")).notes
    assert note == "Only 20 images are 'b': the 95% intervals of all metrics but the accuracy are too narrow below 50."


def test_perfect_metrics_are_named_with_the_reason():
    y_true = np.repeat([0, 1], 60)
    assert found_for(y_true, [0.2 + 0.6 * y_true]).notes[0] == (
        "F1, ROC AUC, Average precision and MCC are perfect, so they have no 95% interval: a set without a mistake "
        "does not show how far other images would be from perfect."
    )


def test_other_metrics_without_an_interval_are_named():
    notes = found_for(np.repeat([0, 1], 60), [np.full(120, 0.3)]).notes
    assert notes[0].startswith("F1, ROC AUC, Average precision, MCC, Log loss and Brier score have no 95% interval: ")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (np.arange(150) // 10, "The images of all classes come from only 15 groups: "),
        # The 50 positives are the last, of 5 groups; the negatives come from 50.
        (np.where(np.arange(150) < 100, np.arange(150) // 2, np.arange(150) // 10 + 100),
         "The images of 'defective' come from only 5 groups: "),
    ],
)  # fmt: skip
def test_few_groups_are_said(groups, expected):
    y_true, scores = many(50)
    (note,) = found_for(y_true, [scores], groups=groups).notes
    assert note == expected + "95% intervals are too narrow below 20."


def test_one_group_is_one_group():
    y_true, scores = drawn(300)
    notes = found_for(y_true, [scores], groups=["all"] * 300).notes
    assert notes[-1].startswith("The images of all classes come from only 1 group: ")
