"""Finished runs, and kept ones of a `model.fit`, to MLflow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kbin.config.tracking import MlflowConfig
from kbin.deploy.tracking.kept_files import KeptFiles
from kbin.deploy.tracking.kept_fit import read_kept_fit
from kbin.deploy.tracking.mlflow_address import mlflow_address
from kbin.deploy.tracking.mlflow_sending import MlflowSender
from kbin.deploy.tracking.mlflow_server import MlflowServer, mlflow_environment
from kbin.deploy.tracking.record import TrackingRecord
from kbin.deploy.tracking.tracked_run import TrackedRun, file_digest
from kbin.deploy.tracking.tracked_runs import tracked_runs
from kbin.errors import TrackingError
from kbin.progress import Progress
from kbin.runs import RunDirectory

# Charts, among the pages for training: by default those for language models are shown.
_VIEW = "workflowType=machine_learning&compareRunsMode=CHART"
Keep = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Tracked:
    """What came of it, for the command's answer.

    Attributes:
        lines: In words.
        values: The same for programs.
    """

    lines: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Shipment:
    """Runs, the experiment that they go to, what is known to be there, and what keeps that."""

    runs: list[TrackedRun]
    experiment: str
    identity: str
    there: Mapping[str, Any]
    keep: Keep


def send_run(
    run: RunDirectory, settings: MlflowConfig, progress: Progress, patience: float, only_if_changed: bool
) -> Tracked:
    """Sends what of a finished run is not there yet.

    Args:
        run: The run's folder, in which it is kept what was sent.
        settings: Where to, and under what names.
        progress: Where a person sees it.
        patience: Seconds for one request.
        only_if_changed: Asks the server nothing where everything was sent.

    Raises:
        TrackingError: The server is away, or refuses.
        RunFolderError: The folder is not that of a finished run, or is damaged.
        MissingExtraError: MLflow is not installed.
        AddressError: The address is none.
    """
    record = TrackingRecord(run)
    runs = tracked_runs(run, record.identity, settings)
    experiment = settings.experiment or str(run.results().get("experiment") or "kbin")
    address = mlflow_address(settings.uri)
    there = record.sent(address.shown, experiment)
    if only_if_changed and all(_is_sent(one, there.get(one.key)) for one in runs):
        return Tracked()

    def keep(sent: dict[str, Any]) -> None:
        record.keep(address.shown, experiment, sent)

    with mlflow_environment(address, patience):
        shipment = _Shipment(runs, experiment, record.identity, there, keep)
        return _send(shipment, MlflowServer(address, patience), progress)


def send_kept_fit(path: Path, mlflow: str | None, progress: Progress) -> Tracked:
    """Sends the run of a `model.fit` that `kbin.MlflowLogger` kept, and removes its files.

    Args:
        path: The file.
        mlflow: An address in place of the one in the file.
        progress: Where a person sees it.

    Raises:
        TrackingError: The server is away, or refuses.
        RunFolderError: The file is none of these, or a link lies beside it.
        MissingExtraError: MLflow is not installed.
        AddressError: The address is none.
        StorageError: The files cannot be removed.
    """
    kept = read_kept_fit(path)
    files = KeptFiles(path.parent, kept.identity)
    address = mlflow_address(mlflow or kept.uri)
    with mlflow_environment(address):
        shipment = _Shipment([kept.run(files.found())], kept.experiment, kept.identity, {}, lambda sent: None)
        tracked = _send(shipment, MlflowServer(address), progress)
    files.remove()  # first: what a kill leaves of them is found by the other file
    path.unlink(missing_ok=True)
    return tracked


def _send(shipment: _Shipment, server: MlflowServer, progress: Progress) -> Tracked:
    shown, runs = server.address.shown, shipment.runs
    there = dict(shipment.there)
    new: list[str] = []
    done = 0
    try:
        sender = MlflowSender(server, shipment.experiment, shipment.identity)
        with progress.bar(f"sending to MLflow at {shown}", len(runs), "runs") as advance:
            for run in runs:
                now = sender.send(run, there.get(run.key))
                if now != there.get(run.key):
                    new.append(run.key)
                    there[run.key] = now
                    shipment.keep(there)
                done += 1
                advance(1)
    except TrackingError as error:
        raise TrackingError(f"MLflow at {shown} has {done} of {len(runs)} runs: {error}.") from None
    values = {
        "uri": shown,
        "experiment": shipment.experiment,
        "experiment_id": sender.experiment_id,
        "runs": [
            {"key": run.key, "name": run.name, "run_id": there[run.key]["id"], "sent": run.key in new} for run in runs
        ],
    }
    line = f"{len(new)} of {len(runs)} runs sent" if new else f"all {len(runs)} runs are there already"
    where = f"mlflow ui --backend-store-uri {shown}"
    if server.address.is_remote:
        where = f"{shown}/#/experiments/{sender.experiment_id}/runs?{_VIEW}"
    return Tracked([f"MLflow, experiment '{shipment.experiment}': {line}; see {where}"], {"mlflow": values})


def _is_sent(run: TrackedRun, sent: Any) -> bool:
    if not isinstance(sent, dict):
        return False
    files = {place: file_digest(path) for place, path in run.files.items()}
    return (sent.get("name"), sent.get("digest"), sent.get("files")) == (run.name, run.digest(), files)
