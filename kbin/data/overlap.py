"""Images of the training set that are also in another set, by content."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from kbin.data.datasets import Dataset
from kbin.data.set_names import TRAIN
from kbin.data.wording import counted, first_few
from kbin.errors import DataError


def find_overlap(train: Dataset, other: Dataset) -> list[tuple[int, int]]:
    """Returns the images of one set that are in another, by their stored bytes.

    Returns:
        For each such image of `train`, its index and that of the first copy in `other`.
    """
    hashes, first = np.unique(other.content_hashes(), return_index=True)
    place_of = dict(zip(hashes.tolist(), first.tolist(), strict=True))
    return [
        (index, place_of[content])
        for index, content in enumerate(train.content_hashes().tolist())
        if content in place_of
    ]


def check_overlap(
    sets: Mapping[str, Dataset], overlap: Literal["refuse", "drop"] = "refuse"
) -> tuple[dict[str, Dataset], dict[str, int]]:
    """Makes sure that no image of the training set is in any other set.

    Args:
        sets: By name; without parts of other sets, which would be compared twice.
        overlap: `refuse` raises; `drop` takes the images out of the training set, so that the other sets stay whole.

    Returns:
        The sets, and how many images of the training set were in each other set that had any.

    Raises:
        DataError: There are such images, and they are refused.
    """
    if TRAIN not in sets:
        return dict(sets), {}
    train = sets[TRAIN]
    pairs = {name: find_overlap(train, other) for name, other in sets.items() if name != TRAIN}
    pairs = {name: found for name, found in pairs.items() if found}
    if pairs and overlap == "refuse":
        raise DataError(
            " ".join(_sentence(train, name, sets[name], found) for name, found in pairs.items())
            + " A model that has seen an image cannot be judged on it: remove the copies, or set "
            "`data.overlap: drop`, which takes them out of the training set."
        )
    dropped = {index for found in pairs.values() for index, _ in found}
    kept = np.array([index for index in range(len(train)) if index not in dropped], dtype=np.int64)
    checked = dict(sets)
    if dropped:
        checked[TRAIN] = train.select(kept)
    return checked, {name: len(found) for name, found in pairs.items()}


def _sentence(train: Dataset, name: str, other: Dataset, found: list[tuple[int, int]]) -> str:
    copies = [f"{train.paths[index]} = {other.paths[place]}" for index, place in found]
    verb = "is" if len(found) == 1 else "are"
    return f"{counted(len(found), 'training image')} {verb} also in {name}, by content: {first_few(copies)}."
