"""What an interrupted run has kept, in words, from its folder: whoever is told so waits for less with a calmer mind."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kbin.engine.feature_store import FeatureStore
from kbin.errors import KbinError
from kbin.run_files import ENVIRONMENT, RESULTS
from kbin.runs import RunDirectory

_UNFINISHED = "unfinished"
_FINISHED_MODEL, _TRAINED_SEED, _STAGES, _SEEDS = "entry.json", "trained.json", "stage-*.json", "seed-*"
_MOST_NAMES = 5


def kept_lines(run: RunDirectory) -> list[str]:
    """Returns what the same command will find and not do again; nothing is said of what is not there.

    Args:
        run: The folder of the run, which may be damaged or not be there.
    """
    if (run.path / RESULTS).is_file():
        return ["kept: all results; what is missing of plots, tables and page is made from them"]
    parts = [*_features(run), *_trials(run), *_models(run)]
    return [f"kept: {', '.join(parts)}"] if parts else []


def _features(run: RunDirectory) -> list[str]:
    """They are in the store of this machine, whose tables know when they were last used."""
    started = _object(run.path / ENVIRONMENT).get("started")
    try:
        since = datetime.fromisoformat(str(started)).timestamp()
        used = [one for one in FeatureStore.of_this_machine().entries() if one.images and one.last_used >= since]
    except (OSError, ValueError, KbinError):
        return []
    return ["computed features"] if used else []


def _trials(run: RunDirectory) -> list[str]:
    pieces = [_object(path).get("trials") for path in (run.path / "trials").glob("*.json")]
    count = sum(len(piece) for piece in pieces if isinstance(piece, list))
    return [_counted(count, "finished trial")] if count else []


def _models(run: RunDirectory) -> list[str]:
    folders = sorted(path for path in (run.path / _UNFINISHED).glob("*") if path.is_dir())
    finished = [folder.name for folder in folders if (folder / _FINISHED_MODEL).is_file()]
    parts = [f"{_counted(len(finished), 'finished model')} ({_names(finished)})"] if finished else []
    for folder in folders:
        if folder.name not in finished:
            parts += _seeds(folder)
    return parts


def _seeds(folder: Path) -> list[str]:
    """Returns what is kept of a model that is not finished: trained seeds, and the training that goes on."""
    seeds = sorted(folder.glob(_SEEDS))
    trained = [_number(seed) for seed in seeds if (seed / _TRAINED_SEED).is_file()]
    parts = [f"'{folder.name}' trained with seed{'s' * (len(trained) > 1)} {_names(trained)}"] if trained else []
    for seed in seeds:
        epochs = [_object(path).get("epoch") for path in seed.glob(_STAGES)]
        reached = max((epoch for epoch in epochs if isinstance(epoch, int)), default=0)
        if reached and _number(seed) not in trained:
            parts.append(f"training of '{folder.name}', seed {_number(seed)}, to epoch {reached}")
    return parts


def _number(folder: Path) -> str:
    return folder.name.partition("-")[2]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _object(path: Path) -> dict[str, Any]:
    value = _read(path)
    return value if isinstance(value, dict) else {}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
