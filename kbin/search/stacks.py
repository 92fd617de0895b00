"""Trials of heads on a wholly frozen backbone: those that can be are trained at once on stored features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbin.catalogue import NONE
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.engine.inputs import Inputs, in_memory
from kbin.model_inputs import NetworkInputs
from kbin.options import MIXING
from kbin.search.cross_validation import Fold
from kbin.search.trials import Scoring, TrialOutcome
from kbin.training.heads import (
    HeadData,
    HeadSettings,
    HeadShape,
    can_be_stacked,
    heads_at_once,
    together_key,
    train_heads,
)

_BYTES_IN_MEMORY = 2 * 2**30  # of features; more are read from the store batch by batch


@dataclass(frozen=True, eq=False)
class HeadStack:
    """Heads that train at once on a fold.

    Attributes:
        combinations: Of each head: its place among the combinations of the search.
        trial_ids: Of each head's trial.
        shape: What the heads share.
        heads: What each has of its own.
        fold: What they train on.
    """

    combinations: tuple[int, ...]
    trial_ids: tuple[str, ...]
    shape: HeadShape
    heads: tuple[HeadSettings, ...]
    fold: Fold


@dataclass(frozen=True, eq=False)
class SharedFeatures:
    """What all stacks of a model train on.

    Attributes:
        scoring: Labels and how to judge.
        features: Of the training set.
        views: Of its augmented views; None where it is not augmented.
        num_views: Views of each image.
    """

    scoring: Scoring
    features: Inputs
    views: Inputs | None
    num_views: int

    @property
    def num_features(self) -> int:
        """Of each image."""
        return int(self.features.take(np.arange(1)).shape[1])

    @classmethod
    def of(cls, inputs: NetworkInputs, scoring: Scoring, *, travels: bool) -> "SharedFeatures":
        """Takes the features of a model's training set.

        Args:
            inputs: What enters the head.
            scoring: Labels and how to judge.
            travels: Whether they are sent to another machine, where the store may not be.
        """
        features = inputs.by_set["train"]
        most_bytes = math.inf if travels else _BYTES_IN_MEMORY
        views = None if inputs.training is features else in_memory(inputs.training, most_bytes)
        return cls(scoring, in_memory(features, most_bytes), views, inputs.num_views)


def is_stackable(model: ModelConfig, config: ExperimentConfig) -> bool:
    """Returns whether a model's head can be trained together with others on stored features.

    Random frozen weights differ from seed to seed, and mixed images would carry held-out ones into the training part.
    """
    mixes = any(layer.layer in MIXING for layer in config.augment)
    live_views = bool(config.augment) and config.engine.views == 0
    is_fixed = len(model.steps) == 1 and not model.steps[0].trains_backbone and model.weights != NONE
    settings = _head_settings(model, config)
    return is_fixed and config.engine.store and not mixes and not live_views and can_be_stacked(settings)


def make_stacks(
    models: Sequence[tuple[int, ModelConfig]],
    names: Sequence[Sequence[str]],
    config: ExperimentConfig,
    folds: Sequence[Fold],
    shared: SharedFeatures,
) -> list[HeadStack]:
    """Groups combinations whose heads can train together, in chunks that do not depend on the machine.

    Args:
        models: Combinations' places with what they make of the model.
        names: The trials' ids, a row a combination, a column a fold.
        config: The experiment.
        folds: Of the training set.
        shared: What all train on.
    """
    groups: dict[tuple, list[int]] = {}
    heads = {place: _head_settings(model, config) for place, model in models}
    for place, model in models:
        shape = _shape(model, len(shared.scoring.classes))
        groups.setdefault((shape, together_key(heads[place])), []).append(place)
    stacks = []
    for (shape, _), places in groups.items():
        size = heads_at_once(shape, shared.num_features, len(folds))
        for chunk in (tuple(places[start : start + size]) for start in range(0, len(places), size)):
            settings = tuple(heads[place] for place in chunk)
            stacks += [
                HeadStack(chunk, tuple(names[place][number] for place in chunk), shape, settings, fold)
                for number, fold in enumerate(folds)
            ]
    return stacks


def run_stack(stack: HeadStack, shared: SharedFeatures) -> list[TrialOutcome]:
    """Trains the heads of a stack on its fold, and scores them; in the order of `trial_ids`."""
    fold, scoring = stack.fold, shared.scoring
    (trained,) = train_heads(
        shared.features,
        scoring.labels,
        scoring.classes,
        stack.shape,
        stack.heads,
        [HeadData(fold.train, fold.held_out, fold.validation, fold.seed)],
        views=shared.views,
        num_views=shared.num_views,
    )
    return [
        TrialOutcome(trial_id, one.error)
        if one.error is not None
        else scoring.outcome(trial_id, fold, one.epoch, one.held_out, one.validation)
        for trial_id, one in zip(stack.trial_ids, trained, strict=True)
    ]


def _head_settings(model: ModelConfig, config: ExperimentConfig) -> HeadSettings:
    return HeadSettings(model.training_of(model.steps[0], config.training), model.head.dropout)


def _shape(model: ModelConfig, num_classes: int) -> HeadShape:
    head = model.head
    output = head.output or ("sigmoid" if num_classes == 2 else "softmax")
    return HeadShape(head.hidden_units, output, num_classes, head.standardize)
