import threading
from itertools import chain

import keras
import numpy as np
import pytest

from kbin.engine.batches import Batches, in_batches
from kbin.engine.inputs import ArrayInputs

_COUNT = 10


class _Weighted:
    """Targets that are ten times the sample, and weights that are a hundred times."""

    def take(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        return 10 * positions, 100 * positions


def _batches(seed: int | None = 0, **settings) -> Batches:
    """Sample k is the number k, its label 10 k."""
    numbers = np.arange(_COUNT)
    return Batches(ArrayInputs(numbers), 10 * numbers, 4, seed=seed, **settings)


def _epoch(batches: Batches) -> list[list[int]]:
    """Takes an epoch as `fit` does, and returns the samples of each batch."""
    taken = [batches[index][0].tolist() for index in range(batches.num_batches)]
    batches.on_epoch_end()
    return taken


def test_every_sample_comes_once_an_epoch_and_the_last_batch_may_be_smaller():
    batches = _batches()
    for _ in range(3):
        taken = _epoch(batches)
        assert [len(batch) for batch in taken] == [4, 4, 2]
        assert sorted(chain(*taken)) == list(range(_COUNT))


def test_labels_go_with_their_samples():
    batches = _batches()
    for index in range(batches.num_batches):
        samples, labels = batches[index]
        np.testing.assert_array_equal(labels, 10 * samples)


def test_targets_and_weights_take_the_place_of_labels():
    numbers = np.arange(_COUNT)
    batches = Batches(ArrayInputs(numbers), numbers, 4, _Weighted(), seed=0)
    for index in range(batches.num_batches):
        samples, targets, weights = batches[index]
        np.testing.assert_array_equal(targets, 10 * samples)
        np.testing.assert_array_equal(weights, 100 * samples)


def test_epochs_go_on_where_an_earlier_fit_ended():
    whole, second = _batches(), _batches(first_epoch=2)
    orders = [_epoch(whole) for _ in range(4)]
    assert [_epoch(second) for _ in range(2)] == orders[2:]


def test_every_epoch_has_an_order_of_its_own_that_the_seed_repeats():
    first, second, other = (_batches(seed) for seed in (7, 7, 8))
    epochs = [_epoch(first) for _ in range(3)]
    assert [_epoch(second) for _ in range(3)] == epochs
    assert epochs[0] != epochs[1] != epochs[2]
    assert _epoch(other) != epochs[0]


def test_the_order_depends_on_neither_inputs_nor_batches_taken_nor_global_generators():
    features = Batches(ArrayInputs(np.random.default_rng(1).normal(size=(_COUNT, 3))), np.arange(_COUNT), 4, seed=7)
    np.random.seed(5)  # noqa: NPY002 - Keras draws from the global generator
    images = Batches(ArrayInputs(np.zeros((_COUNT, 2, 2, 3))), np.arange(_COUNT), 4, seed=7)
    _ = features[0]  # an epoch that is broken off
    for batches in (features, images):
        batches.on_epoch_end()
    assert [features[index][1].tolist() for index in range(3)] == [images[index][1].tolist() for index in range(3)]


def test_without_a_seed_the_order_stays():
    batches = _batches(seed=None)
    assert [_epoch(batches) for _ in range(2)] == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]] * 2


def test_a_batch_that_is_asked_for_out_of_order_is_the_same():
    batches = _batches()
    in_order = [batches[index][0].tolist() for index in range(3)]
    assert [batches[index][0].tolist() for index in (2, 0, 1)] == [in_order[2], in_order[0], in_order[1]]


def _fitted(seed: int) -> list[list[int]]:
    """Returns the batches that a `fit` of two epochs trains on."""
    seen: list[list[int]] = []

    class _Model(keras.Model):
        def call(self, samples):
            return samples

        def train_step(self, data):
            seen.append(keras.ops.convert_to_numpy(data[0]).tolist())
            return {}

    model = _Model()
    model.compile()
    model.fit(_batches(seed), epochs=2, shuffle=False, verbose=0)
    return seen


def test_fit_trains_on_every_sample_once_an_epoch_in_an_order_that_the_seed_repeats():
    seen = _fitted(7)
    first, second = list(chain(*seen[:3])), list(chain(*seen[3:]))
    assert sorted(first) == sorted(second) == list(range(_COUNT))
    assert first != second
    assert _fitted(7) == seen
    assert _fitted(8) != seen


@pytest.mark.parametrize("count", [0, 1, 4, 9, 50])
def test_in_batches_yields_all_inputs_in_order(count):
    yielded = [batch.tolist() for batch in in_batches(ArrayInputs(np.arange(count)), 4)]
    assert list(chain(*yielded)) == list(range(count))
    assert all(len(batch) == 4 for batch in yielded[:-1])


class _Waiting:
    """Inputs that note what is taken; all but the first batch wait."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.go_on = threading.Event()

    def __len__(self) -> int:
        return 100

    def take(self, indices: np.ndarray) -> np.ndarray:
        self.taken.append(int(indices[0]))
        assert indices[0] == 0 or self.go_on.wait(10)
        return indices


def test_who_leaves_early_does_not_wait_for_batches_that_nobody_takes():
    inputs = _Waiting()
    batches = in_batches(inputs, 10)
    next(batches)
    threading.Timer(0.2, inputs.go_on.set).start()
    batches.close()
    assert inputs.taken in ([0], [0, 10])
