"""Splitting: the sets that a source lacks are made from its images, by scikit-learn."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from kbin.data.datasets import UNSPLIT, Dataset, Labels, Strings, concatenate
from kbin.data.image_sources import Indices
from kbin.data.set_names import TEST, TRAIN, VALIDATION
from kbin.data.wording import first_few
from kbin.errors import DataError, unknown_name

Units = npt.NDArray[np.intp]

# Shares are met with whole folds out of at most 20, that is to 2.5 %; more folds take long on many groups.
_MAX_FOLDS = 20

# Numbers of folds that are tried: folds of few or unequal groups differ in size, so the nearest on paper may not be.
_ATTEMPTS = 4
_NEAR_ENOUGH = 0.01


def fill_sets(
    sets: Mapping[str, Dataset],
    *,
    test: float | None,
    validation: float | None,
    seed: int,
    group: str | None = None,
) -> dict[str, Dataset]:
    """Returns the source's sets and those that it lacks.

    The missing sets are made from the images that the source puts in no set, or else from its training set; the other
    images of that pool are for training. A set that the source has stays as it is.

    Args:
        sets: From a source, some of them perhaps UNSPLIT.
        test: Share of the pool for a missing test set; 0 or None makes none.
        validation: Share of the pool for a missing validation set; 0 or None makes none.
        seed: The same seed gives the same sets.
        group: Name of a column; images with the same value stay together.

    Returns:
        The sets by name, without UNSPLIT; within each, images are in the order of the source.

    Raises:
        DataError: There are too few images, or no such column.
    """
    filled = {name: dataset for name, dataset in sets.items() if name != UNSPLIT}
    origin = UNSPLIT if UNSPLIT in sets and len(sets[UNSPLIT]) else TRAIN
    if origin not in sets:
        return filled
    pool = sets[origin]
    parts = split_indices(
        pool.labels,
        pool.classes,
        test=None if TEST in sets else test,
        validation=None if VALIDATION in sets else validation,
        seed=seed,
        identical=pool.content_hashes(),
        groups=None if group is None else group_column(pool, group),
    )
    for name, indices in parts.items():
        part = pool.select(indices)
        beside = [filled[TRAIN]] if name == TRAIN and origin == UNSPLIT and TRAIN in filled else []
        filled[name] = concatenate([*beside, part])
    return filled


def group_column(dataset: Dataset, group: str) -> Strings:
    """Returns the column that names each image's group, shape (n,).

    Raises:
        DataError: There is no such column, or it is empty for some images.
    """
    if group not in dataset.columns:
        known = unknown_name("column", group, dataset.columns) if dataset.columns else "the source has no columns."
        raise DataError(
            f"data.split.group: {known} Name a column of the CSV file, or give data.groups a CSV with file and group."
        )
    values = dataset.columns[group]
    empty = dataset.paths[values == ""].tolist()
    if empty:
        raise DataError(f"data.split.group: the column '{group}' is empty for {first_few(empty)}. Fill it in.")
    return values


def split_indices(
    labels: Labels,
    classes: Sequence[str],
    *,
    test: float | None,
    validation: float | None,
    seed: int,
    identical: Strings | None = None,
    groups: Strings | None = None,
) -> dict[str, Indices]:
    """Splits images into train, validation and test, stratified by class.

    Without groups each class is shared out to within one image; with groups as nearly as whole groups allow.

    Args:
        labels: shape (n,), index into `classes`.
        classes: Their names, for messages.
        test: Share of the images for the test set; 0 or None makes none.
        validation: Share of all the images (not of what the test set leaves) for the validation set.
        seed: The same seed gives the same split.
        identical: shape (n,); images with the same value are copies and stay together.
        groups: shape (n,); images with the same value stay together.

    Returns:
        Ascending indices of each set that has a share, and of train.

    Raises:
        DataError: The shares leave nothing for training, or a class has too few images.
    """
    shares = {name: share for name, share in ((TEST, test), (VALIDATION, validation)) if share}
    if sum(shares.values()) >= 1:
        raise DataError(f"data.split: test {test} and validation {validation} leave nothing for training.")
    if not shares:
        return {TRAIN: np.arange(len(labels))}
    units = inseparable(len(labels), identical, groups)
    names = (TRAIN, *reversed(shares))
    _check_enough(labels, units, classes, names, grouped=groups is not None)
    take = _take_groups if groups is not None else _take_images
    rest = np.arange(len(labels))
    parts: dict[str, Indices] = {}
    for name, share in shares.items():
        # Shares are of everything, so of what is left the share is larger.
        chosen = take(labels[rest], units[rest], share / (1 - sum(shares[done] for done in parts)), seed)
        parts[name], rest = rest[chosen], rest[~chosen]
    parts[TRAIN] = rest
    _check_complete(labels, classes, parts, shares)
    return {name: parts[name] for name in names}


def inseparable(number: int, identical: Strings | None, groups: Strings | None) -> Units:
    """Numbers the smallest pieces that must stay together: groups, merged where they share an image.

    Args:
        number: Of images.
        identical: shape (number,); images with the same value are copies.
        groups: shape (number,); images with the same value stay together.

    Returns:
        shape (number,), the piece of each image.
    """
    ties = [np.unique(keys, return_inverse=True)[1] for keys in (identical, groups) if keys is not None]
    if not ties:
        return np.arange(number)
    if len(ties) == 1:
        return ties[0]
    copies, grouped = ties
    # Nodes are first the distinct images, then the groups; each image of the data is an edge.
    nodes = copies.max() + 1 + grouped.max() + 1
    edges = coo_array((np.ones(number), (copies, copies.max() + 1 + grouped)), shape=(nodes, nodes))
    return connected_components(edges, directed=False)[1][copies]


def _take_images(labels: Labels, units: Units, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Marks a share of the images; one of each set of copies is drawn, and the others follow it."""
    numbers, first, unit_of = np.unique(units, return_index=True, return_inverse=True)
    size = round(share * len(numbers))
    counts = np.unique(labels[first], return_counts=True)[1]
    if min(size, len(numbers) - size) < len(counts) or counts.min() < 2:
        # What scikit-learn refuses; `_check_complete` says which class went short.
        return np.zeros(len(labels), dtype=bool)
    _, taken = train_test_split(np.arange(len(numbers)), test_size=size, stratify=labels[first], random_state=seed)
    return np.isin(unit_of, taken)


def _take_groups(labels: Labels, units: Units, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Marks whole groups, by merging folds; of several ways, the one whose classes come nearest to the share."""
    taken_best, least = np.zeros(len(labels), dtype=bool), np.inf
    _, class_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    most = min(_MAX_FOLDS, len(np.unique(units)), int(counts.min()))
    for attempt, (folds, merged) in enumerate(_by_nearness(share, most)):
        if least <= _NEAR_ENOUGH or (attempt >= _ATTEMPTS and np.isfinite(least)):
            break
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        held_out = [held for _, held in splitter.split(labels, labels, units)]
        taken = np.isin(np.arange(len(labels)), np.concatenate(held_out[:merged]))
        shares = np.bincount(class_of[taken], minlength=len(counts)) / counts
        distance = np.abs(shares - share).max()
        if shares.min() > 0 and shares.max() < 1 and distance < least:
            taken_best, least = taken, distance
    return taken_best


def _by_nearness(share: float, most: int) -> list[tuple[int, int]]:
    """Numbers of folds, and how many of them to merge, nearest to the share first; of equals the fewest folds."""

    def distance(choice: tuple[int, int]) -> float:
        folds, merged = choice
        return round(abs(merged / folds - share), 9)  # rounded, so that 1/4 and 2/8 are equals

    choices = [(folds, min(max(1, round(share * folds)), folds - 1)) for folds in range(2, most + 1)]
    return sorted(choices, key=distance)


def _check_enough(labels: Labels, units: Units, classes: Sequence[str], names: Sequence[str], *, grouped: bool) -> None:
    for label in np.unique(labels):
        number = len(np.unique(units[labels == label]))
        if number < len(names):
            kind = "groups" if grouped else "different images"
            raise DataError(
                f"data.split: class '{classes[label]}' has {number} {kind}, too few for one in each of "
                f"{', '.join(names)}. Add images, or set a share in data.split to 0."
            )


def _check_complete(
    labels: Labels, classes: Sequence[str], parts: Mapping[str, Indices], shares: Mapping[str, float]
) -> None:
    for name, indices in parts.items():
        absent = np.setdiff1d(labels, labels[indices])
        if absent.size:
            rarest = min(absent, key=lambda label: int((labels == label).sum()))
            asked = ", ".join(f"{of}: {share}" for of, share in shares.items())
            raise DataError(
                f"data.split: with {{{asked}}} the class '{classes[rarest]}' would have no image in {name}. "
                "Add images, or change the shares (0 makes no such set)."
            )
