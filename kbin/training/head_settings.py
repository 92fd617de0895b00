"""What is asked of heads that train together, and what comes back."""

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kbin.config.training import TrainingConfig


@dataclass(frozen=True)
class HeadShape:
    """What all heads of one problem have in common.

    Attributes:
        hidden_units: Sizes of the hidden layers.
        output: "sigmoid" or "softmax".
        num_classes: Two or more.
        standardize: Whether features are standardised on each part's training features.
    """

    hidden_units: tuple[int, ...]
    output: str
    num_classes: int
    standardize: bool

    @property
    def num_outputs(self) -> int:
        """1 for a sigmoid output, else the number of classes."""
        return 1 if self.output == "sigmoid" else self.num_classes

    def num_parameters(self, num_features: int) -> int:
        """Returns the number of trained weights of one head."""
        sizes = (num_features, *self.hidden_units, self.num_outputs)
        return sum((entering + 1) * units for entering, units in itertools.pairwise(sizes))


@dataclass(frozen=True)
class HeadSettings:
    """What one head has of its own.

    Attributes:
        training: The settings in force.
        dropout: Rate of the dropout after each hidden layer, or on the features where there is none.
    """

    training: TrainingConfig
    dropout: float = 0.0


@dataclass(frozen=True)
class HeadData:
    """What every head trains on once, and is asked about then; positions in the features, shape (any number,) each.

    Attributes:
        train: Trained on.
        held_out: Predicted.
        validation: Predicted too, and what early stopping watches; None where there is none.
        seed: Of initial weights, order of batches and dropout.
    """

    train: np.ndarray
    held_out: np.ndarray
    validation: np.ndarray | None
    seed: int


@dataclass(frozen=True)
class HeadOutcome:
    """What one head says after training on one part.

    Attributes:
        epoch: Whose weights were kept, counted from 1.
        held_out: Probabilities in Keras's floatx, shape (n,) for a sigmoid output, (n, num_classes) for softmax.
        validation: Of the validation samples, likewise; None where there are none.
        error: Why the head is of no use; None where all is well.
    """

    epoch: int
    held_out: np.ndarray
    validation: np.ndarray | None
    error: str | None


@dataclass(frozen=True)
class Slot:
    """One training that serves several heads: those which differ in nothing but where they stop.

    Attributes:
        settings: Of all of them but for the epochs, which are those of the longest.
        heads: Epoch after which a head is done -> the heads, as places among those that were given.
    """

    settings: HeadSettings
    heads: dict[int, list[int]]

    @property
    def training(self) -> TrainingConfig:
        """The settings of training."""
        return self.settings.training

    def done_after(self, epoch: int) -> list[int]:
        """Returns the heads that are done after an epoch in which some are; early stopping comes before the last."""
        return self.heads.get(epoch) or self.heads[self.training.epochs]


def slots_of(heads: Sequence[HeadSettings]) -> list[Slot]:
    """Returns the trainings that give all heads, in the order of their dropout rates.

    With a constant rate and no early stopping, training for three epochs is the beginning of training for nine.
    """
    longest: dict[Hashable, HeadSettings] = {}
    stops: dict[Hashable, dict[int, list[int]]] = {}
    for place, head in enumerate(heads):
        key, epochs = _slot_key(head), head.training.epochs
        stops.setdefault(key, {}).setdefault(epochs, []).append(place)
        if key not in longest or epochs > longest[key].training.epochs:
            longest[key] = head
    slots = [Slot(settings, stops[key]) for key, settings in longest.items()]
    return sorted(slots, key=lambda slot: slot.settings.dropout)


def _slot_key(head: HeadSettings) -> Hashable:
    training = head.training
    ignored = {"seeds"}
    if training.schedule == "constant" and training.early_stopping is None:
        ignored.add("epochs")
    return training.model_dump_json(exclude=ignored), head.dropout


def together_key(settings: HeadSettings) -> tuple[Hashable, ...]:
    """Returns what heads of one `train_heads` call must have in common."""
    training = settings.training
    stopping = training.early_stopping
    return (
        training.optimizer,
        training.loss,
        training.focal_gamma if training.loss == "focal" else None,
        training.batch_size,
        training.sampling,
        None if stopping is None else (stopping.patience, stopping.monitor),
    )


def can_be_stacked(settings: HeadSettings) -> bool:
    """Returns whether the head can train beside others; arithmetic in bfloat16 is torch's autocast of a Keras model."""
    return settings.training.precision == "float32"
