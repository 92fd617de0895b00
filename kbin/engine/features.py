"""What the frozen prefix says of images: computed once on a machine, stored, and read memory-mapped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kbin.engine.batches import in_batches
from kbin.engine.feature_store import NETWORKS, FeatureStore, FeatureTable, StoredFeatures, shard_size
from kbin.engine.inputs import Chosen, Inputs, Joined
from kbin.engine.prefix import Cut
from kbin.engine.runtimes import BATCH_SIZE, Runtime, open_runtime
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
        self._runtime, self._resize, self._progress = runtime, resize, progress
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
            self.store.make_room(len(table.missing(hashes)) * feature_bytes(parts), table)
            runtime = self.runtime(parts)
            with table.filling():
                missing = table.missing(hashes)  # fewer, if another run computed some of them
                images = Chosen(Joined([one.images for one in sets.values()]), np.array(missing, np.int64))
                self._fill(table, runtime, hashes[missing], images, shard_size(len(np.unique(hashes))))
        return {name: table.stored(one.hashes) for name, one in sets.items()}

    def key(self, parts: Cut, augment: str = "") -> dict[str, Any]:
        """Returns what the features depend on besides the image, as the store's key."""
        return {
            "backbone": parts.prefix.name,
            "cut": parts.name,
            "image_size": parts.prefix.input.shape[1],
            "resize": self._resize,
            "runtime": self._runtime,
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
            self._runtimes[fingerprint] = open_runtime(parts, self._runtime, self.precision, networks, self._progress)
        return self._runtimes[fingerprint]

    def _fill(self, table: FeatureTable, runtime: Runtime, hashes: np.ndarray, images: Inputs, size: int) -> None:
        """Computes and stores images in shards of `size`; a shard's bytes do not depend on interruptions."""
        waiting: list[np.ndarray] = []
        stored = 0
        title = f"features ({runtime.name}, {runtime.precision})"
        with self._progress.bar(title, len(images), "images") as advance:
            for features in runtime.run(in_batches(images, BATCH_SIZE)):
                waiting.append(features)
                advance(len(features))
                count = sum(map(len, waiting))
                if count >= size or stored + count == len(images):
                    table.add(list(hashes[stored : stored + count]), np.concatenate(waiting))
                    stored += count
                    waiting = []


def feature_bytes(parts: Cut) -> int:
    """Returns the size of one image's features in bytes."""
    return int(np.prod(parts.boundary.shape[1:])) * np.dtype(keras.config.floatx()).itemsize


def predict_inputs(model: keras.Model, inputs: Inputs, batch_size: int) -> np.ndarray:
    """Returns a model's outputs for all inputs, in order; the next batch is prepared while the network runs."""
    outputs = [np.asarray(model.predict_on_batch(batch)) for batch in in_batches(inputs, batch_size)]
    return np.concatenate(outputs)


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
