from collections import Counter

import numpy as np
import pytest

from kbin.engine.batches import Batches
from kbin.engine.inputs import ArrayInputs
from kbin.engine.sampling import epoch_order, epoch_size

# 2 of class 0, 7 of class 1
LABELS = np.array([1, 1, 0, 1, 1, 1, 0, 1, 1])


def order(sampling: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return epoch_order(LABELS, sampling, np.random.default_rng(seed))


@pytest.mark.parametrize(("sampling", "size"), [("none", 9), ("oversample", 14), ("undersample", 4)])
def test_an_epoch_has_as_many_samples_of_every_class(sampling: str, size: int) -> None:
    drawn, _ = order(sampling)
    assert epoch_size(LABELS, sampling) == len(drawn) == size
    if sampling != "none":
        assert Counter(LABELS[drawn].tolist()) == {0: size // 2, 1: size // 2}


def test_oversampling_takes_every_sample_and_those_of_the_small_class_about_equally_often() -> None:
    times = Counter(order("oversample")[0].tolist())
    assert [times[index] for index in np.flatnonzero(LABELS == 1)] == [1] * 7
    assert sorted(times[index] for index in np.flatnonzero(LABELS == 0)) == [3, 4]


def test_undersampling_draws_another_part_of_the_large_class_in_another_epoch() -> None:
    assert len(set(order("undersample")[0].tolist())) == 4
    parts = {frozenset(order("undersample", seed)[0].tolist()) for seed in range(20)}
    assert len(parts) > 5
    assert set().union(*parts) == set(range(9))


def test_what_came_before_is_counted() -> None:
    drawn, earlier = order("oversample")
    for position, index in enumerate(drawn):
        assert earlier[position] == (drawn[:position] == index).sum()


def test_a_sample_that_comes_again_in_an_epoch_is_seen_in_another_view() -> None:
    views = np.arange(9 * 8)  # view v of sample i is the number 9 v + i
    batches = Batches(ArrayInputs(views), LABELS, 14, seed=0, num_views=8, sampling="oversample")
    seen, labels = batches[0]
    assert batches.num_batches == 1
    assert len(set(seen.tolist())) == 14
    np.testing.assert_array_equal(labels, LABELS[seen % 9])
