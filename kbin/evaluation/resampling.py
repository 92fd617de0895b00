"""Other sets of the same kind: what each image weighs when images, or whole groups, are drawn with replacement."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]

NUM_RESAMPLES = 2_000
# A standard error from 500 resamples is itself known to 3 %, and 2,000 of a large set take seconds.
_FEWEST_RESAMPLES = 500
_MOST_DRAWN = 10_000_000
_SEED = 0
# Numbers of a chunk: 4 MB, so that it stays in a processor's cache while it is used.
_CHUNK = 2**19


def num_resamples(num_images: int) -> int:
    """Returns how many resamples a set gets: 2,000, and fewer from 5,000 images on."""
    return int(np.clip(_MOST_DRAWN // num_images, _FEWEST_RESAMPLES, NUM_RESAMPLES))


def resampled_weights(
    y_true: NDArray[np.int64], groups: NDArray[np.int64] | None = None, resamples: int | None = None
) -> Iterator[Weights]:
    """Yields what each image weighs in each resample, shape (n, chunk), chunk by chunk, the same at every call.

    Of the m images of a class m - 1 are drawn, and each weighs m / (m - 1): all resamples have the set's counts of each
    class, and standard errors of small classes are not too small, as they are if m are drawn. Groups are drawn
    within classes where each group has images of one class only, and from all groups otherwise.

    Args:
        y_true: shape (n,), class indices.
        groups: shape (n,), numbers from 0; None where the images are independent.
        resamples: How many; as many as `num_resamples` says if None.

    Source:
        Rao and Wu 1988, "Resampling inference with complex survey data", with m - 1 draws a stratum.
    """
    rng = np.random.default_rng(_SEED)
    total = num_resamples(len(y_true)) if resamples is None else resamples
    width = max(1, _CHUNK // len(y_true))
    strata = _strata(y_true, groups)
    num_units = sum(map(len, strata))
    for start in range(0, total, width):
        columns = min(width, total - start)
        weights = np.empty((num_units, columns), dtype=np.float64)
        for units in strata:
            weights[units] = _drawn(rng, len(units), columns)
        yield weights if groups is None else weights[groups]


def _strata(y_true: NDArray[np.int64], groups: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """Returns the numbers of the images, or groups, that are drawn from together."""
    if groups is None:
        return [np.flatnonzero(y_true == label) for label in np.unique(y_true)]
    lowest = np.full(groups.max() + 1, y_true.max())
    highest = np.zeros_like(lowest)
    np.minimum.at(lowest, groups, y_true)
    np.maximum.at(highest, groups, y_true)
    if (lowest != highest).any():
        return [np.arange(len(lowest))]
    return [np.flatnonzero(lowest == label) for label in np.unique(lowest)]


def _drawn(rng: np.random.Generator, num_units: int, columns: int) -> NDArray[np.float64]:
    """Returns what each unit weighs in each resample, shape (num_units, columns); one alone weighs 1."""
    if num_units == 1:
        return np.ones((1, columns))
    drawn = rng.integers(0, num_units, size=(columns, num_units - 1))
    drawn += np.arange(columns)[:, None] * num_units
    counts = np.bincount(drawn.ravel(), minlength=columns * num_units).reshape(columns, num_units).T
    return np.multiply(counts, num_units / (num_units - 1), dtype=np.float64)
