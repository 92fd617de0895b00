"""From the experiment's data section to the labelled sets of a run."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kbin.data.bad_images import BadImages, find_bad_images, skipped_note, without
from kbin.data.classes import order_by_positive, with_classes
from kbin.data.datasets import Dataset, concatenate
from kbin.data.overlap import check_overlap, find_overlap
from kbin.data.set_names import TEST, TRAIN, UNSPLIT, VALIDATION, set_name
from kbin.data.sources import keep_where, read_source
from kbin.data.splits import fill_sets
from kbin.data.wording import counted, printable
from kbin.errors import DataError, unknown_name
from kbin.progress import Progress

if TYPE_CHECKING:
    from kbin.config.data import DataConfig, TestSetConfig

# Categories of letters that steer a terminal, end a line or cannot be written; and directions of writing that turn what
# follows around. Joiners and odd spaces, which names of many languages have, are none of them.
_NEVER_SHOWN = frozenset(["Cc", "Cs", "Zl", "Zp"])
_TURNING = frozenset(["LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"])


@dataclass(frozen=True, eq=False)
class LoadedSets:
    """The sets of an experiment.

    Attributes:
        sets: By name: train, validation and test as far as they exist, then the named test sets.
        parts: For each test set that is a part of another (`of`), the other's name. Under a limit both are samples,
            and the part need not lie within the other.
        dropped: For each set, how many training images were dropped because it has them too.
        notes: What a person should know about the sets, in plain sentences.
        bad_images: Images that cannot be read and were left out; None where none were looked for.
    """

    sets: Mapping[str, Dataset]
    parts: Mapping[str, str]
    dropped: Mapping[str, int]
    notes: tuple[str, ...]
    bad_images: BadImages | None = field(default=None)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes; of two, the positive one is last, so that label 1 means positive."""
        return self.sets[TRAIN].classes

    @property
    def positive(self) -> str | None:
        """The positive class; None if there are more than two classes."""
        return self.classes[1] if len(self.classes) == 2 else None


def load_sets(data: "DataConfig", progress: Progress | None = None) -> LoadedSets:
    """Reads the data of an experiment and makes every set that it asks for.

    `data.where` restricts the source before anything is split. A test set of its own is read from its own source, with
    its own `where`; parts of other sets (`of`) are taken last, from the sets as they are used. With
    `data.on_bad_image: skip` all images are decoded first, so that the sets are those of a source without the bad ones.

    Args:
        data: The data section; its paths are absolute.
        progress: Where the search for bad images is shown.

    Raises:
        DataError: Something about the data is not as the experiment needs it.
        AllBadImagesError: More images than allowed cannot be read.
    """
    sets = read_sets(data)
    bad = find_bad_images(sets, data, progress) if data.on_bad_image == "skip" else None
    if bad is not None:
        bad.check_share(data.max_bad_share)
        sets = without(sets, bad)
    own = {name: sets.pop(name) for name in list(sets) if name in data.test_sets}
    # Integer labels count the classes as they are written, so every source is read in this order.
    classes = order_by_positive(next(iter(sets.values())).classes, data.positive)
    split = data.split
    _check_not_empty({name: dataset for name, dataset in sets.items() if name != UNSPLIT}, "the source's set")
    sets = fill_sets(sets, test=split.test, validation=split.validation, seed=split.seed, group=split.group) | own
    _check_not_empty(sets, "the set")
    sets = {name: with_classes(dataset, classes) for name, dataset in _in_order(sets, data.test_sets).items()}
    sets, dropped = check_overlap(sets, data.overlap)
    _check_train(sets, classes)
    notes = (*_dropped_notes(dropped), *_set_notes(sets), *_group_notes(sets, split.group))
    if bad is not None and bad.images:
        notes = (skipped_note(bad), *notes)
    parts = {name: config.of for name, config in data.test_sets.items() if config.of is not None}
    for name, of in parts.items():
        sets[name] = _part(name, of, data.test_sets[name], sets)
    if data.limit is not None:
        sets = {name: _limited(dataset, data.limit, split.seed) for name, dataset in sets.items()}
        notes += (f"At most about {data.limit} images of each set are used (data.limit).",)
    return LoadedSets(_in_order(sets, data.test_sets), parts, dropped, notes, bad)


def read_sets(data: "DataConfig") -> dict[str, Dataset]:
    """Reads every source of an experiment; nothing is split yet, and no image opened.

    Args:
        data: The data section; its paths are absolute.

    Returns:
        The sets of the source, images without a set under UNSPLIT, and the test sets that have sources of their own.

    Raises:
        DataError: A source is not as described, or names of sets clash.
    """
    sets = read_source(data, data.classes, max_megapixels=data.max_megapixels)
    _check_names(sets, data.test_sets)
    classes = next(iter(sets.values())).classes
    _check_class_names(classes)
    own = {name: config for name, config in data.test_sets.items() if config.of is None}
    return sets | {name: _own_set(name, config, classes, data.max_megapixels) for name, config in own.items()}


def _check_class_names(classes: tuple[str, ...]) -> None:
    for name in classes:
        if any(
            unicodedata.category(letter) in _NEVER_SHOWN or unicodedata.bidirectional(letter) in _TURNING
            for letter in name
        ):
            raise DataError(f"the class '{printable(name)}' has a character that cannot be printed. Rename it.")
        if name.startswith(("=", "@")):
            raise DataError(
                f"the class '{printable(name)}' begins with '{name[0]}', so that a spreadsheet would run the tables "
                "that have it as a formula. Rename it."
            )


def _check_not_empty(sets: Mapping[str, Dataset], kind: str) -> None:
    for name, dataset in sets.items():
        if not len(dataset):
            raise DataError(
                f"{kind} '{name}' has no image of {', '.join(dataset.classes)} that `where` keeps. "
                "Ask for other values or classes, or take the set out of the data."
            )


def _check_train(sets: Mapping[str, Dataset], classes: tuple[str, ...]) -> None:
    if TRAIN not in sets:
        raise DataError(f"the source has no training images; it has the sets {', '.join(sets)}.")
    counts = sets[TRAIN].class_counts()
    for name in classes:
        if not counts[name]:
            raise DataError(
                f"the training set has no image of class '{name}' "
                f"({', '.join(f'{other}: {number}' for other, number in counts.items())}). "
                "Add some, or name other classes in data.classes."
            )


def _check_names(sets: Mapping[str, Dataset], test_sets: Mapping[str, "TestSetConfig"]) -> None:
    for name in test_sets:
        if set_name(name) in (TRAIN, VALIDATION, TEST, UNSPLIT):
            raise DataError(f"data.test_sets: '{name}' is a name of kbin's own. Give the test set another.")
        if name in sets:
            raise DataError(f"data.test_sets: the source has a set '{name}' already. Give one another name.")


def _own_set(name: str, config: "TestSetConfig", classes: tuple[str, ...], max_megapixels: float) -> Dataset:
    """The set that `use` names; without it the source's own test set, or all its images where it has none."""
    try:
        sets = read_source(config, classes, all_classes=False, max_megapixels=max_megapixels)
    except DataError as error:
        raise DataError(f"data.test_sets.{name}: {error}") from error
    named = [other for other in sets if other != UNSPLIT]
    if config.use is not None:
        if config.use not in named:
            known = unknown_name("set", config.use, named) if named else "its source names no sets."
            raise DataError(f"data.test_sets.{name}.use: {known}")
        return sets[config.use]
    return sets[TEST] if TEST in sets else concatenate(list(sets.values()))


def _part(name: str, of: str, config: "TestSetConfig", sets: Mapping[str, Dataset]) -> Dataset:
    if of not in sets:
        raise DataError(f"data.test_sets.{name}.of: {unknown_name('set', of, sets)} A part of a part comes after it.")
    try:
        return keep_where({of: sets[of]}, config.where)[of]
    except DataError as error:
        raise DataError(f"data.test_sets.{name}, a part of {of}: {error}") from error


def _dropped_notes(dropped: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{counted(number, 'training image')} {_be(number)} also in {name} and {_were(number)} dropped."
        for name, number in dropped.items()
    )


def _set_notes(sets: Mapping[str, Dataset]) -> tuple[str, ...]:
    notes = []
    if VALIDATION not in sets:
        notes.append("There is no validation set, so there is no early stopping, and no threshold is chosen on it.")
    if TEST not in sets:
        notes.append("There is no test set.")
    if VALIDATION in sets and TEST in sets:
        shared = len(find_overlap(sets[VALIDATION], sets[TEST]))
        if shared:
            notes.append(
                f"{counted(shared, 'validation image')} {_be(shared)} also in test, which a threshold chosen on "
                "validation favours."
            )
    for name, dataset in sets.items():
        present = [class_name for class_name, number in dataset.class_counts().items() if number]
        if len(present) == 1:
            notes.append(f"All images of {name} are of class '{present[0]}', so no ranking metric is defined there.")
    return tuple(notes)


def _group_notes(sets: Mapping[str, Dataset], group: str | None) -> tuple[str, ...]:
    """Notes on groups that straddle, which only a source's own sets can do, and on groups that nobody uses."""
    train = sets[TRAIN]
    if group is None:
        has_groups = "group" in train.columns
        return (
            "There is a column 'group' that the split does not use; `data.split.group: group` uses it.",
        ) * has_groups
    return tuple(
        f"{counted(len(shared), 'group')} of the training set {_be(len(shared))} also in {name}."
        for name, other in sets.items()
        if name != TRAIN and group in other.columns
        if (shared := np.intersect1d(train.columns[group], other.columns[group])).size
    )


def _limited(dataset: Dataset, limit: int, seed: int) -> Dataset:
    """About `limit` images, by class in proportion, but of each class two where it has them."""
    if len(dataset) <= limit:
        return dataset
    generator = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(dataset.labels):
        members = np.flatnonzero(dataset.labels == label)
        number = min(len(members), max(2, round(limit * len(members) / len(dataset))))
        chosen.append(generator.choice(members, number, replace=False))
    return dataset.select(np.sort(np.concatenate(chosen)))


def _in_order(sets: Mapping[str, Dataset], test_sets: Mapping[str, object]) -> dict[str, Dataset]:
    own = [name for name in sets if name not in (TRAIN, VALIDATION, TEST) and name not in test_sets]
    return {name: sets[name] for name in (TRAIN, VALIDATION, TEST, *own, *test_sets) if name in sets}


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
