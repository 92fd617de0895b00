"""Units that folds keep together."""

import numpy as np

from kbin.audit.copy_groups import units
from kbin.audit.held_together import classes_with, unit_folds
from tests.audit.audited import audit_inputs, audited_set


def test_copies_and_groups_that_touch_are_one_unit_over_all_sets():
    train = audited_set("train", np.zeros(4), groups=np.array(["a", "a", "", ""]))
    test = audited_set("test", np.zeros(3))
    # The second image of group a is a copy of the first test image.
    copies = {"train": np.array([0, 1, 2, 3]), "test": np.array([1, 4, 5])}

    found = units(audit_inputs(train, test, copy_groups=copies))

    assert found[0] == found[1] == found[4]
    assert len(np.unique(found)) == 5


def test_without_copies_and_groups_each_image_is_a_unit():
    inputs = audit_inputs(audited_set("train", np.zeros(3)), audited_set("test", np.zeros(2)))

    assert len(np.unique(units(inputs))) == 5


def test_no_unit_is_in_two_folds_and_each_fold_has_its_share_of_a_sets_classes():
    labels = np.tile([0, 0, 1, 1], 50)
    sets = np.repeat(["train", "test"], 100)
    unit_of = np.arange(200) // 2

    folds = unit_folds(labels, sets, unit_of)

    assert (folds[::2] == folds[1::2]).all()
    for name in ("train", "test"):
        for label in (0, 1):
            assert np.bincount(folds[(sets == name) & (labels == label)]).tolist() == [10] * 5


def test_a_set_with_one_image_is_spread_with_the_others():
    labels, sets = np.array([0, 1] * 10 + [1]), np.array(["train"] * 20 + ["test"])

    folds = unit_folds(labels, sets, np.arange(21))

    assert sorted(np.bincount(folds)) == [4, 4, 4, 4, 5]


def test_a_class_whose_images_are_all_copies_has_one_unit():
    labels = np.array([0] * 10 + [1] * 10)
    unit_of = np.array([*range(10), *[10] * 10])

    assert classes_with(labels, unit_of, 5).tolist() == [0]
