"""Folds of a training set: stratified, groups and copies together, each with a validation part where one is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from kbin.data.datasets import Dataset, Labels
from kbin.data.image_sources import Indices
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.data.splits import Units, group_column, inseparable, split_indices
from kbin.errors import DataError


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: positions in the training set, ascending.

    Attributes:
        repeat: Which division into folds it belongs to, from 0.
        number: Its place among these, from 0.
        seed: Of initial weights, order and dropout of what is trained on it.
        train: What is trained on.
        validation: Taken out of the training part for early stopping and thresholds; None where they need nothing.
        held_out: What the score is computed on; nothing else ever sees it.
    """

    repeat: int
    number: int
    seed: int
    train: Indices
    validation: Indices | None
    held_out: Indices


@dataclass(frozen=True)
class FoldPlan:
    """How folds are made.

    Attributes:
        folds: In each repeat.
        repeats: Divisions into folds.
        seed: Of the first division; each further repeat has the next one.
        training_seeds: Of initial weights, a repeat each, again from the first where there are more repeats.
        group: Name of the column whose images stay together; None where there is none.
        validation: Share of each training part that early stopping and thresholds see; None where they need nothing.
    """

    folds: int
    repeats: int
    seed: int
    training_seeds: Sequence[int]
    group: str | None = None
    validation: float | None = None


def make_folds(train: Dataset, plan: FoldPlan) -> list[Fold]:
    """Divides a training set into folds, repeat after repeat.

    Args:
        train: The training set.
        plan: How.

    Raises:
        DataError: A class has too few images or groups for so many folds, or there is no such column.
    """
    groups = None if plan.group is None else group_column(train, plan.group)
    units = inseparable(len(train), train.content_hashes(), groups)
    _check_enough(train, units, plan.folds, grouped=groups is not None)
    folds = []
    for repeat in range(plan.repeats):
        seed = plan.training_seeds[repeat % len(plan.training_seeds)]
        divided = _divide(train.labels, units, plan.folds, (plan.seed + repeat) % 2**32, grouped=groups is not None)
        for number, held_out in enumerate(divided):
            rest = np.setdiff1d(np.arange(len(train)), held_out)
            _check_classes(train, rest, held_out, number)
            try:
                kept, validation = _without_validation(train, rest, groups, plan)
            except DataError as error:
                raise DataError(
                    f"search: the training part of fold {number + 1}, {len(rest)} images, cannot give a validation "
                    f"part for early stopping and thresholds: {error} Set fewer search.folds, or no validation set."
                ) from error
            folds.append(Fold(repeat, number, seed, kept, validation, held_out))
    return folds


def _divide(labels: Labels, units: Units, folds: int, seed: int, *, grouped: bool) -> list[Indices]:
    """Returns the held-out positions of each fold; images of a unit are held out together."""
    if grouped:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        return [held_out for _, held_out in splitter.split(labels, labels, units)]
    _, first, unit_of = np.unique(units, return_index=True, return_inverse=True)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [np.flatnonzero(np.isin(unit_of, held)) for _, held in splitter.split(first, labels[first])]


def _without_validation(
    train: Dataset, part: Indices, groups: np.ndarray | None, plan: FoldPlan
) -> tuple[Indices, Indices | None]:
    if plan.validation is None:
        return part, None
    chosen = split_indices(
        train.labels[part],
        train.classes,
        test=None,
        validation=plan.validation,
        seed=plan.seed,
        identical=train.content_hashes()[part],
        groups=None if groups is None else groups[part],
    )
    return part[chosen[TRAIN]], part[chosen[VALIDATION]]


def _check_enough(train: Dataset, units: Units, folds: int, *, grouped: bool) -> None:
    # Copies count with the label of the first: by it they are dealt out.
    counted = np.arange(len(train)) if grouped else np.unique(units, return_index=True)[1]
    for label, name in enumerate(train.classes):
        number = len(np.unique(units[counted][train.labels[counted] == label]))
        if number < folds:
            kind = "groups" if grouped else "different images"
            raise DataError(
                f"search.folds is {folds}, but class '{name}' has {number} {kind} in the training set: at least one "
                f"in each fold is needed. Set search.folds to at most {max(number, 2)}, or add images."
            )


def _check_classes(train: Dataset, part: Indices, held_out: Indices, number: int) -> None:
    absent = np.setdiff1d(np.arange(len(train.classes)), train.labels[part])
    lack = f"training part has no image of '{train.classes[absent[0]]}'" if len(absent) else "held-out part is empty"
    if len(absent) or not len(held_out):
        raise DataError(
            f"search.folds: fold {number + 1}'s {lack}: images, or groups of them, are too few. Set fewer folds, or "
            "another search.seed."
        )
