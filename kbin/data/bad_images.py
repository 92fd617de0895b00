"""Images that cannot be read: all of them found before anything rests on the others."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kbin.data.datasets import Dataset
from kbin.data.image_files import pillow_as_needed
from kbin.data.image_sources import Indices
from kbin.data.images import decode_or_fault
from kbin.data.wording import counted
from kbin.environment import available_cores
from kbin.errors import BadImagesError
from kbin.interruption import with_safe_points
from kbin.progress import Progress

if TYPE_CHECKING:
    from kbin.config.data import DataConfig

_SHOWN = 10
_CHUNK = 64  # images of a piece of work; a future for each image would take memory that grows with the folder


@dataclass(frozen=True)
class BadImage:
    """One image that cannot be read.

    Attributes:
        set_name: The set that the source puts it in.
        index: Its place there.
        path: As in `Dataset.paths`.
        location: Where it is on this machine.
        reason: Why it cannot be read.
    """

    set_name: str
    index: int
    path: str
    location: str
    reason: str


@dataclass(frozen=True)
class BadImages:
    """Those among the images of an experiment's sources.

    Attributes:
        images: In the order of sets and paths.
        total: Number of all images, bad ones among them.
    """

    images: tuple[BadImage, ...]
    total: int

    @property
    def share(self) -> float:
        """The bad ones' share of all images."""
        return len(self.images) / self.total if self.total else 0.0

    def check_share(self, max_share: float) -> None:
        """Makes sure that not too many are bad.

        Raises:
            AllBadImagesError: Their share is larger.
        """
        if self.share > max_share:
            raise AllBadImagesError(self, max_share)

    def entry(self) -> dict[str, object]:
        """Returns what results.json says of them."""
        return {
            "count": len(self.images),
            "share": self.share,
            "files": [{"set": one.set_name, "path": one.path, "reason": one.reason} for one in self.images[:_SHOWN]],
        }

    def rows(self) -> list[tuple[str, str, str]]:
        """Returns the rows of bad_images.csv: set, path, reason."""
        return [(one.set_name, one.path, one.reason) for one in self.images]


class AllBadImagesError(BadImagesError):
    """All images that cannot be read; the message names them.

    Args:
        bad: They.
        max_share: The share of them that was allowed, with `data.on_bad_image: skip`; None where none may be bad.
        listed_in: A file with all of them, so that the message shows the first ones.
    """

    def __init__(self, bad: BadImages, max_share: float | None, listed_in: Path | None = None) -> None:
        self.bad, self.max_share = bad, max_share
        shown = bad.images if listed_in is None else bad.images[:_SHOWN]
        lines = [f"  {one.location} ({one.reason})" for one in shown]
        if len(shown) < len(bad.images):
            lines.append(f"  and {len(bad.images) - len(shown):,} more")
        if listed_in is not None:
            lines.append(f"All are listed in {listed_in}.")
        if max_share is None:
            allowed, remedy = "", "set data.on_bad_image: skip, which leaves them out and lists them"
        else:
            allowed = f", {bad.share:.1%}, and data.max_bad_share allows {max_share:.1%} to be left out"
            remedy = "raise data.max_bad_share"
        super().__init__(
            f"{counted(len(bad.images), 'image')} of {bad.total} cannot be read{allowed}:\n"
            + "\n".join(lines)
            + f"\nReplace or remove them, or {remedy}."
        )


def find_bad_images(sets: Mapping[str, Dataset], data: "DataConfig", progress: Progress | None = None) -> BadImages:
    """Decodes every image once, in threads, and returns those that cannot be read.

    Args:
        sets: By name.
        data: The data section.
        progress: Where it is shown.
    """
    chunks = [
        (name, range(start, min(start + _CHUNK, len(one))))
        for name, one in sets.items()
        for start in range(0, len(one), _CHUNK)
    ]
    total = sum(map(len, sets.values()))

    def bad_ones(chunk: tuple[str, range]) -> list[BadImage]:
        name, indices = chunk
        return list(_bad_ones(name, sets[name], indices, data))

    found: list[BadImage] = []
    with (
        pillow_as_needed(),
        (progress or Progress()).bar("looking for bad images", total, "images") as advance,
        ThreadPoolExecutor(available_cores()) as threads,
    ):
        try:
            for chunk, bad in zip(with_safe_points(chunks), threads.map(bad_ones, chunks), strict=True):
                found += bad
                advance(len(chunk[1]))
        finally:  # who is interrupted need not wait for the images that are not looked at yet
            threads.shutdown(wait=False, cancel_futures=True)
    return BadImages(tuple(found), total)


def _bad_ones(name: str, dataset: Dataset, indices: Sequence[int], data: "DataConfig") -> Iterator[BadImage]:
    for index in indices:
        outcome = decode_or_fault(dataset.images, index, data.image_size, data.resize)
        if isinstance(outcome, str):
            yield BadImage(name, index, str(dataset.paths[index]), dataset.images.location(index), outcome)


def without(sets: Mapping[str, Dataset], bad: BadImages) -> dict[str, Dataset]:
    """Returns the sets without their bad images."""
    left = dict(sets)
    for name, dataset in sets.items():
        indices = [one.index for one in bad.images if one.set_name == name]
        if indices:
            kept: Indices = np.delete(np.arange(len(dataset), dtype=np.int64), indices)
            left[name] = dataset.select(kept)
    return left


def skipped_note(bad: BadImages) -> str:
    """Returns the sentence that says of the images that were left out."""
    return (
        f"{counted(len(bad.images), 'image')} of {bad.total:,} cannot be read and "
        f"{'was' if len(bad.images) == 1 else 'were'} left out (data.on_bad_image: skip); bad_images.csv lists them."
    )
