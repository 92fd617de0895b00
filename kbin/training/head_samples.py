"""The samples that the heads of one part see: features as they enter the first trained layer, and labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import keras
import numpy as np
import torch

from kbin.engine.batches import epoch_positions
from kbin.engine.inputs import Inputs, in_memory
from kbin.models.standardization import training_moments

_AT_ONCE = 256  # samples, in what is not a training step
_KEPT_BYTES = 2**28  # of features that are copied to memory for the time of a call


@dataclass(frozen=True)
class Samples:
    """All samples of a problem.

    Attributes:
        features: shape (num_features,) each.
        labels: shape (n,), class indices.
        views: Augmented features to train on; view v of sample i is at `v * n + i`. None trains on `features`.
        num_views: Views of each sample.
    """

    features: Inputs
    labels: np.ndarray
    views: Inputs | None = None
    num_views: int = 1

    def at_hand(self) -> "Samples":
        """Returns the same with features in memory, where they are few."""
        views = None if self.views is None else in_memory(self.views, _KEPT_BYTES)
        return replace(self, features=in_memory(self.features, _KEPT_BYTES), views=views)


class PartSamples:
    """The samples of a problem as one part sees them.

    Args:
        samples: All of them.
        train: shape (num_train,), positions of the part's training samples.
        standardize: Standardise on these.
        dtype: Of the features.
    """

    def __init__(self, samples: Samples, train: np.ndarray, standardize: bool, dtype: torch.dtype):
        self._samples, self._train, self._dtype = samples, train, dtype
        self.train_labels = samples.labels[train]
        self._mean_and_deviation: tuple[torch.Tensor, torch.Tensor] | None = None
        if standardize:
            blocks = (samples.features.take(positions) for positions in _in_blocks(train))
            mean, variance = (torch.from_numpy(values).to(dtype) for values in training_moments(blocks))
            self._mean_and_deviation = mean, variance.sqrt().clamp_min(keras.config.epsilon())

    def order(self, seed: int, epoch: int, sampling: str) -> np.ndarray:
        """Returns what `training` is asked for in an epoch, counted from 1, in order."""
        return epoch_positions(self.train_labels, seed, epoch, self._samples.num_views, sampling)

    def training(self, positions: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """Returns a training batch.

        Args:
            positions: shape (batch,), in the part's training samples; of view v beyond v times their number.

        Returns:
            Features, shape (batch, num_features), and labels, shape (batch,).
        """
        view, place = np.divmod(positions, len(self._train))
        samples = self._samples
        inputs = samples.features if samples.views is None else samples.views
        taken = inputs.take(view * len(samples.labels) + self._train[place])
        return self._entering(taken), self.train_labels[place]

    def blocks(self, positions: np.ndarray) -> Iterator[torch.Tensor]:
        """Yields the features of samples of the problem in order, shape (any number, num_features) each."""
        for some in _in_blocks(positions):
            yield self._entering(self._samples.features.take(some))

    def labels(self, positions: np.ndarray) -> np.ndarray:
        """Returns the labels of samples of the problem."""
        return self._samples.labels[positions]

    def _entering(self, features: np.ndarray) -> torch.Tensor:
        values = torch.from_numpy(np.asarray(features)).to(self._dtype)
        if self._mean_and_deviation is None:
            return values
        mean, deviation = self._mean_and_deviation
        return (values - mean).div_(deviation)


def _in_blocks(positions: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(positions), _AT_ONCE):
        yield positions[start : start + _AT_ONCE]
