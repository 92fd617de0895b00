"""A run's folder -> what a tracking server is given: one run a model, and below it one a seed.

Models stand on top, since they are what a person compares: each with its means over seeds and their intervals. All is
read from the folder, so that it can be sent at any later time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from kbin.config.tracking import MlflowConfig
from kbin.data.set_names import TRAIN
from kbin.deploy.tracking.run_parameters import run_parameters
from kbin.deploy.tracking.tracked_run import FAILED, FINISHED, Point, TrackedRun, points_of
from kbin.errors import RunFolderError
from kbin.experiment_file import flat_settings
from kbin.metric_names import METRICS
from kbin.run_files import ENVIRONMENT, EXPERIMENT, MODEL, REPORT, RESULTS
from kbin.runs import RunDirectory

# Neither decides on what a run found.
_NOT_THE_EXPERIMENT = ("audit", "tracking")
_SHOWN = frozenset(row.name for row in METRICS if not row.is_baseline)
_OF_THE_RUN = (REPORT, RESULTS, EXPERIMENT, ENVIRONMENT)
_SUFFIXES = (".csv", ".json", ".keras", ".md", ".png", ".txt", ".yaml")  # a plot's SVG says what its PNG says
_NOT_SENT = ("gallery",)  # the page shows it


def run_id(run: RunDirectory) -> str:
    """Returns what tells this run from all others: a hash of its settings and of when it was started."""
    settings = flat_settings(run.settings_text(), "the settings")
    kept = sorted((key, value) for key, value in settings.items() if key.split(".")[0] not in _NOT_THE_EXPERIMENT)
    text = repr([kept, run.environment().get("started")])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def tracked_runs(run: RunDirectory, identity: str, settings: MlflowConfig) -> list[TrackedRun]:
    """Returns all models with their seeds, a model before its seeds.

    Args:
        run: A finished run.
        identity: As `run_id` returns it.
        settings: Name, tags, and whether trained models are sent.

    Raises:
        RunFolderError: The folder is not that of a finished run, or is damaged.
    """
    results, environment = run.results(), run.environment()
    start = _milliseconds(environment.get("started"))
    tags = dict(settings.tags) | {
        "kbin.run_id": identity,
        "kbin.experiment": str(results.get("experiment", "")),
        "kbin.run": settings.run_name or run.path.resolve().name,
        "kbin.version": str(environment.get("packages", {}).get("kbin", "")),
        "mlflow.source.name": "kbin run",
    }
    found: list[TrackedRun] = []
    try:
        for entry in results["models"]:
            found += _of_model(run, entry, environment.get("seeds", []), tags, start, settings)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RunFolderError(f"{run.path / RESULTS} is damaged: {type(error).__name__}: {error}.") from None
    return found


def _of_model(
    run: RunDirectory,
    entry: Mapping[str, Any],
    seeds: list[int],
    tags: Mapping[str, str],
    start: int,
    settings: MlflowConfig,
) -> list[TrackedRun]:
    model_id, is_done = str(entry["id"]), entry["status"] == "done"
    params = run_parameters(run, entry)
    prefix = f"{settings.run_name} " if settings.run_name else ""
    end = start + round(1000 * sum(entry.get("seconds", {}).values()))
    tags = dict(tags) | {"kbin.model": model_id}
    files = {name: run.path / name for name in _OF_THE_RUN if run.has_file(run.path / name)}
    files |= _files_in(run, run.path / "models" / model_id, settings)
    model = TrackedRun(
        key=model_id,
        name=f"{prefix}{model_id}",
        params=params,
        tags=tags | {"kbin.level": "model"} | _description(entry),
        points=tuple(_points_of_model(entry, start)),
        files=files,
        status=FINISHED if is_done else FAILED,
        start=start,
        end=end,
    )
    if not is_done or not entry["sets"]:  # a search without refit trains none
        return [model]
    return [model] + [
        TrackedRun(
            key=f"{model_id}/seed-{seed}",
            name=f"{prefix}{model_id} seed {seed}",
            parent=model_id,
            params=params | {"seed": str(seed)},
            tags=tags | {"kbin.level": "seed", "kbin.seed": str(seed)},
            points=tuple(_points_of_seed(run, entry, seed, start)),
            files=_files_in(run, run.model_folder(model_id, seed), settings, deep=True),
            start=start,
            end=start + (end - start) // len(seeds),
        )
        for seed in seeds
    ]


def _points_of_model(entry: Mapping[str, Any], time: int) -> Iterator[Point]:
    """Yields means over seeds with intervals, sizes and times."""
    for name, one in entry["sets"].items():
        yield from points_of(_shown(one["metrics"]), 0, time, f"{name}/")
        for metric, bounds in one.get("intervals", {}).items() if name != TRAIN else ():
            if metric in _SHOWN and bounds is not None:
                low, high = bounds
                yield from points_of({"low": low, "high": high}, 0, time, f"{name} interval/{metric} ")
    parameters = entry.get("parameters", {})
    yield from points_of({key: parameters.get(key) for key in ("total", "trainable")}, 0, time, "parameters/")
    yield from points_of(entry.get("seconds", {}), 0, time, "seconds/")


def _points_of_seed(run: RunDirectory, entry: Mapping[str, Any], seed: int, time: int) -> Iterator[Point]:
    """Yields the epochs, and the metrics of this seed on every set."""
    for name, values in run.history(str(entry["id"]), seed).items():
        for row, value in enumerate(values if name != "epoch" else ()):
            yield from points_of({name: value}, row + 1, time + row + 1, "epochs/")
    for name, one in entry["sets"].items():
        for of_seed in one["per_seed"]:
            if of_seed["seed"] == seed:
                yield from points_of(_shown(of_seed["metrics"]), 0, time, f"{name}/")
                yield from points_of({"threshold": of_seed.get("threshold")}, 0, time)


def _shown(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name in _SHOWN}


def _files_in(run: RunDirectory, folder: Path, settings: MlflowConfig, deep: bool = False) -> dict[str, Path]:
    """Returns the files of a folder that are sent, by their place in it; links that lead out are refused."""
    run.inside(folder)
    found = sorted(folder.rglob("*") if deep else folder.glob("*"))
    return {
        str(path.relative_to(folder).as_posix()): run.inside(path)
        for path in found
        if path.suffix in _SUFFIXES
        and not any(part.startswith(".") or part in _NOT_SENT for part in path.relative_to(folder).parts)
        and (settings.models or path.name != MODEL)
        and run.has_file(path)
    }


def _description(entry: Mapping[str, Any]) -> dict[str, str]:
    """Returns the tag that MLflow shows as a run's description."""
    if entry["status"] != "done":
        return {"mlflow.note.content": f"Failed: {entry.get('error', '')}"[:1000]}
    text = "Means over seeds, with 95 % intervals over images; the page is the artifact `report.html`."
    return {"mlflow.note.content": text}


def _milliseconds(started: Any) -> int:
    try:
        return round(1000 * datetime.fromisoformat(str(started)).timestamp())
    except ValueError:
        return 0
