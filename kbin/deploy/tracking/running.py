"""The story of tracking: read the run's folder, send what was not sent yet, and keep in it what was sent where."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kbin.config.tracking import MlflowConfig, TensorBoardConfig, TrackingConfig
from kbin.credentials import without_credentials
from kbin.deploy.tracking.event_files import check_tensorboard_is_installed
from kbin.deploy.tracking.mlflow_address import check_mlflow_is_installed
from kbin.deploy.tracking.mlflow_runs import Tracked, send_kept_fit, send_run
from kbin.deploy.tracking.mlflow_server import AT_THE_END_OF_A_RUN, ON_DEMAND
from kbin.deploy.tracking.record import TrackingRecord
from kbin.deploy.tracking.tensorboard_folder import (
    is_written,
    tensorboard_digest,
    tensorboard_folder,
    write_tensorboard,
)
from kbin.deploy.tracking.tracked_runs import tracked_runs
from kbin.errors import ConfigError, KbinError, RunFolderError
from kbin.progress import Progress
from kbin.run_files import EXPERIMENT
from kbin.run_lock import locked
from kbin.runs import RunDirectory
from kbin.yaml_text import read_yaml


def check_extras(settings: TrackingConfig) -> None:
    """Checks before a run that what its tracking needs is installed.

    Raises:
        MissingExtraError: A package is missing.
    """
    if settings.mlflow is not None:
        check_mlflow_is_installed()
    if settings.tensorboard is not None:
        check_tensorboard_is_installed()


def track_finished_run(run: RunDirectory, settings: TrackingConfig, progress: Progress) -> None:
    """Tracks a run at its end; whatever is wrong with that is said in one line, and the run has its results.

    Args:
        run: A finished run.
        settings: The section `tracking`.
        progress: Where a person sees it.
    """
    for one in (TrackingConfig(tensorboard=settings.tensorboard), TrackingConfig(mlflow=settings.mlflow)):
        try:
            for line in _tracked(run, one, progress, AT_THE_END_OF_A_RUN, only_if_changed=True).lines:
                progress.say(f"tracking: {line}")
        except Exception as error:
            words = str(error) if isinstance(error, KbinError) else without_credentials(repr(error))
            progress.say(f"tracking: {words} Nothing is lost: `kbin track {run.path}` does the rest later.")


def track_path(path: Path, mlflow: str | None, progress: Progress) -> Tracked:
    """Sends a finished run, or the kept one of a `model.fit`; what is there already is not sent again.

    Args:
        path: The run's folder, or the file that `kbin.MlflowLogger` kept.
        mlflow: An address of MLflow, in place of what the experiment says.
        progress: Where a person sees it.

    Raises:
        TrackingError: A server is away, or refuses.
        RunFolderError: The folder is not that of a finished run or is in use, or something in it is damaged.
        ConfigError: Nothing says where to send to.
        AddressError: What says it is no address.
        MissingExtraError: A package is missing.
        StorageError: It cannot be kept in the folder what was sent.
    """
    if path.is_file():
        return send_kept_fit(path, mlflow, progress)
    run = RunDirectory(path)
    run.results()  # a folder that is no finished run's is told so, and left alone
    settings = settings_of(run, mlflow)
    with locked(path):
        return _tracked(run, settings, progress, ON_DEMAND)


def settings_of(run: RunDirectory, mlflow: str | None = None) -> TrackingConfig:
    """Returns where a run is to be tracked: what its experiment says, or an address that takes its place.

    Args:
        run: The run's folder.
        mlflow: An address of MLflow.

    Raises:
        ConfigError: Neither of them says where to.
        RunFolderError: The folder is damaged.
    """
    settings = read_yaml(run.settings_text(), EXPERIMENT).value
    section = settings.get("tracking") if isinstance(settings, dict) else None
    try:
        found = TrackingConfig.model_validate(section or {})
    except ValidationError:
        raise RunFolderError(f"{run.path / EXPERIMENT} is damaged: its section `tracking`.") from None
    if mlflow is not None:
        kept = {} if found.mlflow is None else found.mlflow.model_dump()
        return TrackingConfig(mlflow=MlflowConfig.model_validate(kept | {"uri": mlflow}))
    if not found.is_asked_for and "MLFLOW_TRACKING_URI" in os.environ:
        return TrackingConfig(mlflow=MlflowConfig())
    if not found.is_asked_for:
        raise ConfigError(
            f"the experiment of {run.path} has no section `tracking`, and neither --mlflow nor MLFLOW_TRACKING_URI "
            "says where to: give `--mlflow http://host:5000`, for example."
        )
    return found


def _tracked(
    run: RunDirectory, settings: TrackingConfig, progress: Progress, patience: float, only_if_changed: bool = False
) -> Tracked:
    lines: list[str] = []
    values: dict[str, Any] = {"mlflow": None, "tensorboard": None}
    if settings.tensorboard is not None:
        written = _to_tensorboard(run, settings.tensorboard)
        lines, values = lines + written.lines, values | written.values
    if settings.mlflow is not None:
        sent = send_run(run, settings.mlflow, progress, patience, only_if_changed)
        lines, values = lines + sent.lines, values | sent.values
    return Tracked(lines, values)


def _to_tensorboard(run: RunDirectory, settings: TensorBoardConfig) -> Tracked:
    record = TrackingRecord(run)
    runs = tracked_runs(run, record.identity, MlflowConfig(models=False))
    folder = tensorboard_folder(run, settings.folder, record.identity)
    digest, name = tensorboard_digest(runs), str(folder.resolve())
    if settings.folder is None:
        run.inside(folder)
    if record.written(name) == digest and is_written(runs, folder):
        return Tracked([], {"tensorboard": {"folder": str(folder), "written": False}})
    write_tensorboard(runs, folder, run.path if settings.folder is None else None)
    record.keep_written(name, digest)
    line = f"TensorBoard's files are in {folder}: tensorboard --logdir {folder}"
    return Tracked([line], {"tensorboard": {"folder": str(folder), "written": True}})
