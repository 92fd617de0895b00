"""A dataset: labelled images that are not decoded yet, with what is known of each."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kbin.data.image_sources import ArrayImages, FileImages, ImageSource, Indices, JoinedImages
from kbin.data.set_names import UNSPLIT
from kbin.interruption import with_safe_points

__all__ = ["UNSPLIT", "ArrayImages", "Dataset", "FileImages", "ImageSource", "JoinedImages", "concatenate"]

Strings = npt.NDArray[np.str_]
Labels = npt.NDArray[np.int64]

# Images of a piece of work for a thread: one a future would take more memory than their paths.
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images of one set.

    Attributes:
        paths: shape (n,), where a person would look each image up, relative to the root of the data:
            "test/cat/1.png", "cells.npz#12".
        labels: shape (n,), index into `classes`.
        classes: The names of the classes; of two, the second is the positive one once `load_sets` has ordered them.
        images: The images themselves, in the same order.
        columns: What else is known of each image, each of shape (n,): cell type, patient.
    """

    paths: Strings
    labels: Labels
    classes: tuple[str, ...]
    images: ImageSource
    columns: Mapping[str, Strings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.paths), len(self.labels), len(self.images), *map(len, self.columns.values())}
        if len(lengths) > 1:
            raise ValueError(f"paths, labels, images and columns must be equally many; got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, indices: Indices) -> "Dataset":
        """Returns the images at `indices`, in that order."""
        chosen = replace(
            self,
            paths=self.paths[indices],
            labels=self.labels[indices],
            images=self.images.select(indices),
            columns={name: values[indices] for name, values in self.columns.items()},
        )
        if "_hashes" in vars(self):
            vars(chosen)["_hashes"] = self._hashes[indices]
        return chosen

    def relabelled(self, labels: Labels, classes: tuple[str, ...]) -> "Dataset":
        """Returns the same images with other labels, shape (n,), of other classes."""
        changed = replace(self, labels=labels, classes=classes)
        if "_hashes" in vars(self):
            vars(changed)["_hashes"] = self._hashes
        return changed

    def class_counts(self) -> dict[str, int]:
        """Returns the number of images of each class, in the order of `classes`."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def content_hashes(self) -> Strings:
        """Returns a hash of each stored image, shape (n,); they are computed once."""
        return self._hashes

    @cached_property
    def _hashes(self) -> Strings:
        starts = range(0, len(self), _CHUNK)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                chunks = list(with_safe_points(pool.map(self._hashes_from, starts)))
            finally:  # who is interrupted need not wait for all the files that are not read yet
                pool.shutdown(wait=False, cancel_futures=True)
        return np.array([one for chunk in chunks for one in chunk], dtype="<U32")

    def _hashes_from(self, start: int) -> list[str]:
        return [self.images.content_hash(index) for index in range(start, min(start + _CHUNK, len(self)))]

    @property
    def sample_ids(self) -> Strings:
        """The paths as files hold them, shape (n,), with " (2)", " (3)" ... where another image has the same one."""
        used: set[str] = set()
        times: dict[str, int] = {}
        ids = []
        for path in self.paths.tolist():
            # As `write_whole` does: a name that is no UTF-8 must not meet another that has its escapes as letters.
            plain = one = path.encode("utf-8", errors="backslashreplace").decode()
            while one in used:
                times[plain] = times.get(plain, 1) + 1
                one = f"{plain} ({times[plain]})"
            used.add(one)
            ids.append(one)
        return np.array(ids, dtype=np.str_)


def concatenate(datasets: Sequence[Dataset]) -> Dataset:
    """Returns the datasets in a row; their roots may differ.

    Args:
        datasets: At least one, all of the same classes.

    Returns:
        One dataset, with the columns that all of them have.
    """
    first = datasets[0]
    if len(datasets) == 1:
        return first
    if any(dataset.classes != first.classes for dataset in datasets):
        raise ValueError(f"the classes differ: {[dataset.classes for dataset in datasets]}")
    shared = [name for name in first.columns if all(name in dataset.columns for dataset in datasets)]
    joined = Dataset(
        paths=np.concatenate([dataset.paths for dataset in datasets]),
        labels=np.concatenate([dataset.labels for dataset in datasets]),
        classes=first.classes,
        images=JoinedImages([dataset.images for dataset in datasets]),
        columns={name: np.concatenate([dataset.columns[name] for dataset in datasets]) for name in shared},
    )
    if all("_hashes" in vars(dataset) for dataset in datasets):
        vars(joined)["_hashes"] = np.concatenate([dataset.content_hashes() for dataset in datasets])
    return joined
