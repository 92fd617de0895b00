"""Trials of heads on a wholly frozen backbone: those that can be are trained at once on stored features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbin.catalogue import NONE
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.engine.inputs import ArrayInputs, Inputs
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
    """Heads that train at once, each on every fold.

    Attributes:
        combinations: Of each head: its place among the combinations of the search.
        ids: The trials', a row a fold, a column a head.
        shape: What the heads share.
        heads: What each has of its own.
        folds: What they train on.
    """

    combinations: tuple[int, ...]
    ids: tuple[tuple[str, ...], ...]
    shape: HeadShape
    heads: tuple[HeadSettings, ...]
    folds: tuple[Fold, ...]

    @property
    def trial_ids(self) -> list[str]:
        """The trials', fold after fold."""
        return [name for row in self.ids for name in row]


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

    @classmethod
    def of(cls, inputs: NetworkInputs, scoring: Scoring, *, travels: bool) -> "SharedFeatures":
        """Takes the features of a model's training set.

        Args:
            inputs: What enters the head.
            scoring: Labels and how to judge.
            travels: Whether they are sent to another machine, where the store may not be.
        """
        features = inputs.by_set["train"]
        views = None if inputs.training is features else _in_memory(inputs.training, always=travels)
        return cls(scoring, _in_memory(features, always=travels), views, inputs.num_views)


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
    config: ExperimentConfig,
    folds: Sequence[Fold],
    num_classes: int,
    num_features: int,
) -> list[HeadStack]:
    """Groups combinations whose heads can train together, in chunks that do not depend on the machine.

    Args:
        models: Combinations' places with what they make of the model.
        config: The experiment.
        folds: Of the training set.
        num_classes: Two or more.
        num_features: Of each image.

    Returns:
        Stacks whose `ids` are still to be filled in.
    """
    groups: dict[tuple, list[int]] = {}
    heads = {place: _head_settings(model, config) for place, model in models}
    shapes = {place: _shape(model, num_classes) for place, model in models}
    for place, _ in models:
        groups.setdefault((shapes[place], together_key(heads[place])), []).append(place)
    stacks = []
    for (shape, _), places in groups.items():
        size = heads_at_once(shape, num_features, len(folds))
        for start in range(0, len(places), size):
            chosen = tuple(places[start : start + size])
            stacks.append(HeadStack(chosen, (), shape, tuple(heads[place] for place in chosen), tuple(folds)))
    return stacks


def run_stack(stack: HeadStack, shared: SharedFeatures) -> list[TrialOutcome]:
    """Trains the heads of a stack on all folds, and scores them; fold after fold, as `trial_ids` are."""
    parts = [HeadData(fold.train, fold.held_out, fold.validation, fold.seed) for fold in stack.folds]
    scoring = shared.scoring
    trained = train_heads(
        shared.features,
        scoring.labels,
        scoring.classes,
        stack.shape,
        stack.heads,
        parts,
        views=shared.views,
        num_views=shared.num_views,
    )
    return [
        TrialOutcome(trial_id, one.error)
        if one.error is not None
        else scoring.outcome(trial_id, fold, one.epoch, one.held_out, one.validation)
        for fold, ids, outcomes in zip(stack.folds, stack.ids, trained, strict=True)
        for trial_id, one in zip(ids, outcomes, strict=True)
    ]


def _head_settings(model: ModelConfig, config: ExperimentConfig) -> HeadSettings:
    return HeadSettings(model.training_of(model.steps[0], config.training), model.head.dropout)


def _shape(model: ModelConfig, num_classes: int) -> HeadShape:
    head = model.head
    output = head.output or ("sigmoid" if num_classes == 2 else "softmax")
    return HeadShape(head.hidden_units, output, num_classes, head.standardize)


def _in_memory(inputs: Inputs, *, always: bool) -> Inputs:
    first = inputs.take(np.arange(1))
    if not always and first.nbytes * len(inputs) > _BYTES_IN_MEMORY:
        return inputs
    return ArrayInputs(inputs.take(np.arange(len(inputs))))
