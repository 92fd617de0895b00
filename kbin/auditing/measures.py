"""The measures of a run's images, taken once on a machine and kept in the store like features."""

from collections.abc import Mapping

import numpy as np

from kbin.data.datasets import Dataset, concatenate
from kbin.data.image_measures import MINIATURE, NUMBERS, ROW_BYTES, ImageMeasures, measure, unpacked
from kbin.engine.feature_store import FeatureStore, shard_size
from kbin.errors import StoreFullError
from kbin.interruption import safe_point
from kbin.progress import Progress

MEASURES_KEY = {"measures": NUMBERS, "miniature": MINIATURE, "row_bytes": ROW_BYTES}
_AT_ONCE = 256  # images measured between two safe points, where they are not stored


def measured(sets: Mapping[str, Dataset], store: FeatureStore, progress: Progress) -> dict[str, ImageMeasures]:
    """Returns the measures of every set's images; what the store lacks is measured, each image once.

    Args:
        sets: The images by set name.
        store: Of this machine.
        progress: Where the pass over the images is shown.

    Raises:
        BadImagesError: An image cannot be read any more.
        StorageError: The store cannot be written.
    """
    joined = concatenate([_plain(one) for one in sets.values()])
    hashes = joined.content_hashes()
    rows = _rows(joined, hashes, store, progress)
    ends = np.cumsum([len(one) for one in sets.values()])[:-1]
    return {name: unpacked(part) for name, part in zip(sets, np.split(rows, ends), strict=True)}


def _plain(data: Dataset) -> Dataset:
    """Returns a set without its columns, which are not needed here."""
    plain = Dataset(data.paths, data.labels, data.classes, data.images)
    vars(plain)["_hashes"] = data.content_hashes()
    return plain


def _rows(joined: Dataset, hashes: np.ndarray, store: FeatureStore, progress: Progress) -> np.ndarray:
    table = store.table(MEASURES_KEY)
    if not table.missing(hashes):
        return table.stored(hashes).take(np.arange(len(hashes)))
    try:
        store.make_room(len(table.missing(hashes)) * ROW_BYTES, table)
    except StoreFullError:
        return _without_store(joined, progress)
    size = shard_size(len(np.unique(hashes)))
    with table.filling():
        missing = np.array(table.missing(hashes), np.int64)
        with progress.bar("measuring images", len(missing), "images") as advance:
            for start in range(0, len(missing), size):
                safe_point()
                chosen = missing[start : start + size]
                table.add(list(hashes[chosen]), measure(joined.images, chosen.tolist()))
                advance(len(chosen))
    return table.stored(hashes).take(np.arange(len(hashes)))


def _without_store(joined: Dataset, progress: Progress) -> np.ndarray:
    rows = np.empty((len(joined), ROW_BYTES), np.uint8)
    with progress.bar("measuring images", len(joined), "images") as advance:
        for start in range(0, len(joined), _AT_ONCE):
            safe_point()
            chosen = np.arange(start, min(start + _AT_ONCE, len(joined)))
            rows[chosen] = measure(joined.images, chosen.tolist())
            advance(len(chosen))
    return rows
