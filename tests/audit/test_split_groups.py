import numpy as np
import pytest

from kbin.audit.split_groups import CHECK
from tests.audit.audited import audit_inputs, audited_set


def grouped(name, groups):
    return audited_set(name, np.zeros(len(groups), int), groups=np.array(groups))


def test_groups_on_both_sides_are_counted_with_their_images():
    ended = CHECK.run(
        audit_inputs(
            grouped("train", ["a", "a", "b", "c"]),
            grouped("validation", ["a", "d"]),
            grouped("test", ["b", "b", "c", "e"]),
        )
    )
    assert (ended.outcome, ended.severity, ended.strength) == ("found", "high", 0.75)
    assert ended.tables[0].rows == (("validation", 1, 2, 1, 0.5), ("test", 2, 2, 3, 0.75))
    assert "3 of the 4 images of test belong to 2 groups that train has images of, too" in ended.summary
    assert ended.values["groups"] == 3
    assert [(shown.set_name, shown.index) for shown in ended.strips[0].images] == [
        ("train", 0),
        ("train", 1),
        ("validation", 0),
    ]


def test_groups_shared_with_validation_alone_are_less_severe():
    ended = CHECK.run(audit_inputs(grouped("train", ["a", "b"]), grouped("validation", ["a"]), grouped("test", ["c"])))
    assert ended.severity == "medium"


def test_a_group_of_one_set_alone_is_clean_and_an_empty_group_is_none():
    ended = CHECK.run(audit_inputs(grouped("train", ["a", "a", ""]), grouped("test", ["b", ""])))
    assert (ended.outcome, ended.summary) == ("clean", "Of 1 group of train none has an image in another set.")


@pytest.mark.parametrize(
    "sets",
    [
        [audited_set("train", np.zeros(3)), audited_set("test", np.zeros(3))],
        [grouped("train", ["", ""]), grouped("test", ["a"])],
        [grouped("train", ["a", "a"]), audited_set("test", np.zeros(3))],
        [grouped("train", ["a", "a"])],
    ],
)
def test_data_without_groups_on_both_sides_is_not_judged(sets):
    assert CHECK.run(audit_inputs(*sets)).outcome == "not_applicable"


@pytest.mark.parametrize("seed", range(20))
def test_planted_torn_groups_are_all_found(seed):
    rng = np.random.default_rng(seed)
    torn = rng.choice(60, 7, replace=False)
    train = [f"p{number}" for number in range(60) for _ in range(3)]
    test = [f"p{number}" for number in torn] + [f"q{number}" for number in range(40)]
    ended = CHECK.run(audit_inputs(grouped("train", train), grouped("test", test)))
    assert ended.values["sets"] == [{"set": "test", "groups": 7, "train_images": 21, "images": 7, "share": 7 / 47}]
