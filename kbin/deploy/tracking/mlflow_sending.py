"""Runs to MLflow, each once: what is there already is found by its tags, whenever an earlier sending was cut off."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kbin.deploy.tracking.mlflow_server import MlflowServer
from kbin.deploy.tracking.tracked_run import Point, TrackedRun, file_digest
from kbin.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.entities import PagedList

KEY = "kbin.key"
_RUN_ID = "kbin.run_id"
_MOST_AT_ONCE, _MOST_METRICS = 100, 500  # in one request; MLflow takes 100 and 1000
_PAGE = 1000
_LONGEST_VALUE, _LONGEST_KEY = 500, 200  # what older servers take
_NOT_IN_NAMES = re.compile(r"[^/\w.\- ]")

Sent = dict[str, Any]


class MlflowSender:
    """Sends the runs of one kbin run to one experiment.

    Args:
        server: Where to.
        experiment: Its name there; made where there is none.
        identity: The kbin run's, by which its runs are found again.

    Raises:
        TrackingError: The server is away, or refuses.
    """

    def __init__(self, server: MlflowServer, experiment: str, identity: str):
        self._server, self._identity = server, identity
        self.experiment_id = self._experiment(experiment)
        self._there = self._runs_there()

    def send(self, run: TrackedRun, sent: Mapping[str, Any] | None = None) -> Sent:
        """Sends what of a run is not there yet; its parent has to be sent before.

        Args:
            run: The run.
            sent: What an earlier call returned; None where nothing is known of one.

        Returns:
            What is there now: the run's id, and hashes of all that was sent.

        Raises:
            TrackingError: The server is away, or refuses.
        """
        files = {place: file_digest(path) for place, path in run.files.items()}
        now = {"name": run.name, "digest": run.digest(), "files": files}
        there = {} if sent is None or sent.get("id") != self._there.get(run.key) else sent
        if {name: there.get(name) for name in now} == now:
            return dict(there)
        run_id = self.open(run)
        if there.get("digest") != now["digest"]:
            self.log(run, run_id)
        for place, path in run.files.items():
            if there.get("files", {}).get(place) != files[place]:
                self.upload(run_id, place, path)
        self.close(run, run_id)
        return {"id": run_id} | now

    def open(self, run: TrackedRun) -> str:
        """Returns the id of a run there, which is made where there is none.

        Raises:
            TrackingError: As for `send`, here and below.
        """
        return self._there.get(run.key) or self._created(run)

    def log(self, run: TrackedRun, run_id: str) -> None:
        """Logs settings, tags and values: a server keeps one of several with the same metric, step and time."""
        from mlflow.entities import Param, RunTag  # late: an extra

        params = [Param(mlflow_name(key), value[:_LONGEST_VALUE]) for key, value in run.params.items()]
        for some in _in_parts(params, _MOST_AT_ONCE):
            self._server.call(_batch(run_id, {"params": some}))
        tags = [RunTag(key, value) for key, value in run.tags.items()]
        for some in _in_parts(tags, _MOST_AT_ONCE):
            self._server.call(_batch(run_id, {"tags": some}))
        self.log_points(run.points, run_id)

    def log_points(self, points: Sequence[Point], run_id: str) -> None:
        """Logs values of metrics."""
        from mlflow.entities import Metric  # late: an extra

        metrics = [Metric(mlflow_name(one.key), one.value, one.time, one.step) for one in points]
        for some in _in_parts(metrics, _MOST_METRICS):
            self._server.call(_batch(run_id, {"metrics": some}))

    def upload(self, run_id: str, place: str, path: Path) -> None:
        """Sends a file; one that is there under this name is replaced."""
        folder = PurePosixPath(place).parent.as_posix()  # an artifact is called as its file is
        where = None if folder == "." else folder
        self._server.call(lambda client: client.log_artifact(run_id, str(path), where), path.stat().st_size)

    def close(self, run: TrackedRun, run_id: str) -> None:
        """Says how and when a run ended."""
        self._server.call(lambda client: client.set_terminated(run_id, run.status, run.end))

    def _experiment(self, name: str) -> str:
        found = self._server.call(lambda client: client.get_experiment_by_name(name))
        if found is None:
            return str(self._server.call(lambda client: client.create_experiment(name)))
        if found.lifecycle_stage != "active":
            raise TrackingError(
                f"its experiment '{name}' is deleted: restore it there, or choose another name by "
                "`tracking.mlflow.experiment`"
            )
        return str(found.experiment_id)

    def _runs_there(self) -> dict[str, str]:
        """Returns key -> id of this run's runs there; of two with one key, the one that came first."""
        found: dict[str, str] = {}
        token = None
        while True:
            page = self._server.call(self._page_after(token))
            for one in page:
                found.setdefault(one.data.tags.get(KEY, ""), one.info.run_id)
            token = page.token
            if not token:
                return found

    def _page_after(self, token: str | None) -> "Callable[[MlflowClient], PagedList[Run]]":
        return lambda client: client.search_runs(
            [self.experiment_id],
            f"tags.`{_RUN_ID}` = '{self._identity}'",
            max_results=_PAGE,
            order_by=["attributes.start_time"],
            page_token=token,
        )

    def _created(self, run: TrackedRun) -> str:
        """Makes a run with its tags in one request: from then on it is found by them."""
        tags = dict(run.tags) | {_RUN_ID: self._identity, KEY: run.key}
        if run.parent is not None:
            tags["mlflow.parentRunId"] = self._there[run.parent]
        made = self._server.call(
            lambda client: client.create_run(self.experiment_id, run.start, tags=tags, run_name=run.name)
        )
        self._there[run.key] = str(made.info.run_id)
        return self._there[run.key]


def _batch(run_id: str, values: Mapping[str, Sequence[Any]]) -> "Callable[[MlflowClient], object]":
    arguments: dict[str, Any] = dict(values)
    return lambda client: client.log_batch(run_id, **arguments)


def _in_parts(values: Iterable[Any], size: int) -> Iterable[list[Any]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def mlflow_name(name: str) -> str:
    """Returns the name of a metric or parameter as MLflow takes it; two names stay two.

    Letters of any language, digits, `_`, `-`, `.`, blanks and slashes stay; another letter is written as its number,
    and so is a dot or slash where the name would read as a way through folders.
    """
    plain = _NOT_IN_NAMES.sub(lambda found: f"_x{ord(found[0]):x}_", name)
    parts = [part.replace(".", "_x2e_") if set(part) == {"."} else part or "_" for part in plain.split("/")]
    return "/".join(parts)[:_LONGEST_KEY]
