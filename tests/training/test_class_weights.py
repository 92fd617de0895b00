import numpy as np

from kbin.training.class_weights import class_weights

LABELS = np.array([0, 0, 0, 1])


def test_balanced_weights_give_every_class_the_same_sum():
    weights = class_weights("balanced", LABELS, ["a", "b"])
    np.testing.assert_allclose(weights, [4 / 6, 4 / 2])
    np.testing.assert_allclose(weights * np.bincount(LABELS), 2)


def test_a_class_without_samples_has_a_finite_weight():
    assert np.isfinite(class_weights("balanced", LABELS, ["a", "b", "c"])).all()


def test_weights_by_name_are_1_where_none_is_given():
    np.testing.assert_array_equal(class_weights({"b": 3.0}, LABELS, ["a", "b", "c"]), [1, 3, 1])


def test_no_weights_are_none():
    assert class_weights(None, LABELS, ["a", "b"]) is None
