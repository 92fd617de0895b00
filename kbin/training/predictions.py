"""One prediction pass over some data, shared by everything that asks for it while the weights stay the same."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from kbin.engine.memory_errors import InSmallerBatches
from kbin.errors import DataError
from kbin.interruption import with_safe_points

Data = Any  # arrays, a keras PyDataset, or a torch DataLoader

_PASSES: "WeakKeyDictionary[keras.Model, dict[tuple[int, int], _Pass]]" = WeakKeyDictionary()


class _Pass:
    """Predictions of one state of the model; it holds the data, so that no other data takes its identity."""

    def __init__(self, state: bytes, data: tuple[Data, Data], labels: np.ndarray, outputs: np.ndarray):
        self.state, self.data, self.labels, self.outputs = state, data, labels, outputs


def shared_predictions(model: keras.Model, images: Data, labels: Data = None) -> tuple[np.ndarray, np.ndarray]:
    """Predicts `images` once for each state of the model.

    Args:
        model: A compiled model.
        images: An array, or a keras `PyDataset` or torch `DataLoader` that yields (inputs, labels).
        labels: shape (n,) or (n, 1) or one-hot, with an array only.

    Returns:
        Labels as integers, shape (n,), and the model's outputs, shape (n, num_outputs), in the order of the pass.

    Raises:
        DataError: Labels are missing, or do not fit the images.
    """
    state = _state(model)
    passes = _PASSES.setdefault(model, {})
    key = (id(images), id(labels))
    known = passes.get(key)
    if known is None or known.state != state:
        known = _Pass(state, (images, labels), *_predict(model, images, labels))
        passes[key] = known
    return known.labels, known.outputs


def _state(model: keras.Model) -> bytes:
    """Returns a hash of every tensor: it changes with a training step, and when early stopping restores weights.

    Sums would be cheaper, but a step of plain SGD leaves those of a softmax layer as they are.
    """
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return digest.digest()


def _predict(model: keras.Model, images: Data, labels: Data) -> tuple[np.ndarray, np.ndarray]:
    predict = InSmallerBatches(lambda batch: keras.ops.convert_to_numpy(model.predict_on_batch(batch)))
    true, outputs = [], []
    for inputs, batch_labels in with_safe_points(_batches(images, labels)):
        true.append(_as_integers(keras.ops.convert_to_numpy(batch_labels)))
        outputs.append(np.asarray(predict(inputs), np.float64))
    if not true:
        raise DataError("there is no image to predict: the data is empty.")
    stacked = np.concatenate(outputs)
    return np.concatenate(true), stacked.reshape(len(stacked), -1)


def check_labelled(images: Data, labels: Data) -> None:
    """Checks what can be seen of some data before the first batch.

    Args:
        images: An array, or a keras `PyDataset` or torch `DataLoader`.
        labels: shape (n, ...), with an array only.

    Raises:
        DataError: An array comes without labels, or with another number of them.
    """
    if labels is not None and len(images) != len(labels):
        raise DataError(f"there are {len(images)} images but {len(labels)} labels.")
    if labels is None and hasattr(images, "shape"):
        raise DataError("images are an array, so the labels must be given as well.")


def _batches(images: Data, labels: Data) -> Iterator[tuple[Any, Any]]:
    check_labelled(images, labels)
    if labels is not None:
        for start in range(0, len(images), 32):
            yield images[start : start + 32], labels[start : start + 32]
        return
    for batch in _iterate(images):
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            raise DataError("the data must yield (inputs, labels) batches; these batches have no labels.")
        yield batch[0], batch[1]


def _iterate(data: Data) -> Iterable[Any]:
    if isinstance(data, keras.utils.PyDataset):
        return (data[index] for index in range(data.num_batches))
    return data


def _as_integers(labels: np.ndarray) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.argmax(axis=1).astype(np.int64)
    integers = labels.reshape(-1).astype(np.int64)
    if (integers != labels.reshape(-1)).any():
        raise DataError(
            f"labels must be class indices or one-hot rows, got {labels[integers != labels.reshape(-1)][0]}."
        )
    return integers


def compiled_loss(model: keras.Model, labels: np.ndarray, outputs: np.ndarray) -> float | None:
    """Returns the compiled loss without class weights or penalties; None where the model has no single one.

    Args:
        model: A compiled model.
        labels: shape (n,), integers.
        outputs: shape (n, num_outputs), what the model predicts.
    """
    if model.loss is None or isinstance(model.loss, list | dict):
        return None
    loss = keras.losses.get(model.loss)
    takes_indices = "sparse" in f"{type(loss).__name__} {getattr(loss, '__name__', '')}".lower()
    if outputs.shape[1] == 1 or takes_indices:
        true = labels.reshape(-1, 1).astype(outputs.dtype)
    else:
        true = np.eye(outputs.shape[1])[labels]
    return float(np.mean(keras.ops.convert_to_numpy(loss(true, outputs))))
