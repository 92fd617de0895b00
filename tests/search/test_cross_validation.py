import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbin.errors import DataError
from kbin.search.cross_validation import FoldPlan, make_folds
from tests.search.datasets import dataset

PLAN = FoldPlan(folds=5, repeats=1, seed=0, training_seeds=(0, 1, 2))


def plan(**changes) -> FoldPlan:
    return FoldPlan(**(vars(PLAN) | changes))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 2), min_size=40, max_size=90).filter(lambda x: np.bincount(x, minlength=3).min() >= 5),
    st.integers(2, 5),
    st.integers(0, 1000),
)
def test_every_image_is_held_out_once_and_never_trained_on_in_that_fold(labels, folds, seed):
    made = make_folds(dataset(labels), plan(folds=folds, seed=seed))
    assert len(made) == folds
    assert sorted(np.concatenate([fold.held_out for fold in made])) == list(range(len(labels)))
    for fold in made:
        assert sorted([*fold.train, *fold.held_out]) == list(range(len(labels)))


def test_classes_are_shared_out_to_one_image():
    labels = np.array([0] * 33 + [1] * 12)
    for fold in make_folds(dataset(labels), PLAN):
        assert abs((labels[fold.held_out] == 0).sum() - 33 / 5) < 1
        assert abs((labels[fold.held_out] == 1).sum() - 12 / 5) < 1


def test_images_of_a_group_are_held_out_together():
    labels = [0, 1] * 30
    groups = [f"slide {number // 4}" for number in range(60)]
    for fold in make_folds(dataset(labels, groups), plan(group="group")):
        held = {groups[place] for place in fold.held_out}
        assert not held & {groups[place] for place in fold.train}


def test_without_a_group_the_groups_are_torn_apart():
    groups = [f"slide {number // 4}" for number in range(60)]
    torn = [
        {groups[place] for place in fold.held_out} & {groups[place] for place in fold.train}
        for fold in make_folds(dataset([0, 1] * 30, groups), PLAN)
    ]
    assert all(torn)


def test_copies_are_held_out_together():
    contents = [number // 2 for number in range(60)]  # each image twice
    for fold in make_folds(dataset([0, 0, 1, 1] * 15, contents=contents), PLAN):
        assert not {contents[place] for place in fold.held_out} & {contents[place] for place in fold.train}


def test_the_validation_part_comes_out_of_the_training_part_by_class_and_group():
    labels = np.array([0, 1] * 60)
    groups = np.array([f"slide {number // 4}" for number in range(120)])
    for fold in make_folds(dataset(labels, groups), plan(group="group", validation=0.25)):
        assert sorted([*fold.train, *fold.validation, *fold.held_out]) == list(range(120))
        assert not set(groups[fold.validation]) & set(groups[fold.train])
        assert abs(len(fold.validation) - 24) <= 4  # a quarter of 96, by whole groups of 4
        assert set(labels[fold.validation]) == {0, 1}


def test_no_validation_part_is_taken_where_nothing_needs_one():
    assert all(fold.validation is None for fold in make_folds(dataset([0, 1] * 20), PLAN))


def test_repeats_divide_anew_and_train_with_the_next_seed():
    made = make_folds(dataset([0, 1] * 20), plan(repeats=4))
    assert [(fold.repeat, fold.number) for fold in made] == [(r, n) for r in range(4) for n in range(5)]
    assert [fold.seed for fold in made[::5]] == [0, 1, 2, 0]
    assert sorted(made[0].held_out) != sorted(made[5].held_out)


def test_the_same_seed_gives_the_same_folds():
    first, again = (make_folds(dataset([0, 1] * 20), PLAN) for _ in range(2))
    assert [fold.held_out.tolist() for fold in first] == [fold.held_out.tolist() for fold in again]


def test_more_folds_than_images_of_a_class_are_refused_with_what_to_set():
    with pytest.raises(DataError, match=r"class 'dog' has 3 different images.*Set search.folds to at most 3"):
        make_folds(dataset([0] * 20 + [1] * 3), PLAN)


def test_more_folds_than_groups_of_a_class_are_refused():
    with pytest.raises(DataError, match="class 'cat' has 2 groups in the training set"):
        make_folds(dataset([0, 1] * 20, ["a"] * 20 + ["b"] * 20), plan(group="group"))


def test_an_unknown_group_column_is_named():
    with pytest.raises(DataError, match=r"unknown column 'patient'.*group"):
        make_folds(dataset([0, 1] * 20, ["a"] * 40), plan(group="patient"))
