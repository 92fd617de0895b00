import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.groups import group_numbers, group_sums, mixes_classes


def test_groups_are_numbered_in_the_order_in_which_they_appear():
    assert group_numbers(["z", "a", "z", "m", "a"], 5).tolist() == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("groups", [None, ["c", "a", "b"]])
def test_images_that_are_groups_of_their_own_have_no_groups(groups):
    assert group_numbers(groups, 3) is None


def test_another_number_of_names_is_refused():
    with pytest.raises(DataError, match="groups must have shape \\(3,\\), one name an image, got \\(2,\\)"):
        group_numbers(["a", "b"], 3)


def test_sums_are_by_group_or_the_values_themselves():
    values = np.array([1.0, 2.0, 4.0])
    assert group_sums(values, np.array([0, 1, 0])).tolist() == [5, 2]
    assert group_sums(values, None).tolist() == [1, 2, 4]


def test_groups_mix_classes_where_one_has_images_of_both():
    assert mixes_classes(np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1]))
    assert not mixes_classes(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    assert not mixes_classes(np.array([0, 1]), None)
