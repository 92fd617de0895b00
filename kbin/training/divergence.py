"""Training whose loss is no number any more is stopped, and its last good epoch kept."""

import math

import keras
import numpy as np
import torch


class DivergedError(Exception):
    """The loss or a weight is no number any more.

    Attributes:
        what: What is no number, in words.
    """

    def __init__(self, what: str):
        super().__init__(what)
        self.what = what


class DivergenceGuard(keras.callbacks.Callback):
    """Raises a DivergedError where the loss or a weight is no number; put it before all other callbacks.

    Attributes:
        good: The model's variables after the last good epoch; None in the first one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.good: list[np.ndarray] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps what the epoch before left."""
        if epoch > 0:
            self.good = [keras.ops.convert_to_numpy(one).copy() for one in self.model.variables]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the loss, the mean of the epoch so far."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the weights: the last step of an epoch has no loss after it."""
        if not all(bool(torch.isfinite(one.value).all()) for one in self.model.trainable_variables):
            raise DivergedError("weights are no numbers any more")

    def restore(self) -> bool:
        """Gives the model the variables of its last good epoch; returns whether there is one."""
        if self.good is None:
            return False
        for variable, value in zip(self.model.variables, self.good, strict=True):
            variable.assign(value)
        return True
