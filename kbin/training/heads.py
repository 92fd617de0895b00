"""Trains many heads on stored features as one problem; each comes out as `trainer.train` would train it alone.

The heads of a part (a fold and seed) see the same batches: a step gathers the features once, one matrix product serves
all heads, and what differs from head to head is a row of a stack. Parts train one after the other, so that they may
have any sizes, and a head that stops early in one of them costs nothing more there.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock

import keras
import numpy as np
import torch

from kbin.engine.inputs import Inputs
from kbin.models.classifiers import build_head
from kbin.torch_threads import torch_threads
from kbin.training.head_losses import HeadLoss
from kbin.training.head_samples import PartSamples, Samples
from kbin.training.head_settings import (
    HeadData,
    HeadOutcome,
    HeadSettings,
    HeadShape,
    Slot,
    can_be_stacked,
    slots_of,
    together_key,
)
from kbin.training.head_stack import Stack
from kbin.training.head_training import PartTraining
from kbin.training.trainer import check_watchable

__all__ = [
    "HeadData",
    "HeadOutcome",
    "HeadSettings",
    "HeadShape",
    "can_be_stacked",
    "heads_at_once",
    "together_key",
    "train_heads",
]

_KERAS_SEED = Lock()  # initial weights are drawn from generators that all threads share


def train_heads(  # noqa: PLR0913 - named values, not the configuration tree
    features: Inputs,
    labels: np.ndarray,
    classes: Sequence[str],
    shape: HeadShape,
    heads: Sequence[HeadSettings],
    parts: Sequence[HeadData],
    *,
    views: Inputs | None = None,
    num_views: int = 1,
    advance: Callable[[int], None] | None = None,
) -> list[list[HeadOutcome]]:
    """Trains every head on every part.

    Several threads may call it at the same time. It computes on the CPU, in Keras's floatx.

    Args:
        features: shape (num_features,) each.
        labels: shape (n,), class indices of all features.
        classes: Class names in label order.
        shape: Of all heads.
        heads: What each has of its own; alike in what `together_key` names.
        parts: What they train on and are asked about.
        views: Augmented features to train on; view v of sample i is at `v * n + i`.
        num_views: Views of each sample.
        advance: Is told how many outcomes are new; there are `len(heads) * len(parts)`.

    Returns:
        The outcomes, first by part and then by head.

    Raises:
        ValueError: The heads cannot train together.
        DataError: Early stopping has no validation samples, or not of the classes that its metric needs.
    """
    if not heads:
        return [[] for _ in parts]
    _check(heads, labels, shape, parts)
    samples = Samples(features, labels.astype(np.int64), views, num_views).at_hand()  # torch takes uint8 for a mask
    slots = slots_of(heads)
    outcomes: list[list[HeadOutcome]] = []
    for part in parts:
        of_part: dict[int, HeadOutcome] = {}

        def done(head: int, outcome: HeadOutcome, of_part: dict[int, HeadOutcome] = of_part) -> None:
            of_part[head] = outcome
            if advance is not None:
                advance(1)

        # Steps this small are many times slower on several threads, and rounded otherwise. Gradients are not torch's,
        # but where a loss enables them for itself.
        with torch_threads(1), torch.no_grad():
            _part_training(samples, classes, shape, slots, part).run(done)
        outcomes.append([of_part[head] for head in range(len(heads))])
    return outcomes


def heads_at_once(shape: HeadShape, num_features: int, num_parts: int) -> int:
    """Returns how many heads one call should be given; a constant of the shapes, so that no outcome hangs on a machine.

    Beyond 256 heads of one layer the work of a step that heads share no longer counts, and the weights, six times over,
    outgrow the caches.

    Args:
        shape: Of the heads.
        num_features: Of each sample.
        num_parts: How many there are; they train one after the other, so that they do not matter.
    """
    return max(4, min(256, 2**19 // shape.num_parameters(num_features)))


def _check(heads: Sequence[HeadSettings], labels: np.ndarray, shape: HeadShape, parts: Sequence[HeadData]) -> None:
    keys = {together_key(head) for head in heads}
    if len(keys) > 1 or not all(map(can_be_stacked, heads)):
        raise ValueError(f"these heads cannot train together: {sorted(map(str, keys))}.")
    stopping = heads[0].training.early_stopping
    if stopping is not None:
        for part in parts:
            watched = None if part.validation is None else labels[part.validation]
            check_watchable(stopping.monitor, watched, shape.num_classes)


def _part_training(
    samples: Samples, classes: Sequence[str], shape: HeadShape, slots: Sequence[Slot], part: HeadData
) -> PartTraining:
    floatx = keras.config.floatx()
    dtype = getattr(torch, floatx)
    own = PartSamples(samples, part.train, shape.standardize, dtype)
    num_features = samples.features.take(part.train[:1]).shape[1]
    initial = [_initial_weights(shape, num_features, part.seed, slot.settings.dropout > 0, floatx) for slot in slots]
    training = slots[0].training
    return PartTraining(
        slots=slots,
        weights=Stack.of_weights(initial, dtype),
        samples=own,
        part=part,
        classes=classes,
        loss=HeadLoss(training.loss, training.focal_gamma, shape.output),
    )


@lru_cache(maxsize=16)
def _initial_weights(
    shape: HeadShape, num_features: int, seed: int, has_dropout: bool, floatx: str
) -> tuple[np.ndarray, ...]:
    """Returns kernels and biases as Keras draws them; a dropout layer draws a seed, and so changes what comes after."""
    with _KERAS_SEED:
        head = build_head(
            num_features,
            seed=seed,
            hidden_units=shape.hidden_units,
            dropout=0.5 if has_dropout else 0.0,
            num_classes=shape.num_classes,
            output=shape.output,
        )
        return tuple(head.get_weights())
