"""Two sets side by side: images of the classes that both have, and other ways to share them out between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb

import numpy as np

from kbin.audit.inputs import AuditInputs
from kbin.data.set_names import TRAIN

MOST_OF_A_SIDE = 2_500  # images: with as many the error of an AUC is below .01
_MOST_SETS = 6  # of which each is compared with each
_LEAST_OF_A_CLASS = 5  # images on each side
_LEAST_OF_A_SIDE = 10
_LEAST_ARRANGEMENTS = 1_000  # possible ones; fewer could not show that anything is rare
_LEAST_DRAWN = 300  # of them
_SEED = 0


@dataclass(frozen=True, eq=False)
class SetPair:
    """Images of two sets in a row.

    Attributes:
        names: Of both sets.
        places: shape (n,), each image's place in its own set.
        is_second: shape (n,), bool, whether it is of the second set.
        labels: shape (n,), its class.
        units: shape (n,), equal where images belong together.
    """

    names: tuple[str, str]
    places: np.ndarray
    is_second: np.ndarray
    labels: np.ndarray
    units: np.ndarray

    @property
    def sizes(self) -> tuple[int, int]:
        """The images of each side."""
        second = int(self.is_second.sum())
        return len(self.is_second) - second, second

    def values(self, of: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the rows of these images, taken from arrays by set name."""
        first, second = (of[name][self.places[self.is_second == side]] for side, name in enumerate(self.names))
        return np.concatenate([first, second])


def pair_names(inputs: AuditInputs) -> list[tuple[str, str]]:
    """Returns the pairs to compare: of more than 6 sets, train with each other one."""
    if len(inputs.sets) <= _MOST_SETS:
        return list(combinations(inputs.sets, 2))
    return [(TRAIN, name) for name in inputs.sets if name != TRAIN]


def set_pair(inputs: AuditInputs, names: tuple[str, str], belonging: Mapping[str, np.ndarray]) -> SetPair | str:
    """Returns two sets side by side, at most 2,500 images of each, or a sentence why they cannot be compared.

    Args:
        inputs: All sets.
        names: Of the two.
        belonging: Set name -> shape (n,), equal where images belong together.
    """
    labels = [inputs.sets[name].labels for name in names]
    num_classes = max([len(inputs.classes), *(int(one.max(initial=0)) + 1 for one in labels)])
    counts = np.array([np.bincount(one, minlength=num_classes) for one in labels])
    compared = np.flatnonzero(counts.min(axis=0) >= _LEAST_OF_A_CLASS)
    rng = np.random.default_rng(_SEED)
    places = []
    for one in labels:
        of_compared = np.flatnonzero(np.isin(one, compared))
        if len(of_compared) > MOST_OF_A_SIDE:
            of_compared = np.sort(rng.choice(of_compared, MOST_OF_A_SIDE, replace=False))
        places.append(of_compared)
    if min(map(len, places)) < _LEAST_OF_A_SIDE:
        return (
            f"'{names[0]}' and '{names[1]}' have too few images of the same classes: a comparison needs "
            f"{_LEAST_OF_A_SIDE} images in each set, {_LEAST_OF_A_CLASS} of a class."
        )
    pair = SetPair(
        names,
        np.concatenate(places),
        np.repeat([False, True], [len(one) for one in places]),
        np.concatenate([of[where] for of, where in zip(labels, places, strict=True)]),
        np.concatenate([belonging[name][where] for name, where in zip(names, places, strict=True)]),
    )
    if _num_arrangements(pair) < _LEAST_ARRANGEMENTS:
        return f"'{names[0]}' and '{names[1]}' have too few groups of images that belong together to compare them."
    return pair


def enough_arrangements(num_pairs: int, level: float) -> int:
    """Returns how many random arrangements can show a p-value below a level after Holm's correction over pairs."""
    return max(_LEAST_DRAWN, ceil(1.2 * num_pairs / level))


def rearranged(pair: SetPair, number: int) -> np.ndarray:
    """Returns the sides as they are and as chance would share them out, shape (n, 1 + number), bool.

    Within each class the images change sides; those that belong together and are on one side do so together. So the
    share of each class on each side stays as it is, but for groups of several sizes or classes.

    Args:
        pair: The images.
        number: Of rearrangements.
    """
    block_of, block_sides, block_classes = _blocks(pair)
    sides = np.repeat(block_sides[:, None], 1 + number, axis=1)
    rng = np.random.default_rng(_SEED)
    for one in np.unique(block_classes):
        rows = np.flatnonzero(block_classes == one)
        sides[rows, 1:] = rng.permuted(sides[rows, 1:], axis=0)
    return sides[block_of]


def _blocks(pair: SetPair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns each image's block (what belongs together on one side), and each block's side and most frequent class."""
    units = np.unique(pair.units, return_inverse=True)[1]
    blocks, block_of = np.unique(2 * units + pair.is_second, return_inverse=True)
    counts = np.zeros((len(blocks), int(pair.labels.max()) + 1), np.int64)
    np.add.at(counts, (block_of, pair.labels), 1)
    return block_of, blocks % 2 == 1, counts.argmax(axis=1)


def _num_arrangements(pair: SetPair) -> int:
    _, sides, classes = _blocks(pair)
    number = 1
    for one in np.unique(classes):
        inside = sides[classes == one]
        number *= comb(len(inside), int(inside.sum()))
        if number >= _LEAST_ARRANGEMENTS:
            break
    return number
