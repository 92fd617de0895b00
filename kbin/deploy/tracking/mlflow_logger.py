"""A callback that logs anybody's `model.fit` to MLflow, and does not care whether its server is there."""

import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kbin.deploy.tracking.fit_metrics import FitMetrics, now
from kbin.deploy.tracking.fit_sending import FitSending
from kbin.deploy.tracking.kept_fit import KeptFit
from kbin.deploy.tracking.mlflow_address import mlflow_address
from kbin.deploy.tracking.mlflow_server import AT_THE_END_OF_A_RUN
from kbin.deploy.tracking.tracked_run import Point, TrackedRun
from kbin.errors import StorageError
from kbin.training.predictions import Data


class MlflowLogger(FitMetrics):
    """Logs settings and the values of every epoch to MLflow (extra `mlflow`).

    A thread sends them, so training never waits; at its end a few seconds are given to what is still on its way. Where
    the server is away, a warning is given once, and everything is kept in a file that `kbin track FILE` sends later.

    Args:
        images: As for `MetricLogger`: data whose loss, accuracy, precision, recall, F1 and ROC AUC are logged as
            `val_...`; None logs what Keras reports alone.
        labels: shape (n,), with an array only; 1 is the positive class.
        uri: MLflow's address; None takes MLFLOW_TRACKING_URI, or else MLflow's own default.
        experiment: Its name in MLflow.
        run_name: The run's; the model's name by default.
        params: Further settings to log.
        folder: Where a run is kept that could not be sent.

    Raises:
        MissingExtraError: MLflow is not installed.
        AddressError: The address is none.
        DataError: The labels are missing, or are not as many as the images.
    """

    def __init__(
        self,
        images: Data = None,
        labels: Data = None,
        uri: str | None = None,
        experiment: str = "model-fit",
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        folder: str | Path = "mlflow-unsent",
    ):
        super().__init__(images, labels, params)
        self._address = mlflow_address(uri)
        self._experiment, self._run_name, self._folder = experiment, run_name, Path(folder)
        self._points: list[Point] = []
        self._sending: FitSending | None = None
        self._has_warned = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins a run."""
        self._identity, self._points, self._has_warned = uuid.uuid4().hex, [], False
        name = self._run_name or self.model.name
        self._run = TrackedRun("fit", name, params=self.fit_params(), tags={"kbin.level": "fit"}, start=now())
        self._sending = FitSending(self._run, self._address, self._experiment, self._identity)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Hands the epoch's values over."""
        points = self.epoch_points(epoch, logs)
        self._points += points
        if self._sending is not None:
            self._sending.add(points)
            if self._sending.error is not None:
                self._keep(str(self._sending.error))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Waits a few seconds for what is on its way, and keeps the run where that was too short."""
        sending, self._sending = self._sending, None
        if sending is None:
            return
        if sending.end(self._at(now()), AT_THE_END_OF_A_RUN):
            self._path.unlink(missing_ok=True)
        else:
            self._keep(str(sending.error or "no answer in time"))

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._identity[:12]}.json"

    def _at(self, end: int) -> TrackedRun:
        run = self._run
        return TrackedRun(run.key, run.name, params=run.params, tags=run.tags, start=run.start, end=end)

    def _keep(self, reason: str) -> None:
        """Writes the run as it is now, and says so once."""
        run = self._run
        kept = KeptFit(
            uri=self._address.shown,
            experiment=self._experiment,
            identity=self._identity,
            name=run.name,
            params=dict(run.params),
            tags=dict(run.tags),
            points=[(one.key, one.value, one.step, one.time) for one in self._points],
            start=run.start,
            end=now(),
        )
        told = f"MLflow at {self._address.shown} is away ({reason}); the training goes on. "
        try:
            kept.save(self._path)
            told += f"`kbin track {self._path}` sends it later."
        except StorageError as error:
            told += f"The run cannot be kept either: {error}"
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(told, stacklevel=2)
