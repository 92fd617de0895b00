"""A callback that writes TensorBoard's event files from anybody's `model.fit`, without TensorFlow."""

import io
import os
import socket
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kbin.deploy.tracking.event_files import EventWriter, check_tensorboard_is_installed
from kbin.deploy.tracking.fit_metrics import ROC, FitMetrics
from kbin.training.predictions import Data


class TensorBoardLogger(FitMetrics):
    """Writes the values of every epoch for TensorBoard (extra `tensorboard`): `tensorboard --logdir <folder>`.

    With data of two classes the trained model's ROC curve is among the images. Put the callback after an
    `EarlyStopping` that restores the best weights: it then is the curve of the model that is kept.

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
        self._path: Path | None = None
        self._buffer = io.BytesIO()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins a file with the settings."""
        start = time.time()
        name = self._run_name or f"{self.model.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        self._path = self._folder / name / f"events.out.tfevents.{start:.6f}.{socket.gethostname()}.{os.getpid()}"
        self._buffer = io.BytesIO()
        self._writer = EventWriter(self._buffer, start)
        self._writer.hyperparameters(self.fit_params(), ["epochs/val_roc_auc", "epochs/val_loss"], name, start)
        self._write()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes the epoch's values."""
        self._writer.scalars(self.epoch_points(epoch, logs))
        self._write()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Writes the trained model's ROC curve."""
        png = self.roc_png()
        if png is not None:
            self._writer.picture(ROC, png, time.time())
            self._write()

    def _write(self) -> None:
        """Adds to the file what came since the last time; it is open no longer than that takes."""
        content = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                stream.write(content)
        except OSError as error:
            self._path = None
            warnings.warn(f"nothing more is written for TensorBoard into {self._folder}: {error}", stacklevel=2)
