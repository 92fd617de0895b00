"""Batches for `model.fit`: one order a seed and epoch, whatever the inputs are."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from kbin.engine.inputs import Inputs


class Batches(keras.utils.PyDataset):
    """Batches of (inputs, labels[, sample weights]).

    With a seed, the order is shuffled anew every epoch and depends on nothing but seed, epoch and number of samples:
    cut and uncut training see the same batches. The next batch is prepared while the current one trains. Give `fit`
    `shuffle=False`: Keras would shuffle the batches once more, from its global generator.

    Args:
        inputs: The samples; with views, view v of sample i is at `v * len(labels) + i`.
        labels: shape (n,), integers.
        batch_size: Samples of a batch; the last one may be smaller.
        sample_weights: shape (n,).
        seed: Of the order and of which view comes first; None keeps the order.
        num_views: Views of each sample. Every epoch takes the next one, from a first one drawn for each sample.
    """

    def __init__(
        self,
        inputs: Inputs,
        labels: np.ndarray,
        batch_size: int,
        sample_weights: np.ndarray | None = None,
        seed: int | None = None,
        num_views: int = 1,
    ):
        # One worker, which is the caller: the lookahead below keeps the order and needs no pool of Keras's.
        super().__init__(workers=1)
        self._inputs, self._labels, self._batch_size = inputs, labels, batch_size
        self._sample_weights, self._seed, self._num_views, self._epoch = sample_weights, seed, num_views, 0
        self._executor = ThreadPoolExecutor(1)
        self._ahead: dict[int, Future[np.ndarray]] = {}
        self._order = self._new_order()

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, the last one possibly smaller."""
        return -(-len(self._labels) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        future = self._ahead.pop(index, None) or self._submit(index)
        if index + 1 < self.num_batches and index + 1 not in self._ahead:
            self._ahead[index + 1] = self._submit(index + 1)
        chosen = self._indices(index) % len(self._labels)
        batch = (future.result(), self._labels[chosen])
        return batch if self._sample_weights is None else (*batch, self._sample_weights[chosen])

    def on_epoch_end(self) -> None:
        """Draws the next epoch's order."""
        self._epoch += 1
        self._ahead.clear()
        self._order = self._new_order()

    def _submit(self, index: int) -> "Future[np.ndarray]":
        return self._executor.submit(self._inputs.take, self._indices(index))

    def _indices(self, index: int) -> np.ndarray:
        return self._order[index * self._batch_size : (index + 1) * self._batch_size]

    def _new_order(self) -> np.ndarray:
        """Returns positions in the inputs: a sample's own, or that of the view whose turn it is."""
        count = len(self._labels)
        if self._seed is None:
            return np.arange(count)
        order = np.random.default_rng([self._seed, self._epoch]).permutation(count)
        if self._num_views == 1:
            return order
        first_view = np.random.default_rng([self._seed, count]).integers(0, self._num_views, count)
        return (first_view[order] + self._epoch) % self._num_views * count + order


_BATCHES_AHEAD = 4


def in_batches(inputs: Inputs, batch_size: int) -> Iterator[np.ndarray]:
    """Yields all inputs in order; the next batches are prepared while the caller works on this one."""
    ahead: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(1) as executor:
        for start in range(0, len(inputs), batch_size):
            indices = np.arange(start, min(start + batch_size, len(inputs)))
            ahead.append(executor.submit(inputs.take, indices))
            if len(ahead) > _BATCHES_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
