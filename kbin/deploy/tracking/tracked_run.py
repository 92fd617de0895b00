"""What a tracking server is given of one trained model: plain values, made from a run's folder or by a callback."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

FINISHED, FAILED = "FINISHED", "FAILED"


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        key: The metric, such as `test/roc_auc`.
        value: Finite.
        step: The epoch from 1, or 0 for what is measured once.
        time: Milliseconds since 1970. The same value always has the same, so that a server knows it again.
    """

    key: str
    value: float
    step: int
    time: int


@dataclass(frozen=True)
class TrackedRun:
    """One run on a tracking server.

    Attributes:
        key: What it is in its folder: `fixed`, `fixed/seed-0`.
        name: For people.
        parent: The key of the run that it stands below, or None.
        params: Settings by name.
        tags: Text by name.
        points: Values of metrics.
        files: Place on the server -> file here.
        status: FINISHED or FAILED.
        start: Milliseconds since 1970.
        end: Likewise.
    """

    key: str
    name: str
    parent: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    status: str = FINISHED
    start: int = 0
    end: int = 0

    def digest(self) -> str:
        """Returns a hash that changes with everything but the content of files."""
        values = [self.name, self.parent, dict(self.params), dict(self.tags), self.points, self.status]
        return hashlib.blake2b(json.dumps([*values, self.start, self.end]).encode(), digest_size=16).hexdigest()


def points_of(values: Mapping[str, Any], step: int, time: int, prefix: str = "") -> list[Point]:
    """Returns the values that are finite numbers as points.

    Args:
        values: Metrics by name; what is no finite number is left out.
        step: Of all of them.
        time: Of all of them.
        prefix: Stands before every name.
    """
    return [
        Point(f"{prefix}{name}", float(value), step, time)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]


def file_digest(path: Path) -> str:
    """Returns a hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def text_values(values: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Returns settings as text, without those that are not set."""
    return {name: str(value) for name, value in values if value not in (None, "", [], {}, "None", "[]", "{}")}
