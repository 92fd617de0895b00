"""A callback that logs anybody's `model.fit` to MLflow, and does not care whether its server is there."""

import uuid
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kbin.deploy.tracking.fit_metrics import FitMetrics, now
from kbin.deploy.tracking.fit_sending import FitSending
from kbin.deploy.tracking.kept_files import KeptFiles
from kbin.deploy.tracking.kept_fit import KeptFit
from kbin.deploy.tracking.mlflow_address import mlflow_address
from kbin.deploy.tracking.mlflow_server import AT_THE_END_OF_A_RUN
from kbin.deploy.tracking.tracked_run import Point, TrackedRun
from kbin.errors import KbinError, StorageError
from kbin.training.predictions import Data


class MlflowLogger(FitMetrics):
    """Logs settings, the values of every epoch and the trained model to MLflow (extra `mlflow`).

    A thread sends them, so training never waits; at its end a few seconds are given to what is still on its way. Where
    the server is away or too slow, a warning is given once, and everything is kept: in a file that `kbin track FILE`
    sends later, and a folder beside it with the model and the plot. A disk that is full stops no training.

    With data of two classes the artifacts hold the ROC curve too. Put the callback after an `EarlyStopping` that
    restores the best weights: it then sends the model that is kept.

    Args:
        images: As for `MetricLogger`: data whose loss, accuracy, precision, recall, F1 and ROC AUC are logged as
            `val_...`; None logs what Keras reports alone.
        labels: shape (n,), with an array only; 1 is the positive class.
        uri: MLflow's address; None takes MLFLOW_TRACKING_URI, or else MLflow's own default.
        experiment: Its name in MLflow.
        run_name: The run's; the model's name by default.
        params: Further settings to log.
        folder: Where a run is kept that could not be sent; the model and the plot lie there until they are sent.
        models: Send the trained model, as the artifact `model.keras`.

    Raises:
        MissingExtraError: MLflow is not installed.
        AddressError: The address is none.
        DataError: The labels are missing, or are not as many as the images.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        images: Data = None,
        labels: Data = None,
        uri: str | None = None,
        experiment: str = "model-fit",
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        folder: str | Path = "mlflow-unsent",
        models: bool = True,
    ):
        super().__init__(images, labels, params)
        self._address = mlflow_address(uri)
        self._experiment, self._run_name, self._folder = experiment, run_name, Path(folder)
        self._models = models
        self._points: list[Point] = []
        self._sending: FitSending | None = None
        self._has_warned = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins a run."""
        self._identity, self._points, self._has_warned = uuid.uuid4().hex, [], False
        self._files = KeptFiles(self._folder, self._identity)
        self._is_folder_ours = not self._folder.exists()
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
        files = self._save_files()
        if files:
            with suppress(StorageError):  # with it they are found, should the process be killed while they are sent
                self._kept().save(self._path)
        if sending.end(self._ended(files), AT_THE_END_OF_A_RUN):
            self._remove()
        else:
            self._keep(str(sending.error or "no answer in time"), has_numbers=sending.has_numbers)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._identity[:12]}.json"

    def _ended(self, files: Mapping[str, Path]) -> TrackedRun:
        run = self._run
        return TrackedRun(run.key, run.name, params=run.params, tags=run.tags, files=files, start=run.start, end=now())

    def _save_files(self) -> dict[str, Path]:
        """Writes what goes to the artifacts, and returns what could be written."""
        png = self.roc_png()
        if png is not None:
            self._try("plot", lambda: self._files.save_roc(png))
        if self._models:
            self._try("model", lambda: self._files.save_model(self.model.save))
        return self._files.found()

    def _try(self, what: str, save: Callable[[], None]) -> None:
        try:
            save()
        except Exception as error:  # also of a model that Keras cannot save: its training is done and must not be lost
            words = str(error) if isinstance(error, KbinError) else f"{type(error).__name__}: {error}"
            warnings.warn(f"MLflow does not get the {what} of '{self._run.name}': {words}", stacklevel=2)

    def _remove(self) -> None:
        """Removes what was kept; where that fails, `kbin track` finds all of it sent already."""
        with suppress(KbinError, OSError):
            self._files.remove()
            self._path.unlink(missing_ok=True)
        if self._is_folder_ours:
            with suppress(OSError):  # another `fit` keeps something there
                self._folder.rmdir()

    def _kept(self) -> KeptFit:
        run = self._run
        return KeptFit(
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

    def _keep(self, reason: str, has_numbers: bool = False) -> None:
        """Writes the run as it is now, and says so once."""
        told = f"MLflow at {self._address.shown} is away ({reason}); the training goes on. "
        if has_numbers:
            told = f"MLflow at {self._address.shown} has the run, but not all of its files ({reason}). "
        try:
            self._kept().save(self._path)
            told += f"`kbin track {self._path}` sends {'them' if has_numbers else 'it'} later."
        except StorageError as error:
            told += f"The run cannot be kept either: {error}"
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(told, stacklevel=2)
