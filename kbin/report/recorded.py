"""What results.json says, typed and checked once, so that text, plots and page can rely on it."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self
from unicodedata import category

from pydantic import AfterValidator, Field, FiniteFloat, ValidationError, model_validator

from kbin.config.fields import FolderName
from kbin.errors import RunFolderError
from kbin.report.recorded_comparisons import SetComparisons
from kbin.report.recorded_faults import recorded_faults
from kbin.report.recorded_search import ModelSearch, SearchResults
from kbin.report.recorded_sets import Count, NonNegative, RecordedPart, SetResults

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_MOST_FAULTS_SHOWN = 5
_LONGEST_SET_NAME = 200  # bytes; file names have at most 255, and something stands before and behind


def _file_name(name: str) -> str:
    """Set names become file names, and a damaged or foreign folder must not send plots anywhere else."""
    if name in ("", ".", "..") or PurePath(name).name != name or "\\" in name:
        raise ValueError(f"'{name}' cannot be the name of a set")
    if any(category(letter) in ("Cc", "Cs") for letter in name):
        raise ValueError(f"{name!r} cannot be the name of a set: it has letters that cannot be printed")
    if len(os.fsencode(name)) > _LONGEST_SET_NAME:
        raise ValueError(f"'{name[:20]}...' cannot be the name of a set: it is too long for a file's name")
    return name


SetName = Annotated[str, AfterValidator(_file_name)]


class BlockParameters(RecordedPart):
    """Parameters of one block."""

    block: str
    parameters: Count
    trainable: Count
    statistics: Count


class Parameters(RecordedPart):
    """Parameters of a whole model; `statistics` are counted in none of the others."""

    total: Count
    trainable: Count
    non_trainable: Count
    statistics: Count


class Memory(RecordedPart):
    """Memory of one image's forward pass and of the weights, in MB of 2^20 bytes; None where it is not known."""

    input_mb: FiniteFloat | None = None
    activations_mb: FiniteFloat | None = None
    weights_mb: FiniteFloat | None = None


class Stage(RecordedPart):
    """One of several stages in which a model was trained."""

    train_blocks: int | str
    epochs: int
    learning_rate: FiniteFloat


class ModelResults(RecordedPart):
    """One model; a failed one has an error and no sets, and one that was only searched has no sets either."""

    id: FolderName
    backbone: str
    weights: str
    train_blocks: int | str
    stages: tuple[Stage, ...] = ()
    learning_rate: FiniteFloat
    parameters: Parameters
    memory: Memory | None = None
    blocks: tuple[BlockParameters, ...]
    status: Literal["done", "failed"]
    error: str = ""
    seconds: dict[str, NonNegative] = Field(default_factory=dict)
    epoch: tuple[int, ...] = ()
    sets: dict[SetName, SetResults] = Field(default_factory=dict)
    search: ModelSearch | None = None

    @property
    def has_results(self) -> bool:
        """Whether it was trained to the end and evaluated on the sets."""
        return self.status == "done" and bool(self.sets)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in the order of `epoch` and of every set's `per_seed`; none of a failed model."""
        return tuple(one.seed for one in next(iter(self.sets.values())).per_seed) if self.sets else ()

    @model_validator(mode="after")
    def _same_seeds(self) -> Self:
        for name, entry in self.sets.items():
            if tuple(one.seed for one in entry.per_seed) != self.seeds:
                raise ValueError(f"the seeds of set '{name}' are not those of the other sets")
        if self.status == "done" and (not (self.sets or self.search is not None) or len(self.epoch) != len(self.seeds)):
            raise ValueError("a finished model has results on every set, and one kept epoch a seed")
        return self


class SetContents(RecordedPart):
    """The images of one evaluation set."""

    n: Annotated[int, Field(ge=1)]
    counts: dict[str, Count]


class ThresholdOrigin(RecordedPart):
    """Where the threshold in force comes from: "fixed", "validation", "out_of_fold" or "half", with its criterion.

    `sensitivity` is the wanted share of the positives, of that criterion. `note` says why it is .5.
    """

    chosen_on: str
    criterion: str | None = None
    sensitivity: FiniteFloat | None = None
    note: str = ""


class BadImage(RecordedPart):
    """One image that cannot be read: the set that the source puts it in, where it is, and why."""

    set: str
    path: str
    reason: str


class BadImages(RecordedPart):
    """Images that were left out, as a share of all images of the sources; `files` are the first of them."""

    count: Count
    share: FiniteFloat
    files: tuple[BadImage, ...] = ()


class Costs(RecordedPart):
    """What one false alarm and one miss cost, in any unit."""

    false_positive: FiniteFloat
    false_negative: FiniteFloat


class RunResults(RecordedPart):
    """All of results.json."""

    experiment: str
    positive: str | None
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    notes: tuple[str, ...] = ()
    sets: dict[SetName, SetContents]
    seconds: NonNegative
    models: tuple[ModelResults, ...]
    search: SearchResults | None = None
    comparisons: dict[SetName, SetComparisons] = Field(default_factory=dict)
    threshold: ThresholdOrigin | None = None
    costs: Costs | None = None
    bad_images: BadImages | None = None

    @property
    def done(self) -> tuple[ModelResults, ...]:
        """The models that have results on the sets."""
        return tuple(model for model in self.models if model.has_results)

    @property
    def searched(self) -> tuple[tuple[ModelResults, ModelSearch], ...]:
        """The models whose settings were searched, failed ones among them, with their searches."""
        return tuple((model, model.search) for model in self.models if model.search is not None)

    @property
    def failed(self) -> tuple[ModelResults, ...]:
        """The models that have an error instead."""
        return tuple(model for model in self.models if model.status == "failed")

    @property
    def num_seeds(self) -> int:
        """The number of seeds of each model; 0 where none has results."""
        return max((len(model.seeds) for model in self.done), default=0)

    @property
    def test_sets(self) -> tuple[str, ...]:
        """The sets that took no part in training or in choosing anything."""
        return tuple(name for name in self.sets if name not in (TRAIN, VALIDATION))

    @property
    def reading_order(self) -> tuple[str, ...]:
        """All sets, those that say most first: the test sets, validation, training."""
        return (*self.test_sets, *(name for name in (VALIDATION, TRAIN) if name in self.sets))

    @property
    def shown_sets(self) -> tuple[str, ...]:
        """The sets that details are shown of: the test sets, or what comes nearest where there is none."""
        return self.test_sets or self.reading_order[:1]

    @property
    def main_set(self) -> str:
        """The set that a summary speaks of first: "test", or whatever comes nearest to it."""
        return TEST if TEST in self.sets else self.reading_order[0]

    def majority_class(self, set_name: str) -> str:
        """Returns the most frequent class of a set, the first of equally frequent ones."""
        counts = self.sets[set_name].counts
        return max(counts, key=counts.__getitem__)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.sets or any(set(contents.counts) != set(self.classes) for contents in self.sets.values()):
            raise ValueError("every set counts the images of every class, and there is at least one set")
        if (self.positive is None) == (len(self.classes) == 2) or self.positive not in (None, *self.classes):
            raise ValueError("one of two classes is the positive one")
        for model_id, number in Counter(model.id for model in self.models).items():
            if number > 1:
                raise ValueError(f"{'two' if number == 2 else number} models have the id '{model_id}'")
        for model in self.done:
            if set(model.sets) != set(self.sets):
                raise ValueError(f"model '{model.id}' has not the sets of the run")
            for name, entry in model.sets.items():
                self._check_shapes(f"model '{model.id}' on '{name}'", entry)
        self._check_searches()
        return self

    def _check_searches(self) -> None:
        for model, search in self.searched:
            if self.search is None:
                raise ValueError(f"model '{model.id}' was searched, but the run says of no search")
            self.search.check(model.id, search)
            if model.status == "done" and not model.sets and self.search.refit:
                raise ValueError(f"model '{model.id}' has no results on the sets, although the search trains anew")

    def _check_shapes(self, where: str, entry: SetResults) -> None:
        size = len(self.classes)
        matrices: list[Sequence[Sequence[float]]] = [entry.confusion, *(one.confusion for one in entry.per_seed)]
        if any(len(matrix) != size or any(len(row) != size for row in matrix) for matrix in matrices):
            raise ValueError(f"{where} needs a {size} x {size} confusion matrix")
        if set(entry.per_class) != set(self.classes):
            raise ValueError(f"{where} has not the classes of the run")


def read_results(results: Mapping[str, Any]) -> RunResults:
    """Returns the contents of results.json, checked.

    Args:
        results: As `RunDirectory.results` reads it, or as a run has just made it.

    Raises:
        RunFolderError: Something is missing or of another kind; the message names the places.
    """
    try:
        return RunResults.model_validate(results)
    except ValidationError as error:
        faults = recorded_faults(error, _MOST_FAULTS_SHOWN)
        raise RunFolderError(
            f"results.json is damaged, or another version of kbin wrote it ({faults}): "
            "give a folder that `kbin run` of this version made."
        ) from None
