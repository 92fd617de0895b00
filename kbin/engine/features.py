"""What the frozen prefix says of images: computed once on a machine, stored, and read memory-mapped."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kbin.engine.batches import in_batches
from kbin.engine.feature_store import NETWORKS, FeatureStore, FeatureTable, StoredFeatures, shard_size
from kbin.engine.inputs import Chosen, Inputs, Joined
from kbin.engine.memory_errors import InSmallerBatches
from kbin.engine.prefix import Cut
from kbin.engine.runtimes import BATCH_SIZE, Runtime, open_runtime
from kbin.interruption import safe_point, with_safe_points
from kbin.progress import Progress

_NUMBERS = 1  # raised when decoding or preprocessing changes the numbers, so that old features are not used


@dataclass(frozen=True)
class HashedImages:
    """Images of a set with their content hashes, shape (n,)."""

    hashes: np.ndarray
    images: Inputs


class FeatureEngine:
    """Features of an experiment's images, from the store where they are there.

    Args:
        store: The store of this machine.
        runtime: "torch" or "openvino".
        precision: "float32" or "bfloat16".
        resize: How images come to their size; the size itself is the prefix's.
        progress: Where the pass is shown.
    """

    def __init__(self, store: FeatureStore, runtime: str, precision: str, resize: str, progress: Progress):
        self.store = store
        self.precision = precision
        self.runtime_name, self._resize, self._progress = runtime, resize, progress
        self._runtimes: dict[str, Runtime] = {}

    def features(self, parts: Cut, sets: Mapping[str, HashedImages], augment: str = "") -> dict[str, StoredFeatures]:
        """Returns the stored features of every set; what is missing is computed in one pass over all of them.

        Args:
            parts: The cut classifier.
            sets: The images by set name.
            augment: How the images were augmented, as text; empty where they were not.

        Raises:
            StoreFullError: They need more room than the store may take.
        """
        table = self.store.table(self.key(parts, augment))
        hashes = np.concatenate([one.hashes for one in sets.values()])
        if table.missing(hashes):
            with self.filling(table, parts, hashes) as shards:
                self._fill(table, parts, hashes, Joined([one.images for one in sets.values()]), shards)
        return {name: table.stored(one.hashes) for name, one in sets.items()}

    @contextmanager
    def filling(self, table: FeatureTable, parts: Cut, hashes: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Waits until no other process fills a table, and yields what it lacks then.

        Args:
            table: The table of the prefix.
            parts: The cut classifier.
            hashes: shape (n,), the content hashes of all images of the pass.

        Yields:
            The positions of the missing images, shard by shard; they are cut so that a shard's bytes do not depend on
            interruptions.

        Raises:
            StoreFullError: They need more room than the store may take.
        """
        self.store.make_room(len(table.missing(hashes)) * feature_bytes(parts), table)
        size = shard_size(len(np.unique(hashes)))
        with table.filling():
            missing = np.array(table.missing(hashes), np.int64)  # fewer, if another run computed some of them
            yield [missing[start : start + size] for start in range(0, len(missing), size)]

    def key(self, parts: Cut, augment: str = "") -> dict[str, Any]:
        """Returns what the features depend on besides the image, as the store's key."""
        return {
            "backbone": parts.prefix.name,
            "cut": parts.name,
            "image_size": parts.prefix.input.shape[1],
            "resize": self._resize,
            "runtime": self.runtime_name,
            "precision": self.precision,
            "shape": list(parts.boundary.shape[1:]),
            "dtype": keras.config.floatx(),
            "weights": parts.fingerprint(),
            "numbers": _NUMBERS,
        } | ({"augment": augment} if augment else {})

    def runtime(self, parts: Cut) -> Runtime:
        """Returns the runtime of a prefix, opened once."""
        fingerprint = parts.fingerprint()
        if fingerprint not in self._runtimes:
            networks = self.store.root / NETWORKS
            self._runtimes[fingerprint] = open_runtime(
                parts, self.runtime_name, self.precision, networks, self._progress
            )
        return self._runtimes[fingerprint]

    def _fill(
        self, table: FeatureTable, parts: Cut, hashes: np.ndarray, images: Inputs, shards: Sequence[np.ndarray]
    ) -> None:
        """Computes and stores shards in one stream: the next one is decoded while one is computed."""
        runtime = self.runtime(parts)
        missing = Chosen(images, np.concatenate([*shards, np.empty(0, np.int64)]).astype(np.int64))
        with self._progress.bar(feature_title(runtime.name, runtime.precision), len(missing), "images") as advance:
            batches = runtime.run(in_batches(missing, BATCH_SIZE))
            for shard in shards:
                computed: list[np.ndarray] = []
                while sum(map(len, computed)) < len(shard):
                    safe_point()
                    computed.append(next(batches))
                    advance(len(computed[-1]))
                table.add(list(hashes[shard]), np.concatenate(computed))


def feature_title(runtime: str, precision: str) -> str:
    """Returns what the bar of a feature pass is called."""
    return f"features ({runtime}, {precision})"


def feature_bytes(parts: Cut) -> int:
    """Returns the size of one image's features in bytes."""
    return int(np.prod(parts.boundary.shape[1:])) * np.dtype(keras.config.floatx()).itemsize


def predict_inputs(model: keras.Model, inputs: Inputs, batch_size: int) -> np.ndarray:
    """Returns a model's outputs for all inputs, in order; the next batch is prepared while the network runs."""
    predict = InSmallerBatches(lambda batch: np.asarray(model.predict_on_batch(batch)))
    return np.concatenate([predict(batch) for batch in with_safe_points(in_batches(inputs, batch_size))])


def predict_sets(
    model: keras.Model, inputs: Mapping[str, Inputs], hashes: Mapping[str, np.ndarray], batch_size: int
) -> dict[str, np.ndarray]:
    """Returns a model's outputs for every set; an image that is in several sets is predicted once.

    Args:
        model: The network.
        inputs: Its inputs by set name.
        hashes: Set name -> shape (n,), the content hashes of the images.
        batch_size: Inputs of a batch.
    """
    names = list(inputs)
    _, first, place = np.unique(
        np.concatenate([hashes[name] for name in names]), return_index=True, return_inverse=True
    )
    order = np.sort(first)
    outputs = predict_inputs(model, Chosen(Joined([inputs[name] for name in names]), order), batch_size)
    rows = np.searchsorted(order, first)[place]
    ends = np.cumsum([len(inputs[name]) for name in names])[:-1]
    return dict(zip(names, np.split(outputs[rows], ends), strict=True))
