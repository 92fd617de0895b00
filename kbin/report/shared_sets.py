"""Which runs looked at the same images: sets of one name are one set only where images and true classes agree.

A run folder knows an image by its `sample_id`, which does not depend on where the images lie, and by its true class.
The order of a set is no part of it, and scores are brought into one order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kbin.errors import RunFolderError
from kbin.report.compared_runs import ComparedModel, ComparedRun
from kbin.report.recorded import TRAIN, VALIDATION
from kbin.report.scores import Scores, checked_scores
from kbin.run_files import Predictions

Images = tuple[tuple[str, str], ...]  # sorted pairs of sample id and true class


@dataclass(frozen=True, eq=False)
class SharedSet:
    """Runs whose set of one name holds the same images with the same true classes.

    Attributes:
        name: The set.
        runs: At least one.
        classes: In the order of the first run's labels.
        positive: The positive class of two; None for more.
        images: What it holds.
        groups: The group (patient, slide) of each image, in their order; None without groups.
        groupings_differ: Whether its runs group the images in different ways; there are no groups then.
    """

    name: str
    runs: tuple[ComparedRun, ...]
    classes: tuple[str, ...]
    positive: str | None
    images: Images
    groups: tuple[str, ...] | None = None
    groupings_differ: bool = False

    @property
    def models(self) -> tuple[ComparedModel, ...]:
        """The models of all its runs."""
        return tuple(model for run in self.runs for model in run.models)

    @property
    def is_test(self) -> bool:
        """Whether it took no part in training or in choosing anything."""
        return self.name not in (TRAIN, VALIDATION)

    def count(self, class_name: str) -> int:
        """Returns the number of its images of a class."""
        return sum(true == class_name for _, true in self.images)


def shared_sets(runs: Sequence[ComparedRun]) -> list[SharedSet]:
    """Returns the sets of all runs that have results, the test sets first; runs with the same images share one.

    Raises:
        RunFolderError: Predictions are missing or damaged.
    """
    found: list[SharedSet] = []
    for name in _set_names(runs):
        groups: dict[tuple[object, str | None, Images], list[ComparedRun]] = {}
        for run in runs:
            if run.models and name in run.results.sets:
                key = (frozenset(run.results.classes), run.results.positive, _images(run, name))
                groups.setdefault(key, []).append(run)
        for (_, positive, images), members in groups.items():
            groupings = [_groups(run, name, images) for run in members]
            differ = len({_as_partition(one) for one in groupings}) > 1
            one = SharedSet(name, tuple(members), members[0].results.classes, positive, images)
            found.append(replace(one, groups=None if differ else groupings[0], groupings_differ=differ))
    return found


def read_shared_scores(shared: SharedSet) -> dict[str, list[Scores]]:
    """Returns the scores of every model of a set, an entry a seed, all with the same images in the same order.

    Returns:
        By the models' names; labels and columns of probabilities stand for the set's `classes`.

    Raises:
        RunFolderError: Predictions are missing, damaged, or of other images than those of the run's first model.
    """
    return {
        one.name: [_in_order(shared, run, one, seed) for seed in one.model.seeds]
        for run in shared.runs
        for one in run.models
    }


def _set_names(runs: Sequence[ComparedRun]) -> list[str]:
    names = list(dict.fromkeys(name for run in runs for name in run.results.reading_order))
    return [*(n for n in names if n not in (VALIDATION, TRAIN)), *(n for n in (VALIDATION, TRAIN) if n in names)]


def _images(run: ComparedRun, set_name: str) -> Images:
    model = run.models[0].model
    return tuple(sorted(_pairs(run.folder.predictions(model.id, model.seeds[0], set_name, run.results.classes))))


def _groups(run: ComparedRun, set_name: str, images: Images) -> tuple[str, ...] | None:
    """Returns the group of each image; None where the run knows of no groups."""
    groups = run.folder.groups().get(set_name)
    if not groups:
        return None
    missing = [sample_id for sample_id, _ in images if sample_id not in groups]
    if missing:
        raise RunFolderError(f"{run.folder.path} is damaged: groups.csv has not the image {missing[0]} of {set_name}.")
    return tuple(groups[sample_id] for sample_id, _ in images)


def _as_partition(groups: tuple[str, ...] | None) -> tuple[int, ...] | None:
    """Returns which images belong together, whatever the groups' names: each image's first companion."""
    if groups is None:
        return None
    first: dict[str, int] = {}
    return tuple(first.setdefault(group, index) for index, group in enumerate(groups))


def _pairs(predictions: Predictions) -> list[tuple[str, str]]:
    return list(zip(map(str, predictions.sample_ids), map(str, predictions.y_true), strict=True))


def _in_order(shared: SharedSet, run: ComparedRun, one: ComparedModel, seed: int) -> Scores:
    """Returns one trained model's scores, images sorted as in `shared.images`, classes as in `shared.classes`."""
    predictions = run.folder.predictions(one.model.id, seed, shared.name, run.results.classes)
    scores = checked_scores(predictions, run.results, one.model, seed, shared.name)
    pairs = _pairs(predictions)
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    if tuple(pairs[index] for index in order) != shared.images:
        raise RunFolderError(
            f"{run.folder.path} is damaged: the predictions of {one.model.id}, seed {seed}, on {shared.name} are of "
            "other images than those of its other models."
        )
    columns = [run.results.classes.index(label) for label in shared.classes]
    return Scores(one.name, seed, _relabelled(scores.y_true, columns)[order], _columns(scores, columns)[order])


def _relabelled(y_true: NDArray[np.int64], columns: Sequence[int]) -> NDArray[np.int64]:
    """Returns labels that stand for the classes in another order."""
    return np.argsort(columns)[y_true]


def _columns(scores: Scores, columns: Sequence[int]) -> NDArray[np.float64]:
    return scores.y_probability if scores.y_probability.ndim == 1 else scores.y_probability[:, columns]
