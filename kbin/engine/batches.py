"""Batches for `model.fit`: one order a seed and epoch, whatever the inputs are."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import keras
import numpy as np

from kbin.engine.inputs import Inputs
from kbin.engine.sampling import epoch_order, epoch_size


class Targets(Protocol):
    """What the loss compares the outputs of samples with, by the samples' positions."""

    def take(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns targets, and the samples' weights where they have some, shape (len(positions), ...) each."""
        ...


class Batches(keras.utils.PyDataset):
    """Batches of (inputs, labels), or of (inputs, targets[, sample weights]) where `targets` gives these.

    With a seed, the order is shuffled anew every epoch and depends on nothing but seed, epoch and labels: cut and uncut
    training see the same batches. The next batch is prepared while the current one trains. Give `fit` `shuffle=False`:
    Keras would shuffle the batches once more, from its global generator.

    Args:
        inputs: The samples; with views, view v of sample i is at `v * len(labels) + i`.
        labels: shape (n,), integers.
        batch_size: Samples of a batch; the last one may be smaller.
        targets: What the loss compares with, in place of the labels.
        seed: Of the order and of which view comes first; None keeps the order.
        num_views: Views of each sample. Every epoch takes the next one, from a first one drawn for each sample.
        sampling: "none", "oversample" or "undersample"; with a seed only.
        first_epoch: The number of epochs that came before, in an earlier `fit`.
    """

    def __init__(  # noqa: PLR0913 - all but three have a default that leaves them alone
        self,
        inputs: Inputs,
        labels: np.ndarray,
        batch_size: int,
        targets: Targets | None = None,
        *,
        seed: int | None = None,
        num_views: int = 1,
        sampling: str = "none",
        first_epoch: int = 0,
    ):
        # One worker, which is the caller: the lookahead below keeps the order and needs no pool of Keras's.
        super().__init__(workers=1)
        self._inputs, self._labels, self._batch_size, self._targets = inputs, labels, batch_size, targets
        self._seed, self._num_views, self._sampling, self._epoch = seed, num_views, sampling, first_epoch
        self._executor = ThreadPoolExecutor(1)
        self._ahead: dict[int, Future[tuple[np.ndarray, ...]]] = {}
        self._order = self._new_order()

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, the last one possibly smaller."""
        return -(-epoch_size(self._labels, self._sampling) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        future = self._ahead.pop(index, None) or self._submit(index)
        if index + 1 < self.num_batches and index + 1 not in self._ahead:
            self._ahead[index + 1] = self._submit(index + 1)
        return future.result()

    def skip_epochs(self, number: int) -> None:
        """Goes on as if so many more epochs had been trained."""
        self._epoch += number

    def on_epoch_end(self) -> None:
        """Draws the next epoch's order."""
        self._epoch += 1
        self._ahead.clear()
        self._order = self._new_order()

    def _submit(self, index: int) -> "Future[tuple[np.ndarray, ...]]":
        return self._executor.submit(
            self._batch, self._order[index * self._batch_size : (index + 1) * self._batch_size]
        )

    def _batch(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        if self._targets is None:
            return self._inputs.take(positions), self._labels[positions % len(self._labels)]
        return self._inputs.take(positions), *self._targets.take(positions)

    def _new_order(self) -> np.ndarray:
        if self._seed is None:
            return np.arange(len(self._labels))
        return epoch_positions(self._labels, self._seed, self._epoch, self._num_views, self._sampling)


def epoch_positions(
    labels: np.ndarray, seed: int, epoch: int, num_views: int = 1, sampling: str = "none"
) -> np.ndarray:
    """Returns the positions in the inputs that an epoch trains on, in order: a sample's own, or its next view's.

    Keras's `fit` announces the end of an epoch before the first one too, so that it trains on epochs 1, 2, ...

    Args:
        labels: shape (n,), integers.
        seed: Of the order and of which view comes first.
        epoch: Counted from 0.
        num_views: Views of each sample; view v of sample i is at `v * n + i`.
        sampling: "none", "oversample" or "undersample".
    """
    count = len(labels)
    order, earlier = epoch_order(labels, sampling, np.random.default_rng([seed, epoch]))
    if num_views == 1:
        return order
    first_view = np.random.default_rng([seed, count]).integers(0, num_views, count)
    return (first_view[order] + epoch + earlier) % num_views * count + order


_BATCHES_AHEAD = 4


def in_batches(inputs: Inputs, batch_size: int) -> Iterator[np.ndarray]:
    """Yields all inputs in order; the next batches are prepared while the caller works on this one."""
    ahead: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(1) as executor:
        try:
            for start in range(0, len(inputs), batch_size):
                indices = np.arange(start, min(start + batch_size, len(inputs)))
                ahead.append(executor.submit(inputs.take, indices))
                if len(ahead) > _BATCHES_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:  # who leaves early need not wait for batches that nobody takes
            executor.shutdown(wait=False, cancel_futures=True)
