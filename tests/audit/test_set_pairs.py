import numpy as np

from kbin.audit.copy_groups import groups_with_data
from kbin.audit.set_pairs import MOST_OF_A_SIDE, SetPair, enough_arrangements, pair_names, rearranged, set_pair
from tests.audit.audited import audit_inputs, audited_set


def _pair(first: list[int], second: list[int], **more: object) -> SetPair | str:
    inputs = audit_inputs(audited_set("train", np.array(first)), audited_set("test", np.array(second)), **more)
    return set_pair(inputs, ("train", "test"), groups_with_data(inputs))


def test_up_to_six_sets_are_all_compared_and_of_more_train_with_each():
    sets = [audited_set(name, np.zeros(1)) for name in ("train", "a", "b", "c", "d", "e", "f")]

    assert len(pair_names(audit_inputs(*sets[:6]))) == 15
    assert pair_names(audit_inputs(*sets)) == [("train", one) for one in "abcdef"]


def test_a_class_that_one_set_lacks_is_left_out():
    pair = _pair([0] * 20 + [1] * 20, [1] * 15)

    assert not isinstance(pair, str)
    assert pair.sizes == (20, 15)
    assert set(pair.labels) == {1}
    assert pair.places[:20].tolist() == list(range(20, 40))


def test_sets_of_few_images_or_of_other_classes_are_not_compared():
    assert "too few images of the same classes" in str(_pair([0] * 20 + [1] * 20, [1]))
    assert "too few images of the same classes" in str(_pair([0] * 20, [1] * 20))


def test_sets_of_few_groups_are_not_compared():
    # 3 groups against 2 can be shared out in 10 ways only.
    sets = (
        audited_set("train", np.zeros(30), groups=np.repeat(["a", "b", "c"], 10)),
        audited_set("test", np.zeros(20), groups=np.repeat(["d", "e"], 10)),
    )
    inputs = audit_inputs(*sets)

    assert "too few groups" in str(set_pair(inputs, ("train", "test"), groups_with_data(inputs)))


def test_of_a_large_set_as_many_images_are_drawn_as_allowed():
    pair = _pair([0, 1] * MOST_OF_A_SIDE, [0, 1] * 50)

    assert not isinstance(pair, str)
    assert pair.sizes == (MOST_OF_A_SIDE, 100)
    assert len(set(pair.places[~pair.is_second].tolist())) == MOST_OF_A_SIDE


def test_rearranging_keeps_the_number_of_each_class_on_each_side():
    pair = _pair([0] * 30 + [1] * 10, [0] * 10 + [1] * 20)
    assert not isinstance(pair, str)

    sides = rearranged(pair, 50)

    assert sides.shape == (70, 51)
    assert (sides[:, 0] == pair.is_second).all()
    assert (sides[pair.labels == 0].sum(axis=0) == 10).all()
    assert (sides[pair.labels == 1].sum(axis=0) == 20).all()
    assert len(np.unique(sides, axis=1).T) == 51


def test_groups_change_sides_whole():
    groups = [np.repeat([f"{name}{number}" for number in range(12)], 3) for name in ("a", "b")]
    sets = [audited_set(name, np.zeros(36), groups=of) for name, of in zip(("train", "test"), groups, strict=True)]
    inputs = audit_inputs(*sets)
    pair = set_pair(inputs, ("train", "test"), groups_with_data(inputs))
    assert not isinstance(pair, str)

    sides = rearranged(pair, 40)

    by_group = sides.reshape(24, 3, 41)
    assert (by_group == by_group[:, :1]).all()
    assert (sides.sum(axis=0) == 36).all()


def test_enough_arrangements_can_show_a_p_value_below_the_level_after_the_correction():
    for num_pairs in (1, 3, 15):
        assert num_pairs / (1 + enough_arrangements(num_pairs, 0.02)) < 0.02
