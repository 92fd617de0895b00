"""Which samples an epoch trains on, in which order: all of them once, or as many of every class."""

import numpy as np


def epoch_size(labels: np.ndarray, sampling: str) -> int:
    """Returns the number of samples of an epoch.

    Args:
        labels: shape (n,), class indices.
        sampling: "none", "oversample" or "undersample".
    """
    if sampling == "none":
        return len(labels)
    counts = _class_counts(labels)
    return len(counts) * int(counts.max() if sampling == "oversample" else counts.min())


def epoch_order(labels: np.ndarray, sampling: str, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws the order of an epoch.

    Oversampling takes every sample of the smaller classes as often as the largest class allows, and some once more;
    undersampling draws a part of the larger classes, another one in every epoch.

    Args:
        labels: shape (n,), class indices.
        sampling: "none", "oversample" or "undersample".
        generator: Of everything that is drawn.

    Returns:
        Positions of the samples, and how many times each was in this epoch before; both shape (epoch_size,).
    """
    if sampling == "none":
        return generator.permutation(len(labels)), np.zeros(len(labels), np.int64)
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    size = epoch_size(labels, sampling) // len(of_class)
    drawn = [generator.permutation(_repeated(positions, size, generator)) for positions in of_class]
    order = generator.permutation(np.concatenate(drawn))
    return order, _earlier_occurrences(order)


def _class_counts(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_counts=True)[1]


def _repeated(positions: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Returns `size` positions: all of them as often as they fit whole, the rest drawn without replacement."""
    rest = generator.choice(positions, size % len(positions), replace=False)
    return np.concatenate([np.repeat(positions, size // len(positions)), rest])


def _earlier_occurrences(order: np.ndarray) -> np.ndarray:
    by_value = np.argsort(order, kind="stable")
    _, first, counts = np.unique(order[by_value], return_index=True, return_counts=True)
    earlier = np.empty(len(order), np.int64)
    earlier[by_value] = np.arange(len(order)) - np.repeat(first, counts)
    return earlier
