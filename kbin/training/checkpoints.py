"""Training that can be taken up again: everything that the next epoch depends on, kept after an epoch.

These are the model's variables (weights, moving statistics, states of seeded layers), the optimizer's (its step count
is where a schedule is), the state of torch's generators, from which Keras's dropout draws where it has no seed of its
own, and what early stopping remembers. The order of the batches depends on seed and epoch alone.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import torch

from kbin.interruption import is_interrupted
from kbin.unfinished import Kept, Record

_LARGEST_SHARE = 0.05  # of the training's time, that keeping epochs may take
_STOPPING = ("best", "best_epoch", "wait", "stopped_epoch")


class Checkpoint(keras.callbacks.Callback):
    """Keeps epochs, as often as that takes no more than a twentieth of the time; put it after all other callbacks.

    Args:
        record: Where they are kept.
        stopping: The early stopping of the same `fit`; None where there is none.
        rows: The history, a row an epoch; it grows while the model trains.
        also: Returns further plain values to keep.
    """

    def __init__(
        self,
        record: Record,
        stopping: keras.callbacks.EarlyStopping | None,
        rows: Sequence[Mapping[str, Any]],
        also: Callable[[], Mapping[str, Any]],
    ):
        super().__init__()
        self._record, self._stopping, self._rows, self._also = record, stopping, rows, also
        self._restored: Kept | None = None
        self._next = 0.0

    def found(self, model: keras.Model) -> Kept | None:
        """Returns the kept epoch, if the model and its optimizer are those that it was taken from."""
        kept = self._record.read()
        if kept is None or not _is_epoch(kept):
            return None
        model.optimizer.build(model.trainable_variables)
        for prefix, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
            values = _numbered(kept.arrays, prefix)
            if [one.shape for one in values] != [tuple(one.shape) for one in variables]:
                return None
        self._restored = kept
        return kept

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Puts everything back as it was; earlier callbacks have forgotten what they knew by now."""
        kept = self._restored
        if kept is None:
            return
        _assign(self.model.variables, _numbered(kept.arrays, "model"))
        _assign(self.model.optimizer.variables, _numbered(kept.arrays, "optimizer"))
        _set_generators(_numbered(kept.arrays, "generator"))
        stopping = kept.values["stopping"]
        if self._stopping is not None and stopping is not None:
            for name in _STOPPING:
                setattr(self._stopping, name, stopping[name])
            self._stopping.best_weights = _numbered(kept.arrays, "best") or None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the epoch, if it is time."""
        begin = time.monotonic()
        if begin < self._next and not is_interrupted():  # else the whole epoch would be lost at the next safe point
            return
        try:
            self._record.write(self._state(epoch + 1))
        except MemoryError:  # training itself has enough; the epochs before stay kept
            self._next = math.inf
            return
        seconds = time.monotonic() - begin
        self._next = begin + seconds / _LARGEST_SHARE

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Keeps the trained model: nothing of this `fit` is left to do.

        Args:
            outcome: Plain values that say what came of it.
        """
        values = self._values(len(self._rows), is_over=True) | dict(outcome)
        self._record.write(Kept(values, _arrays("model", self.model.variables) | _arrays("generator", _generators())))

    def _state(self, epoch: int) -> Kept:
        best = [] if self._stopping is None else self._stopping.best_weights or []
        arrays = (
            _arrays("model", self.model.variables)
            | _arrays("optimizer", self.model.optimizer.variables)
            | _arrays("best", best)
            | _arrays("generator", _generators())
        )
        return Kept(self._values(epoch, is_over=bool(self.model.stop_training)), arrays)

    def _values(self, epoch: int, is_over: bool) -> dict[str, Any]:
        stopping = self._stopping
        return dict(self._also()) | {
            "epoch": epoch,
            "is_over": is_over,
            "history": [dict(row) for row in self._rows],
            "stopping": None if stopping is None else {name: _plain(getattr(stopping, name)) for name in _STOPPING},
        }


def _is_epoch(kept: Kept) -> bool:
    """Returns whether a record holds all that `Checkpoint` keeps of an epoch."""
    values = kept.values
    stopping = values.get("stopping")
    return (
        {"epoch", "is_over", "history", "stopping", "micro_batch"} <= set(values)
        and (stopping is None or (isinstance(stopping, dict) and set(_STOPPING) <= set(stopping)))
        and bool(_numbered(kept.arrays, "generator"))
    )


def restore_finished(model: keras.Model, kept: Kept) -> bool:
    """Gives a model the variables of a finished training; returns whether they are its own."""
    values = _numbered(kept.arrays, "model")
    if [one.shape for one in values] != [tuple(one.shape) for one in model.variables]:
        return False
    _assign(model.variables, values)
    _set_generators(_numbered(kept.arrays, "generator"))
    return True


def _generators() -> list[np.ndarray]:
    """Returns the states of torch's global generators: of the CPU, then of each GPU."""
    states = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]
    return [state.numpy() for state in states]


def _set_generators(states: Sequence[np.ndarray]) -> None:
    first, *others = (torch.from_numpy(state) for state in states)
    torch.set_rng_state(first)
    if torch.cuda.is_available() and len(others) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(others)


def _plain(value: Any) -> float | int | None:
    return value if value is None or isinstance(value, int) else float(value)


def _arrays(prefix: str, variables: Sequence[Any]) -> dict[str, np.ndarray]:
    return {f"{prefix}-{place}": keras.ops.convert_to_numpy(one) for place, one in enumerate(variables)}


def _numbered(arrays: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    """Returns the arrays of one kind in their order; none where one of them is missing."""
    number = sum(name.startswith(f"{prefix}-") for name in arrays)
    names = [f"{prefix}-{place}" for place in range(number)]
    return [arrays[name] for name in names] if all(name in arrays for name in names) else []


def _assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
