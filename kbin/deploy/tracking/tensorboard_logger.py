"""A callback that writes TensorBoard's event files from anybody's `model.fit`, without TensorFlow."""

import os
import socket
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from kbin.deploy.tracking.event_files import EventWriter, check_tensorboard_is_installed
from kbin.deploy.tracking.fit_metrics import FitMetrics
from kbin.training.predictions import Data


class TensorBoardLogger(FitMetrics):
    """Writes the values of every epoch for TensorBoard (extra `tensorboard`): `tensorboard --logdir <folder>`.

    A disk that is full does not stop the training: a warning is given once.

    Args:
        images: As for `MetricLogger`: data whose loss, accuracy, precision, recall, F1 and ROC AUC are logged as
            `val_...`; None logs what Keras reports alone.
        labels: shape (n,), with an array only; 1 is the positive class.
        folder: Where the files go, a folder below it for every `fit`.
        run_name: That folder's name; the model's name and the time by default.
        params: Further settings for the tab HPARAMS.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        DataError: The labels are missing, or are not as many as the images.
    """

    def __init__(
        self,
        images: Data = None,
        labels: Data = None,
        folder: str | Path = "tensorboard",
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
    ):
        check_tensorboard_is_installed()
        super().__init__(images, labels, params)
        self._folder, self._run_name = Path(folder), run_name
        self._stream: BinaryIO | None = None
        self._writer: EventWriter | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Opens a file and writes the settings."""
        start = time.time()
        name = self._run_name or f"{self.model.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        file_name = f"events.out.tfevents.{start:.6f}.{socket.gethostname()}.{os.getpid()}"
        try:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
            self._stream = (self._folder / name / file_name).open("xb")
            self._writer = EventWriter(self._stream, start)
            self._writer.hyperparameters(self.fit_params(), ["epochs/val_roc_auc", "epochs/val_loss"], name, start)
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes the epoch's values."""
        points = self.epoch_points(epoch, logs)
        if self._writer is None or self._stream is None:
            return
        try:
            self._writer.scalars(points)
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Closes the file."""
        stream, self._stream, self._writer = self._stream, None, None
        if stream is not None:
            stream.close()

    def _give_up(self, error: OSError) -> None:
        self._stream, self._writer = None, None
        warnings.warn(f"nothing more is written for TensorBoard into {self._folder}: {error}", stacklevel=2)
