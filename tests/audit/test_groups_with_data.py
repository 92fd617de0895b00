import numpy as np

from kbin.audit.copy_groups import groups_with_data
from tests.audit.audited import audit_inputs, audited_set


def _together(numbers: dict[str, np.ndarray], *images: tuple[str, int]) -> bool:
    return len({int(numbers[name][index]) for name, index in images}) == 1


def test_without_groups_and_copies_each_image_is_alone():
    numbers = groups_with_data(audit_inputs(audited_set("train", np.zeros(3)), audited_set("test", np.zeros(2))))

    assert len(set(np.concatenate(list(numbers.values())).tolist())) == 5


def test_a_group_is_one_over_all_sets_and_a_copy_joins_two_groups():
    sets = (
        audited_set("train", np.zeros(4), groups=np.array(["a", "a", "b", "c"])),
        audited_set("test", np.zeros(3), groups=np.array(["b", "d", "e"])),
    )
    # The first image of train and the second of test are copies: group a and group d belong together then.
    copies = {"train": np.array([7, 1, 2, 3]), "test": np.array([4, 7, 5])}

    numbers = groups_with_data(audit_inputs(*sets, copy_groups=copies))

    assert _together(numbers, ("train", 0), ("train", 1), ("test", 1))
    assert _together(numbers, ("train", 2), ("test", 0))
    assert len(set(np.concatenate(list(numbers.values())).tolist())) == 4  # a with d, b, c, e


def test_images_of_a_set_without_groups_are_alone_where_another_set_has_groups():
    sets = (
        audited_set("train", np.zeros(2), groups=np.array(["test0", "test0"])),
        audited_set("test", np.zeros(2)),
    )

    numbers = groups_with_data(audit_inputs(*sets))

    assert _together(numbers, ("train", 0), ("train", 1))
    assert len(set(np.concatenate(list(numbers.values())).tolist())) == 3
