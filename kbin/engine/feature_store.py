"""Features on disk: computed once on a machine, for all its experiments.

A table holds the features of one prefix (its weights, cut, preprocessing, runtime and precision are the table's key)
by the content of the images. It is filled in shards, each of them whole or absent (shard_files.py). What fails its
checksum, or belongs to another table, is made anew.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from kbin.engine.shard_files import num_images, open_shard, read_json, shard_files
from kbin.errors import ConfigError, StorageError, StoreFullError
from kbin.files import make_folder, write_whole
from kbin.interruption import with_safe_points
from kbin.locks import locked
from kbin.storage_faults import storage_error

PLACE, LIMIT = "KBIN_STORE", "KBIN_STORE_MAX_GB"
DEFAULT_LIMIT_GB = 20.0
SHARD_SIZE = 256  # images; an interruption loses less than a shard
_MOST_SHARDS = 200  # of one pass: each holds a file open
_GB = 10**9
NETWORKS = "networks"
_KEY, _LOCK = "table.json", "filling.lock"


@dataclass(frozen=True)
class StoredFeatures:
    """Memory-mapped features of some images, in their order; `Inputs` for training.

    Attributes:
        shards: Arrays of shape (images of the shard, ...).
        shard_of: shape (n,), the shard that holds each image.
        row_of: shape (n,), its row there.
    """

    shards: Sequence[np.ndarray]
    shard_of: np.ndarray
    row_of: np.ndarray

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """The shape of one image's features."""
        return tuple(self.shards[0].shape[1:])

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the features at `indices`, shape (len(indices), ...), float32."""
        taken = np.empty((len(indices), *self.feature_shape), self.shards[0].dtype)
        for place, index in enumerate(indices):
            taken[place] = self.shards[self.shard_of[index]][self.row_of[index]]
        return taken


class FeatureTable:
    """The stored features of one prefix.

    Args:
        folder: Its folder.
        key: What its features depend on; None where nothing will be added.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any] | None = None):
        self.folder, self._key = folder, key
        self._shards: list[np.ndarray] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._read: set[str] = set()

    def refresh(self) -> None:
        """Opens the shards that were added since; a damaged one is removed, so that it is made again."""
        for description in with_safe_points(sorted(self.folder.glob("*.json"))):
            if description.name != _KEY and description.name not in self._read:
                self._open(description)

    def missing(self, hashes: Iterable[str]) -> list[int]:
        """Returns the positions of the images that are not stored, each image once, in order."""
        seen: set[str] = set()
        positions = []
        for position, name in enumerate(hashes):
            if name not in self._places and name not in seen:
                seen.add(name)
                positions.append(position)
        return positions

    def add(self, hashes: Sequence[str], features: np.ndarray) -> None:
        """Writes one shard.

        Args:
            hashes: The content hashes of its images.
            features: shape (len(hashes), ...), in the same order.

        Raises:
            StorageError: It cannot be written, or the table was removed; the shards before it stay.
        """
        name, array, description = shard_files(self.folder.name, hashes, features)
        with storing(self.folder):
            _write_over_folder(self.folder / f"{name}.npy", array, self.folder, lasting=False)
            try:
                _write_over_folder(self.folder / f"{name}.json", description, self.folder)
            except StorageError:
                _remove_file(self.folder / f"{name}.npy")  # without its description it would only take room
                raise
        self._open(self.folder / f"{name}.json")

    def stored(self, hashes: Iterable[str]) -> StoredFeatures:
        """Returns the features of images that are all stored."""
        places = np.array([self._places[name] for name in hashes], np.int64).reshape(-1, 2)
        return StoredFeatures(self._shards, places[:, 0], places[:, 1])

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Waits until no other process fills the table, and shows what it added; the lock falls with its holder.

        Raises:
            StorageError: The table's folder cannot be written.
        """
        with _held(self.folder):
            for left_behind in self.folder.glob(".*"):  # by a killed process, before it could rename
                with suppress(OSError):
                    left_behind.unlink(missing_ok=True)
            if self._key is not None and not (self.folder / _KEY).is_file():  # the store was cleared since
                _write_key(self.folder, self._key)
            self.refresh()
            yield

    def _open(self, description: Path) -> None:
        try:
            hashes, shard = open_shard(description)
            if self._shards and shard.shape[1:] != self._shards[0].shape[1:]:
                raise ValueError("another network's")
        except FileNotFoundError:
            return  # another process is clearing the store
        except (OSError, ValueError, KeyError, TypeError, MemoryError):
            # It does not count, and is written over where the store may be written.
            _remove_file(description)
            _remove_file(description.with_suffix(".npy"))
            return
        self._read.add(description.name)
        self._shards.append(shard)
        for row, name in enumerate(hashes):
            self._places.setdefault(name, (len(self._shards) - 1, row))


class FeatureStore:
    """All tables of this machine, within a limit; what was not used for longest goes first."""

    def __init__(self, root: Path, limit_bytes: int):
        self.root, self.limit_bytes = root, limit_bytes

    @classmethod
    def of_this_machine(cls) -> "FeatureStore":
        """Returns the store that `KBIN_STORE` and `KBIN_STORE_MAX_GB` name.

        Raises:
            ConfigError: The limit is not a number of gigabytes.
        """
        place = os.environ.get(PLACE)
        text = os.environ.get(LIMIT, str(DEFAULT_LIMIT_GB))
        try:
            limit = float(text)
        except ValueError:
            limit = -1.0
        if not 0 <= limit < float("inf"):
            raise ConfigError(f"the environment variable {LIMIT} is '{text}'; give a number of gigabytes, such as 20.")
        return cls(Path(place) if place else user_cache_path("kbin") / "store", int(limit * _GB))

    def table(self, key: Mapping[str, Any]) -> FeatureTable:
        """Returns the table of a prefix, opened and checked, made where it is not there.

        Args:
            key: Plain values that say what the features depend on besides the image.

        Raises:
            StorageError: It is not there and cannot be made.
        """
        folder = self._folder(key)
        with storing(folder):
            if not (folder / _KEY).is_file():
                make_folder(folder)
                with _held(folder):  # who fills the table removes what is being written aside
                    _write_key(folder, key)
        with suppress(OSError):  # a store that may only be read still gives what it has
            os.utime(folder / _KEY)  # the time of last use
        table = FeatureTable(folder, key)
        table.refresh()
        return table

    def peek(self, key: Mapping[str, Any]) -> FeatureTable:
        """Returns the table of a prefix without making one or counting as use."""
        table = FeatureTable(self._folder(key))
        table.refresh()
        return table

    def make_room(self, needed_bytes: int, keep: FeatureTable) -> None:
        """Removes tables that were not used for longest until there is room.

        Args:
            needed_bytes: Room for what will be added.
            keep: The table that it will be added to.

        Raises:
            StoreFullError: There is not so much room even in an empty store.
        """
        kept = folder_bytes(keep.folder)
        if kept + needed_bytes > self.limit_bytes:
            raise StoreFullError(
                f"the features need {(kept + needed_bytes) / _GB:.2f} GB, more than the store's limit of "
                f"{self.limit_bytes / _GB:g} GB ({LIMIT})"
            )
        entries = self.entries()
        used = sum(entry.bytes for entry in entries)
        for entry in sorted(entries, key=lambda entry: entry.last_used):
            if used + needed_bytes <= self.limit_bytes:
                break
            if entry.folder != keep.folder and _remove(entry.folder):
                used -= entry.bytes

    def entries(self) -> list["StoreEntry"]:
        """Returns what is stored, last used first."""
        entries = [_entry(path.parent) for path in self.root.glob(f"*/{_KEY}")]
        return sorted(entries, key=lambda entry: -entry.last_used)

    def clear(self, name: str | None = None) -> list["StoreEntry"]:
        """Removes one table by the beginning of its name, or all and the converted networks; returns what went."""
        chosen = [entry for entry in self.entries() if name is None or entry.name.startswith(name)]
        if name is None:
            shutil.rmtree(self.root / NETWORKS, ignore_errors=True)
        return [entry for entry in with_safe_points(chosen) if _remove(entry.folder)]

    def _folder(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps(dict(key), sort_keys=True)
        return self.root / hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


@dataclass(frozen=True)
class StoreEntry:
    """One table as `kbin store` lists it.

    Attributes:
        folder: Where it is.
        key: What its features depend on.
        images: The number of stored images.
        bytes: Its size on disk.
        last_used: Seconds since the epoch.
    """

    folder: Path
    key: dict[str, Any]
    images: int
    bytes: int
    last_used: float

    @property
    def name(self) -> str:
        """The name that `kbin store --clear` takes."""
        return self.folder.name


def _write_key(folder: Path, key: Mapping[str, Any]) -> None:
    with storing(folder):
        _write_over_folder(folder / _KEY, json.dumps(dict(key), indent=1))


def shard_size(num_images: int) -> int:
    """Returns the images of a shard, for a pass over so many: it must not change when the pass is taken up again."""
    return SHARD_SIZE * max(1, -(-num_images // (SHARD_SIZE * _MOST_SHARDS)))


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Says of what cannot be written in the store where the store is, and how it is given another place or more room.

    Args:
        place: What the block writes.

    Raises:
        StorageError: The block could not write.
    """
    try:
        yield
    except (StorageError, OSError) as error:
        if isinstance(error, StorageError) and PLACE in str(error):  # said by a block within
            raise
        told = error if isinstance(error, StorageError) else storage_error(place, error)
        raise StorageError(
            f"{told} This is the store of features: {PLACE} names another place for it, {LIMIT} how many gigabytes it "
            "may take, and `kbin store --clear all` empties it."
        ) from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Holds the lock of a table, waiting for it."""
    with ExitStack() as stack:
        with storing(folder / _LOCK):
            stack.enter_context(locked(folder / _LOCK))
        yield


def _remove(folder: Path) -> bool:
    """Removes a table unless a process is filling it; those who read it keep what they have opened."""
    try:
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (Timeout, OSError):
        return False
    return not (folder / _KEY).exists()


def folder_bytes(folder: Path) -> int:
    """Returns the size of the files of a folder."""
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # written aside and renamed, or cleared, by another process
    return total


def _entry(folder: Path) -> StoreEntry:
    try:
        key = read_json(folder / _KEY)
        last_used = (folder / _KEY).stat().st_mtime
    except (OSError, ValueError):
        key, last_used = {}, time.time()
    images = sum(num_images(path) for path in folder.glob("*.json") if path.name != _KEY)
    return StoreEntry(folder, key if isinstance(key, dict) else {}, images, folder_bytes(folder), last_used)


def _write_over_folder(path: Path, content: str | bytes, root: Path | None = None, *, lasting: bool = True) -> None:
    """Writes a file whole, also where a folder has taken its place, which no file can replace."""
    if path.is_dir():
        _remove_file(path)
    write_whole(path, content, root, lasting=lasting)


def _remove_file(path: Path) -> None:
    """Removes what stands where a shard's file should be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
