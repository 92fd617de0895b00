"""The images that findings speak of, as pictures inside the page: as many of each as the page has room for."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kbin.errors import RunFolderError
from kbin.report.recorded_audit import AuditFinding, AuditImage, AuditStrip
from kbin.run_files import AUDIT
from kbin.runs import RunDirectory

ROOM = 1_000_000  # bytes, of all pictures together as text in the page; the galleries have what is left
# Images of each finding: all findings get the same, the most that fits.
_AMOUNTS = (40, 30, 24, 18, 12, 8, 6, 4, 2)
_CAPTION = 600  # bytes of markup and words a picture
_LARGEST_PICTURE = 30_000  # bytes; kbin's are at most 96 pixels wide and have some 3 kB
_JPEG_BEGINS = b"\xff\xd8\xff"


@dataclass(frozen=True)
class ShownPicture:
    """One image.

    Attributes:
        source: A data URI.
        alternative: What it is, in words.
        path: Where a person finds it.
        caption: What is to be seen in it.
    """

    source: str
    alternative: str
    path: str
    caption: str


@dataclass(frozen=True)
class ShownStrip:
    """Images beside each other."""

    title: str
    pictures: tuple[ShownPicture, ...]


def most_pictures(run: RunDirectory, findings: Sequence[AuditFinding], room: int) -> int:
    """Returns how many pictures of each finding fit into so many bytes of the page; 0 where not even a pair does."""
    return next((one for one in _AMOUNTS if _bytes(run, findings, one) <= min(room, ROOM)), 0)


def shown_strips(run: RunDirectory, strips: Sequence[AuditStrip], most: int) -> tuple[ShownStrip, ...]:
    """Returns the first images of a finding with their pictures; those that cannot be read are left out.

    Args:
        run: The run's folder.
        strips: Of the finding.
        most: Images of them all together.
    """
    shown = (_strip(run, strip) for strip in _first_strips(strips, most))
    return tuple(strip for strip in shown if strip.pictures)


def _first_strips(strips: Sequence[AuditStrip], most: int) -> list[AuditStrip]:
    """Returns the first strips with at most so many images; one image of a pair says nothing."""
    chosen: list[AuditStrip] = []
    for strip in strips:
        shown = strip.images[:most]
        if len(shown) < min(2, len(strip.images)):
            break
        chosen.append(strip.model_copy(update={"images": shown}))
        most -= len(shown)
    return chosen


def _bytes(run: RunDirectory, found: Sequence[AuditFinding], most: int) -> int:
    """Returns what so many pictures of each finding take as text: base64 makes four letters of three bytes."""
    return sum(
        4 * (_size(run.path / AUDIT / image.file) + 2) // 3 + _CAPTION
        for finding in found
        for strip in _first_strips(finding.strips, most)
        for image in strip.images
        if image.file is not None
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _strip(run: RunDirectory, strip: AuditStrip) -> ShownStrip:
    pictures = [_picture(run, image) for image in strip.images]
    return ShownStrip(strip.title, tuple(one for one in pictures if one is not None))


def _picture(run: RunDirectory, image: AuditImage) -> ShownPicture | None:
    """Returns an image with its picture; None for what is missing, leads out of the folder, or is no small JPEG."""
    if image.file is None:
        return None
    path = run.path / AUDIT / image.file
    try:
        content = run.inside(path).read_bytes() if _size(path) <= _LARGEST_PICTURE else b""
    except (OSError, ValueError, RunFolderError):
        return None
    if not content.startswith(_JPEG_BEGINS):
        return None
    what = f"{image.label}, in “{image.set}”"
    return ShownPicture(
        f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}",
        f"{image.sample_id}, {what}" + (f": {image.caption}" if image.caption else ""),
        image.path,
        image.caption or what,
    )
