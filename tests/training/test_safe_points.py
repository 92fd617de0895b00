import os
import signal
from typing import Any

import keras
import numpy as np
import pytest

from kbin.interruption import Interrupted, interruptible
from kbin.training.safe_points import SafePoints


class SignalAfter(keras.callbacks.Callback):
    """Sends a signal after a batch, and notes what is done."""

    def __init__(self, batch: int):
        super().__init__()
        self._batch = batch
        self.done: list[str] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.done.append(f"batch {batch}")
        if batch == self._batch:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.done.append(f"epoch {epoch}")


@pytest.mark.parametrize(
    ("batch", "done"),
    [
        (1, ["batch 0", "batch 1"]),
        # What other callbacks keep at the end of an epoch is kept.
        (2, ["batch 0", "batch 1", "batch 2", "epoch 0"]),
    ],
)
def test_a_training_is_left_before_the_next_batch(batch, done):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    watcher = SignalAfter(batch)
    images, labels = np.zeros((6, 2), np.float32), np.zeros(6, np.float32)
    with pytest.raises(Interrupted), interruptible():
        model.fit(images, labels, batch_size=2, epochs=3, verbose=0, callbacks=[watcher, SafePoints()])
    assert watcher.done == done
