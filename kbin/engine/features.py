"""What the frozen prefix says of images: computed once for each state of its weights."""

import hashlib

import keras
import numpy as np

from kbin.engine.batches import in_batches
from kbin.engine.inputs import Chosen, Inputs
from kbin.engine.prefix import Cut
from kbin.progress import Progress

BATCH_SIZE = 32


class FeatureCache:
    """Features by prefix and image content, in memory, for the models and seeds of one experiment."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._rows: dict[str, dict[str, np.ndarray]] = {}

    def features(self, parts: Cut, hashes: np.ndarray, images: Inputs, description: str) -> np.ndarray:
        """Returns the prefix's output for every image, shape (n, ...), float32; only new images are computed.

        Args:
            parts: The cut classifier.
            hashes: shape (n,), the content hash of every image.
            images: The images.
            description: What the progress bar is called.
        """
        rows = self._rows.setdefault(prefix_fingerprint(parts), {})
        _, first = np.unique(hashes, return_index=True)
        missing = np.sort([index for index in first if hashes[index] not in rows]).astype(np.int64)
        if len(missing):
            computed = predict_inputs(parts.prefix, Chosen(images, missing), BATCH_SIZE, self._progress, description)
            rows |= dict(zip(hashes[missing], computed, strict=True))
        return np.stack([rows[name] for name in hashes])


def prefix_fingerprint(parts: Cut) -> str:
    """Returns a hash of where the cut is and of every weight below it."""
    digest = hashlib.blake2b(f"{parts.prefix.name} {parts.name}".encode(), digest_size=16)
    for weight in parts.prefix.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return digest.hexdigest()


def predict_inputs(
    model: keras.Model,
    inputs: Inputs,
    batch_size: int,
    progress: Progress | None = None,
    description: str = "predictions",
) -> np.ndarray:
    """Returns a model's outputs for all inputs, in order; the next batch is decoded while the network runs."""
    outputs: np.ndarray | None = None
    done = 0
    with (progress or Progress()).bar(description, len(inputs), "images") as advance:
        for batch in in_batches(inputs, batch_size):
            values = np.asarray(model.predict_on_batch(batch))
            if outputs is None:
                outputs = np.empty((len(inputs), *values.shape[1:]), values.dtype)
            outputs[done : done + len(values)] = values
            done += len(values)
            advance(len(values))
    return outputs if outputs is not None else np.empty((0, *model.output.shape[1:]), np.float32)
