import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbin.data.datasets import UNSPLIT
from kbin.data.splits import fill_sets, split_indices
from kbin.errors import DataError

CLASSES = ("cat", "dog", "bird")

labels_of_three = st.lists(st.integers(0, 2), min_size=60, max_size=150).filter(
    lambda labels: np.bincount(labels, minlength=3).min() >= 12
)
seeds = st.integers(0, 2**32 - 1)


def assert_disjoint_and_complete(parts, number):
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(number))
    assert all(np.all(np.diff(indices) > 0) for indices in parts.values())


@settings(deadline=None, max_examples=40)
@given(labels_of_three, seeds)
def test_every_image_is_in_exactly_one_set_and_classes_are_shared_out_to_one_image(labels, seed):
    labels = np.array(labels)
    parts = split_indices(labels, CLASSES, test=0.25, validation=0.15, seed=seed)
    assert_disjoint_and_complete(parts, len(labels))
    rest = np.concatenate([parts["train"], parts["validation"]])
    assert len(parts["test"]) == round(0.25 * len(labels))
    assert len(parts["validation"]) == round(0.2 * len(rest))
    for label in range(3):
        of_all, of_rest = np.sum(labels == label), np.sum(labels[rest] == label)
        # A whole set is rounded by at most 1/2, which moves a class by less than that.
        assert abs(np.sum(labels[parts["test"]] == label) - 0.25 * of_all) < 1.5
        assert abs(np.sum(labels[parts["validation"]] == label) - 0.2 * of_rest) < 1.5


@settings(deadline=None, max_examples=20)
@given(labels_of_three, seeds)
def test_the_same_seed_gives_the_same_split(labels, seed):
    first, again = (split_indices(np.array(labels), CLASSES, test=0.25, validation=0.15, seed=seed) for _ in range(2))
    assert {name: indices.tolist() for name, indices in first.items()} == {
        name: indices.tolist() for name, indices in again.items()
    }


def test_another_seed_gives_another_split():
    labels = np.array([0, 1] * 50)
    tests = [split_indices(labels, CLASSES, test=0.2, validation=None, seed=seed)["test"] for seed in (0, 1)]
    assert tests[0].tolist() != tests[1].tolist()


@settings(deadline=None, max_examples=40)
@given(labels_of_three, seeds, st.data())
def test_identical_images_never_straddle(labels, seed, data):
    copies = data.draw(st.lists(st.integers(0, len(labels) - 1), min_size=len(labels), max_size=len(labels)))
    # A third of the images are copies of another one.
    content = np.array([copy if index % 3 == 0 else index for index, copy in enumerate(copies)]).astype(str)
    labels = np.array(labels)
    try:
        parts = split_indices(labels, CLASSES, test=0.25, validation=0.15, seed=seed, identical=content)
    except DataError:
        return  # copies may leave too few different images of a class
    assert_disjoint_and_complete(parts, len(labels))
    found = [set(content[indices]) for indices in parts.values()]
    assert sum(map(len, found)) == len(set(content))


@settings(deadline=None, max_examples=25)
@given(labels_of_three, seeds, st.integers(12, 30))
def test_groups_never_straddle_and_neither_do_images_that_two_groups_share(labels, seed, num_groups):
    labels = np.array(labels)
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, num_groups, len(labels)).astype(str)
    content = np.arange(len(labels)).astype(str)
    content[:4] = "the same"
    try:
        parts = split_indices(labels, CLASSES, test=0.25, validation=0.15, seed=seed, identical=content, groups=groups)
    except DataError:
        return
    assert_disjoint_and_complete(parts, len(labels))
    for key in (groups, content):
        found = [set(key[indices]) for indices in parts.values()]
        assert sum(map(len, found)) == len(set(key))
    assert all(set(labels[indices]) == {0, 1, 2} for indices in parts.values())


def test_groups_of_one_size_meet_the_shares_exactly():
    # 40 groups of 5 images, half of them of each class: 1/4 is 10 groups, 3/20 is 6.
    groups = np.repeat(np.arange(40), 5)
    parts = split_indices(groups % 2, CLASSES, test=0.25, validation=0.15, seed=3, groups=groups.astype(str))
    assert {name: len(indices) for name, indices in parts.items()} == {"train": 120, "validation": 30, "test": 50}
    assert [np.mean(groups[indices] % 2) for indices in parts.values()] == [0.5, 0.5, 0.5]


def test_a_share_of_0_or_none_makes_no_set():
    labels = np.array([0, 1] * 10)
    assert list(split_indices(labels, CLASSES, test=0, validation=None, seed=0)) == ["train"]
    assert list(split_indices(labels, CLASSES, test=0.2, validation=0.0, seed=0)) == ["train", "test"]


def test_shares_are_of_everything_that_is_split():
    # As ELPV: 1803 functional and 821 defective cells.
    labels = np.array([0] * 1803 + [1] * 821)
    parts = split_indices(labels, CLASSES, test=0.25, validation=0.15, seed=0)
    assert {name: len(indices) for name, indices in parts.items()} == {
        "train": 1574,
        "validation": 394,
        "test": 656,
    }


def test_too_few_images_of_a_class_are_refused_by_name():
    with pytest.raises(DataError, match="class 'dog' has 2 different images, too few for one in each of train, val"):
        split_indices(np.array([0] * 20 + [1] * 2), CLASSES, test=0.25, validation=0.15, seed=0)


def test_copies_do_not_count_as_different_images():
    content = np.array([*map(str, range(20)), "copy", "copy", "copy"])
    with pytest.raises(DataError, match="class 'dog' has 1 different images"):
        split_indices(np.array([0] * 20 + [1] * 3), CLASSES, test=0.25, validation=None, seed=0, identical=content)


def test_too_few_groups_of_a_class_are_refused():
    groups = np.array([*map(str, range(20)), "p", "p", "q"])
    with pytest.raises(DataError, match="class 'dog' has 2 groups, too few"):
        split_indices(np.array([0] * 20 + [1] * 3), CLASSES, test=0.25, validation=0.15, seed=0, groups=groups)


def test_shares_that_leave_a_class_out_of_a_set_are_refused():
    labels = np.array([0] * 100 + [1] * 4)
    with pytest.raises(DataError, match=r"with \{test: 0\.05\} the class 'dog' would have no image in test"):
        split_indices(labels, CLASSES, test=0.05, validation=None, seed=0)
    with pytest.raises(DataError, match=r"with \{test: 0\.01\} the class 'dog' would have no image in test"):
        split_indices(labels, CLASSES, test=0.01, validation=None, seed=0)


def test_shares_that_leave_nothing_for_training_are_refused():
    with pytest.raises(DataError, match=r"test 0\.6 and validation 0\.4 leave nothing for training"):
        split_indices(np.array([0, 1] * 10), CLASSES, test=0.6, validation=0.4, seed=0)


def fill(sets, test=0.25, validation=0.25, seed=0, group=None):
    return fill_sets(sets, test=test, validation=validation, seed=seed, group=group)


def test_an_unsplit_source_gets_all_three_sets_in_source_order(make_dataset):
    source = make_dataset([0, 1] * 10)
    sets = fill({UNSPLIT: source})
    assert {name: len(dataset) for name, dataset in sets.items()} == {"train": 10, "validation": 5, "test": 5}
    for dataset in sets.values():
        places = [int(path.partition("#")[2]) for path in dataset.paths]
        assert places == sorted(places)


def test_a_set_that_the_source_has_is_kept_and_the_missing_one_is_taken_from_train(make_dataset):
    train, test = make_dataset([0, 1] * 10), make_dataset([0, 1], name="other.npz")
    sets = fill({"train": train, "test": test})
    assert sets["test"] is test
    assert {name: len(dataset) for name, dataset in sets.items()} == {"train": 15, "test": 2, "validation": 5}


def test_unsplit_images_beside_all_sets_are_for_training(make_dataset):
    sets = {name: make_dataset([0, 1], name=name) for name in ("train", "validation", "test", UNSPLIT)}
    filled = fill(sets)
    assert filled["train"].paths.tolist() == ["train#0", "train#1", "unsplit#0", "unsplit#1"]
    assert len(filled["test"]) == len(filled["validation"]) == 2


def test_a_source_without_training_images_is_left_as_it_is(make_dataset):
    assert list(fill({"test": make_dataset([0, 1])})) == ["test"]


def test_the_column_of_groups_keeps_them_together(make_dataset):
    source = make_dataset([0, 1] * 20, patient=[f"p{index // 4}" for index in range(40)])
    found = [set(dataset.columns["patient"]) for dataset in fill({UNSPLIT: source}, group="patient").values()]
    assert sum(map(len, found)) == 10


def test_an_unknown_or_incomplete_column_of_groups_is_refused(make_dataset):
    source = make_dataset([0, 1] * 10, patient=["p"] * 19 + [""])
    with pytest.raises(DataError, match=r"data\.split\.group: unknown column 'patent'. Did you mean 'patient'"):
        fill({UNSPLIT: source}, group="patent")
    with pytest.raises(DataError, match=r"the column 'patient' is empty for cells.npz#19"):
        fill({UNSPLIT: source}, group="patient")
    with pytest.raises(DataError, match="the source has no columns"):
        fill({UNSPLIT: make_dataset([0, 1] * 10)}, group="patient")
