"""What an interrupted run goes on from: finished models, trained seeds, and the last kept epoch of a training.

    unfinished/<model id>/entry.json                    the model is finished: its entry in results.json
    unfinished/<model id>/seed-<n>/trained.json         the seed is trained and saved: history and predictions
    unfinished/<model id>/seed-<n>/stage-<k>.json       its training: the last kept epoch of a stage

Numbers lie beside a record, in `<record>-<checksum>.npz`. A record holds checksums of itself, of its numbers and of the
run's files that it speaks of, and the identity of what it came from: a hash of all that decides on the result. What is
damaged, or came from other settings, images or versions, counts as absent. A finished run has no such folder.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kbin.array_files import npz_bytes, read_arrays
from kbin.files import read_file
from kbin.runs import RunDirectory
from kbin.storage_faults import writing

FOLDER = "unfinished"
_ENTRY, _TRAINED = "entry", "trained"


@dataclass(frozen=True, eq=False)
class Kept:
    """What a record holds: plain values, and arrays by name."""

    values: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]


class Record:
    """One record: written whole, read if it is sound and of the same identity.

    Args:
        run: The run's folder.
        path: Of the record, without its ending.
        identity: Of what it comes from.
    """

    def __init__(self, run: RunDirectory, path: Path, identity: str):
        self._run, self._path, self._identity = run, path, identity

    def write(self, kept: Kept, files: Iterable[Path] = ()) -> None:
        """Writes the record; the last one stays until this one is whole.

        Args:
            kept: What it holds.
            files: Files of the run that it speaks of: where one changes, the record does not hold any more.
        """
        data = npz_bytes(kept.arrays)
        numbers = self._path.with_name(f"{self._path.name}-{_digest(data)}.npz")
        content = {
            "identity": self._identity,
            "numbers": numbers.name,
            "files": {str(path.relative_to(self._run.path)): _digest(_read(path)) for path in files},
            **kept.values,
        }
        self._run.write(numbers, data)
        text = json.dumps(content | {"checksum": _digest(json.dumps(content).encode())})
        self._run.write(self._path.with_suffix(".json"), text)
        for other in self._path.parent.glob(f"{self._path.name}-*.npz"):
            if other != numbers:
                with suppress(OSError):  # it only takes room
                    other.unlink(missing_ok=True)

    def read(self) -> Kept | None:
        """Returns what the record holds; None where there is none that holds."""
        try:
            content = json.loads(self._bytes(self._path.with_suffix(".json")))
            checksum, identity = content.pop("checksum"), content.pop("identity")
            if checksum != _digest(json.dumps({"identity": identity, **content}).encode()):
                return None
            if identity != self._identity:
                return None
            files, name = content.pop("files"), content.pop("numbers")
            if any(_digest(self._bytes(self._run.path / file)) != digest for file, digest in files.items()):
                return None
            data = self._bytes(self._path.with_name(name))
            if name != f"{self._path.name}-{_digest(data)}.npz":
                return None
            return Kept(content, read_arrays(data))
        except Exception:  # damaged, of other types than kbin writes, or a link that leads out of the folder
            return None

    def _bytes(self, path: Path) -> bytes:
        return read_file(self._run.inside(path))


class UnfinishedSeed:
    """What is kept of one seed of a model."""

    def __init__(self, run: RunDirectory, folder: Path, identity: str):
        self._run, self._folder, self._identity = run, folder, identity

    def trained(self) -> Record:
        """Returns the record of the trained and saved model."""
        return Record(self._run, self._folder / _TRAINED, self._identity)

    def stage(self, number: int) -> Record:
        """Returns the record of one stage of its training, from 1."""
        return Record(self._run, self._folder / f"stage-{number}", self._identity)

    def forget_stages(self) -> None:
        """Removes the records of stages: the trained model says all that they did."""
        for path in self._folder.glob("stage-*"):
            self._run.inside(path.parent)  # a link there would lead to files of others
            with suppress(OSError):
                path.unlink(missing_ok=True)


class UnfinishedModel:
    """What is kept of one model of an interrupted run.

    Args:
        run: The run's folder.
        model_id: The model's.
        identity: A hash of all that decides on its results.
    """

    def __init__(self, run: RunDirectory, model_id: str, identity: str):
        self._run, self._identity = run, identity
        self._folder = run.path / FOLDER / model_id

    def entry(self) -> Record:
        """Returns the record of the finished model."""
        return Record(self._run, self._folder / _ENTRY, self._identity)

    def seed(self, seed: int) -> UnfinishedSeed:
        """Returns what is kept of one seed."""
        return UnfinishedSeed(self._run, self._folder / f"seed-{seed}", f"{self._identity} {seed}")


def forget_unfinished(run: RunDirectory) -> None:
    """Removes all records: the run is finished."""
    shutil.rmtree(run.path / FOLDER, ignore_errors=True)


def _read(path: Path) -> bytes:
    with writing(path):  # it was written a moment ago: what befell it is the disk's
        return path.read_bytes()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
