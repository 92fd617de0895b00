from dataclasses import replace

import numpy as np

from kbin.audit.copy_groups import group_rows, groups_with_data, joined_groups
from tests.audit.audited import audit_inputs, audited_set


def three_sets(**more):
    train = audited_set("train", np.zeros(4), groups=np.array(["a", "b", "", ""]))
    return audit_inputs(train, audited_set("test", np.zeros(3)), audited_set("night", np.zeros(2)), **more)


def test_without_any_group_every_image_stands_alone():
    groups = joined_groups(three_sets(), {})
    assert sorted(np.concatenate(list(groups.values())).tolist()) == list(range(9))
    assert {name: one.shape for name, one in groups.items()} == {"train": (4,), "test": (3,), "night": (2,)}


def test_a_chain_of_old_and_new_groups_is_one_group():
    inputs = three_sets(copy_groups={"train": np.array([0, 1, 2, 3]), "test": np.array([0, 5, 6])})
    groups = joined_groups(inputs, {"test": np.array([7, 7, 8]), "night": np.array([9, 8])})
    # train 0 = test 0 (known), test 0 = test 1 (new); test 2 = night 1 (new)
    assert groups["train"][0] == groups["test"][0] == groups["test"][1]
    assert groups["test"][2] == groups["night"][1]
    assert len(set(np.concatenate(list(groups.values())).tolist())) == 6
    assert all(one.dtype == np.int64 for one in groups.values())


def test_a_set_that_is_missing_is_tied_to_nothing_though_its_numbers_could_meet_others():
    groups = joined_groups(three_sets(), {"night": np.array([4, 4])})
    assert groups["night"][0] == groups["night"][1]
    assert len(set(np.concatenate(list(groups.values())).tolist())) == 8


def test_an_image_of_a_part_is_its_image_in_the_whole_set():
    inputs = three_sets(parts={"night": "test"})
    night = replace(inputs.sets["night"], sample_ids=inputs.sets["test"].sample_ids[1:])
    inputs = replace(inputs, sets={**inputs.sets, "night": night})
    # The checks that find copies are not shown the parts.
    groups = joined_groups(inputs, {"train": np.arange(4), "test": np.array([4, 5, 0])})
    assert groups["night"].tolist() == groups["test"][1:].tolist()
    assert groups["night"][1] == groups["train"][0]
    assert len(set(np.concatenate(list(groups.values())).tolist())) == 6


def test_groups_of_the_data_tie_copies_and_an_empty_group_ties_nothing():
    inputs = three_sets(copy_groups={"train": np.array([0, 1, 1, 3])})
    inputs = replace(
        inputs, sets={**inputs.sets, "test": replace(inputs.sets["test"], groups=np.array(["b", "", "c"]))}
    )
    groups = groups_with_data(inputs)
    assert groups["train"][1] == groups["train"][2] == groups["test"][0]
    assert len(set(np.concatenate(list(groups.values())).tolist())) == 7


def test_rows_name_each_path_once_in_the_order_of_the_sets():
    inputs = three_sets(copy_groups={"train": np.array([0, 1, 2, 3]), "test": np.array([0, 5, 6])})
    night = replace(inputs.sets["night"], paths=inputs.sets["test"].paths[:2])
    inputs = replace(inputs, sets={**inputs.sets, "night": night}, parts={"night": "test"})
    rows = group_rows(inputs)
    assert [file for file, _ in rows] == [*inputs.train.paths.tolist(), *inputs.sets["test"].paths.tolist()]
    of = dict(rows)
    assert of["train/00000.png"] == of["test/00000.png"]
    assert len(set(of.values())) == 6


def test_a_path_of_two_sets_joins_what_either_is_a_copy_of():
    first = audited_set("train", np.zeros(2), paths=["a.png", "b.png"])
    second = audited_set("test", np.zeros(2), paths=["a.png", "c.png"])
    copies = {"train": np.array([0, 0]), "test": np.array([2, 2])}
    assert {group for _, group in group_rows(audit_inputs(first, second, copy_groups=copies))} == {"g1"}
