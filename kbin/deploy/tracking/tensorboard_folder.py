"""A run as TensorBoard shows it: one event file a model and one a seed, written whole and always the same."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kbin.deploy.tracking.event_files import check_tensorboard_is_installed, event_bytes
from kbin.deploy.tracking.tracked_run import TrackedRun, file_digest
from kbin.files import save_whole
from kbin.run_files import EVENTS, TENSORBOARD
from kbin.runs import RunDirectory, event_files

_ALWAYS_SHOWN = ("backbone", "train_blocks", "training.learning_rate", "seed")


def tensorboard_folder(run: RunDirectory, chosen: Path | None, identity: str) -> Path:
    """Returns where the event files of a run go.

    Args:
        run: The run.
        chosen: A folder that may hold other runs too, each under its name and the beginning of its identity; None takes
            the run's own folder.
        identity: The run's.
    """
    return run.path / TENSORBOARD if chosen is None else chosen / f"{run.path.resolve().name}-{identity[:6]}"


def tensorboard_digest(runs: Sequence[TrackedRun]) -> str:
    """Returns a hash that changes with all that event files are made from."""
    digest = hashlib.blake2b(digest_size=16)
    for run in runs:
        digest.update(f"{run.key} {run.digest()}".encode())
        for path in run.files.values():
            if path.suffix == ".png":
                digest.update(file_digest(path).encode())
    return digest.hexdigest()


def write_tensorboard(runs: Sequence[TrackedRun], folder: Path, root: Path | None) -> None:
    """Writes the event files, and removes those of models that are no more.

    Args:
        runs: All models and seeds.
        folder: Their own.
        root: The folder that has to be there already, or None.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        StorageError: They cannot be written.
    """
    check_tensorboard_is_installed()
    params = [name for name in dict.fromkeys(key for run in runs for key in run.params) if _is_shown(name, runs)]
    wanted = set()
    for run in runs:
        path = folder / run.key / EVENTS
        shown = {key: run.params[key] for key in params if key in run.params} if run.parent is not None else {}
        metrics = [one.key for one in run.points if one.step == 0 and "/" in one.key]
        save_whole(path, partial(_write, event_bytes(run, shown, metrics)), root)
        wanted.add(path)
    for path in event_files(folder):
        if path not in wanted:
            path.unlink()


def is_written(runs: Sequence[TrackedRun], folder: Path) -> bool:
    """Returns whether every run has its event file."""
    return all((folder / run.key / EVENTS).is_file() for run in runs)


def _is_shown(name: str, runs: Sequence[TrackedRun]) -> bool:
    """Settings that all runs share would only make the table wide."""
    return name in _ALWAYS_SHOWN or len({run.params.get(name) for run in runs}) > 1


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)
