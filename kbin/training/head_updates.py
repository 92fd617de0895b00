"""Keras's own updates of weights, for several heads with a learning rate each.

The optimizers of torch take one rate, and their AdamW is not Keras's: weight decay and epsilon enter at other places.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import keras
import numpy as np
import torch

from kbin.config.training import TrainingConfig
from kbin.training.compilation import learning_rate_schedule
from kbin.training.head_stack import Stack

_BETA_1, _BETA_2, _EPSILON, _MOMENTUM = 0.9, 0.999, 1e-7, 0.9


class Update(Protocol):
    """Moves weights by their gradients, and remembers what it needs for the next step."""

    def step(self, weights: Stack, gradients: Stack, rates: torch.Tensor) -> None:
        """Moves the weights; `rates` are the learning rates of the heads at this step, shape (num_heads,)."""
        ...

    def rows(self, rows: Sequence[int]) -> "Update":
        """Returns the same for some of the heads."""
        ...


class AdamUpdate:
    """Adam, and AdamW after `decay`.

    Source:
        Keras 3.15, `backend/torch/optimizers/torch_adam.py`; Kingma & Ba 2015 (arXiv 1412.6980), the form before
        section 2.1, in which epsilon is added to the root that is not corrected for bias.
    """

    def __init__(self, momentum: Stack, velocity: Stack, num_steps: int = 0):
        self._momentum, self._velocity, self._num_steps = momentum, velocity, num_steps
        self._change = momentum.zeros()

    def step(self, weights: Stack, gradients: Stack, rates: torch.Tensor) -> None:
        """Moves the weights."""
        self._num_steps += 1
        momentum, velocity, change = self._momentum.flat, self._velocity.flat, self._change.flat
        momentum.mul_(_BETA_1).add_(gradients.flat, alpha=1 - _BETA_1)
        velocity.mul_(_BETA_2).addcmul_(gradients.flat, gradients.flat, value=1 - _BETA_2)
        torch.sqrt(velocity, out=change).add_(_EPSILON)
        torch.div(momentum, change, out=change)
        # In the precision of the weights, like Keras: 1 - .999 is known to four digits only in float32.
        number = np.float64 if rates.dtype == torch.float64 else np.float32
        lost_1, lost_2 = (1 - number(beta) ** number(self._num_steps) for beta in (_BETA_1, _BETA_2))
        sizes = rates * float(np.sqrt(lost_2)) / float(lost_1)
        _add_scaled(weights, self._change, -sizes)

    def rows(self, rows: Sequence[int]) -> "AdamUpdate":
        """Returns the same for some of the heads."""
        return AdamUpdate(self._momentum.rows(rows), self._velocity.rows(rows), self._num_steps)


class SgdUpdate:
    """Gradient descent with momentum.

    Source:
        Keras 3.15, `backend/torch/optimizers/torch_sgd.py`.
    """

    def __init__(self, momentum: Stack):
        self._momentum = momentum

    def step(self, weights: Stack, gradients: Stack, rates: torch.Tensor) -> None:
        """Moves the weights."""
        self._momentum.flat.mul_(_MOMENTUM)
        _add_scaled(self._momentum, gradients, -rates)
        weights.flat.add_(self._momentum.flat)

    def rows(self, rows: Sequence[int]) -> "SgdUpdate":
        """Returns the same for some of the heads."""
        return SgdUpdate(self._momentum.rows(rows))


def new_update(optimizer: str, weights: Stack) -> Update:
    """Returns the update of "adamw", "adam" or "sgd"; weight decay is `decay`'s business."""
    return SgdUpdate(weights.zeros()) if optimizer == "sgd" else AdamUpdate(weights.zeros(), weights.zeros())


def decay(weights: Stack, shares: torch.Tensor) -> None:
    """Takes a share of every weight away, biases included, as Keras does between gradient and update.

    Args:
        weights: Of the heads.
        shares: shape (num_heads,), weight decay times learning rate.
    """
    _add_scaled(weights, weights, -shares)


def decay_of(training: TrainingConfig) -> float:
    """Returns the weight decay in force: Adam has none."""
    return 0.0 if training.optimizer == "adam" else training.weight_decay


def _add_scaled(target: Stack, source: Stack, scales: torch.Tensor) -> None:
    for own, value in zip(target.tensors, source.tensors, strict=True):
        own.addcmul_(value, scales.view(-1, *[1] * (own.dim() - 1)))


def learning_rates(settings: Sequence[TrainingConfig], steps_per_epoch: int, epoch: int) -> np.ndarray:
    """Returns the learning rate of each step of an epoch for each head, shape (steps_per_epoch, num_heads).

    Args:
        settings: Of the heads.
        steps_per_epoch: Batches of an epoch.
        epoch: Counted from 1.
    """
    floatx = keras.config.floatx()
    steps = slice((epoch - 1) * steps_per_epoch, epoch * steps_per_epoch)
    columns = [
        np.asarray(one.rate(trains_backbone=False), floatx)
        * _factors(one.schedule, one.warmup_epochs, one.epochs, steps_per_epoch, floatx)[steps]
        for one in settings
    ]
    return np.stack(columns, axis=1)


@lru_cache(maxsize=256)
def _factors(schedule: str, warmup_epochs: int, epochs: int, steps_per_epoch: int, floatx: str) -> np.ndarray:
    """Returns Keras's schedule for a rate of 1, shape (steps of the whole training,); it is linear in the rate.

    The rise of the warm-up and what follows are asked for one by one: Keras answers many steps at once then.
    """
    num_steps = epochs * steps_per_epoch
    rising = min(warmup_epochs, epochs)
    if schedule == "cosine" and rising:
        # A warm-up as long as the training leaves nothing to fall; all of it is a rise that is cut off.
        rise = _factors("constant", warmup_epochs, rising, steps_per_epoch, floatx)
        fall = _factors("cosine", 0, epochs - rising, steps_per_epoch, floatx) if epochs > rising else rise[:0]
        return np.concatenate([rise, fall])
    settings = TrainingConfig(schedule=schedule, warmup_epochs=warmup_epochs, epochs=epochs)
    at_step = learning_rate_schedule(1.0, settings, steps_per_epoch)
    if isinstance(at_step, float):
        return np.ones(num_steps, floatx)
    return np.asarray(keras.ops.convert_to_numpy(at_step(np.arange(num_steps))), floatx)
