"""What MLflow holds, as its own client reads it."""

from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

SOME = ("test/f1", "test/roc_auc", "test interval/accuracy high")  # a request each: all of them would take a minute


def runs_of(server: str, experiment: str) -> list[Run]:
    """Returns all runs of an experiment."""
    client = MlflowClient(server)
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(client.search_runs([found.experiment_id], max_results=1000))


def stored(server: str, experiment: str, folder: Path) -> list[dict[str, Any]]:
    """Returns all that is there of every run, in the order of their keys; ids aside."""
    client, runs = MlflowClient(server), runs_of(server, experiment)
    keys = {one.info.run_id: one.data.tags["kbin.key"] for one in runs}
    rows = []
    for one in runs:
        run_id = one.info.run_id
        tags = {key: value for key, value in one.data.tags.items() if key not in ("mlflow.parentRunId",)}
        rows.append(
            {
                "key": keys[run_id],
                "name": one.info.run_name,
                "status": one.info.status,
                "time": (one.info.start_time, one.info.end_time),
                "parent": keys.get(one.data.tags.get("mlflow.parentRunId", "")),
                "params": one.data.params,
                "tags": tags,
                "values": one.data.metrics,
                "metrics": {
                    key: sorted((point.step, point.value) for point in client.get_metric_history(run_id, key))
                    for key in one.data.metrics
                    if key.startswith("epochs/") or key in SOME
                },
                "files": files_of(client, run_id, folder / run_id),
            }
        )
    return sorted(rows, key=lambda row: row["key"])


def files_of(client: MlflowClient, run_id: str, folder: Path) -> dict[str, bytes]:
    """Returns the artifacts of a run, downloaded by MLflow's own client."""
    folder.mkdir(parents=True, exist_ok=True)
    if not client.list_artifacts(run_id):
        return {}
    place = Path(client.download_artifacts(run_id, "", str(folder)))
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
