from dataclasses import replace

import numpy as np
import pytest

from kbin.audit.exact_copies import CHECK
from tests.audit.audited import audit_inputs, audited_set


def with_hashes(name, hashes, labels=None):
    labels = np.zeros(len(hashes), int) if labels is None else np.array(labels)
    return replace(audited_set(name, labels), pixel_hashes=np.array(hashes))


def test_images_that_all_differ_are_clean():
    ended = CHECK.run(audit_inputs(with_hashes("train", ["a", "b"]), with_hashes("test", ["c"])))
    assert (ended.outcome, ended.summary) == ("clean", "No image is there twice: all 3 images have different pixels.")
    assert sorted(np.concatenate(list(ended.groups.values())).tolist()) == [0, 1, 2]


def test_copies_across_train_and_test_are_counted_and_severe():
    ended = CHECK.run(audit_inputs(with_hashes("train", ["a", "b", "c"]), with_hashes("test", ["b", "x", "b", "c"])))
    assert (ended.outcome, ended.severity) == ("found", "high")
    assert ended.summary == "3 of the 4 images of test are also in train."
    rows = {row[:2]: row[2:] for row in ended.tables[0].rows}
    # b: one of train, two of test; c: one of each.
    assert rows == {("train", "test"): (2, 2, 3), ("test", "test"): (1, 2, 2)}
    assert ended.groups["train"].tolist() == [0, 1, 2]
    assert ended.groups["test"].tolist() == [1, 3, 1, 2]
    assert ended.strength == 0.75


@pytest.mark.parametrize(
    ("sets", "labels", "severity"),
    [
        ({"train": ["a", "a"], "test": ["b"]}, [0, 0, 0], "low"),
        ({"train": ["a"], "validation": ["a"], "test": ["b"]}, [0, 0, 0], "medium"),
        ({"train": ["a"], "validation": ["b"], "test": ["b"]}, [0, 0, 0], "medium"),
        ({"train": ["a"], "night": ["a"]}, [0, 0], "high"),
        ({"train": ["a", "a"], "test": ["b"]}, [0, 1, 0], "high"),
    ],
)
def test_severity_is_that_of_the_place_and_of_the_labels(sets, labels, severity):
    labels = list(labels)
    made = [with_hashes(name, hashes, [labels.pop(0) for _ in hashes]) for name, hashes in sets.items()]
    assert CHECK.run(audit_inputs(*made)).severity == severity


def test_copies_with_different_labels_are_told_apart_and_shown_first():
    train = with_hashes("train", ["a", "a", "b", "c", "c"], [0, 0, 1, 0, 1])
    ended = CHECK.run(audit_inputs(train))
    assert ended.values["conflicting_images"] == 2
    assert ended.values["images"] == 4
    assert "2 copies carry different labels" in ended.summary
    assert [shown.index for shown in ended.strips[0].images] == [3, 4]
    assert ended.strips[0].images[1].caption == "train, labelled dog"
    assert ended.next_step.startswith("Decide on one label for the 2 copies")


def test_a_hundred_copies_of_one_image_show_both_labels_in_one_short_strip():
    strip = CHECK.run(audit_inputs(with_hashes("train", ["a"] * 100, [0] * 99 + [1]))).strips[0]
    assert len(strip.images) == 4
    assert 99 in [shown.index for shown in strip.images]


def test_images_without_a_hash_are_copies_of_nothing():
    assert CHECK.run(audit_inputs(with_hashes("train", ["", "", "a"]))).outcome == "clean"


@pytest.mark.parametrize("seed", range(20))
def test_planted_copies_are_all_found_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    hashes = [f"h{index}" for index in range(500)]
    from_train = rng.choice(500, 12, replace=False)
    test = [f"t{index}" for index in range(188)] + [hashes[at] for at in from_train]
    ended = CHECK.run(audit_inputs(with_hashes("train", hashes), with_hashes("test", test)))
    assert ended.values["pairs_of_sets"] == [
        {"first": "train", "second": "test", "groups": 12, "of_first": 12, "of_second": 12}
    ]
    assert ended.groups["test"][188:].tolist() == from_train.tolist()
