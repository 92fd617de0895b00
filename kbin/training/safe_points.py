"""A training by `model.fit` may be left before each of its batches."""

import keras

from kbin.interruption import safe_point


class SafePoints(keras.callbacks.Callback):
    """Leaves the training where a signal asked for it.

    Before a batch and not after it: what the other callbacks do at the end of an epoch is done then.
    """

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Raises Interrupted where a signal came."""
        safe_point()
