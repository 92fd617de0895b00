"""tracking.json of a run's folder: what of it was sent where, so that nothing is sent twice."""

from typing import Any

from kbin.deploy.tracking.tracked_runs import run_id
from kbin.runs import RunDirectory


class TrackingRecord:
    """What was sent; it is written anew after every run that a server has taken.

    Args:
        run: The run's folder. A damaged record counts as none: a server then says what it has.
    """

    def __init__(self, run: RunDirectory):
        self._run = run
        values = run.tracking()
        self.identity = values["id"] if isinstance(values.get("id"), str) else run_id(run)
        places = values.get("mlflow")
        self._places = [one for one in places if _is_a_place(one)] if isinstance(places, list) else []
        written = values.get("tensorboard")
        self._written: dict[str, Any] = written if isinstance(written, dict) else {}

    def sent(self, uri: str, experiment: str) -> dict[str, Any]:
        """Returns what was sent to an experiment of a server: a run's key -> what `MlflowSender.send` returned."""
        for place in self._places:
            if (place["uri"], place["experiment"]) == (uri, experiment):
                return dict(place["runs"])
        return {}

    def keep(self, uri: str, experiment: str, runs: dict[str, Any]) -> None:
        """Writes what is at an experiment of a server now."""
        others = [one for one in self._places if (one["uri"], one["experiment"]) != (uri, experiment)]
        self._places = [*others, {"uri": uri, "experiment": experiment, "runs": runs}]
        self._save()

    def written(self, folder: str) -> str | None:
        """Returns the hash of what was written for TensorBoard into a folder; None where nothing was."""
        return self._written.get(folder)

    def keep_written(self, folder: str, digest: str) -> None:
        """Writes what TensorBoard's folder holds now."""
        self._written = self._written | {folder: digest}
        self._save()

    def _save(self) -> None:
        self._run.save_tracking({"id": self.identity, "mlflow": self._places, "tensorboard": self._written})


def _is_a_place(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), str) for name in ("uri", "experiment"))
        and isinstance(value.get("runs"), dict)
        and all(isinstance(one, dict) and isinstance(one.get("files"), dict) for one in value["runs"].values())
    )
