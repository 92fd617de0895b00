"""Numbers with their intervals as places on one scale, so that a page can draw them side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.report.tables import Cell

Interval = tuple[float, float]
WIDTH = 200  # units of the drawing, which the page stretches
_MARGIN = 8


@dataclass(frozen=True)
class Scale:
    """Numbers between two ends, put on a drawing of `WIDTH` units."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Returns where a number stands, in units from the left; a scale without length puts it in the middle."""
        if self.high <= self.low:
            return WIDTH / 2
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)


@dataclass(frozen=True)
class Bar:
    """One number on a scale: its place, those of its interval's ends, and of a line to compare with."""

    center: float
    start: float
    end: float
    line: float | None = None


@dataclass(frozen=True)
class BarredCell:
    """A number with its bar; without a bar where there is no number."""

    cell: Cell
    bar: Bar | None


def scale_of(values: Sequence[float], intervals: Sequence[Interval | None]) -> Scale:
    """Returns the scale on which all numbers and intervals have room."""
    ends = [*values, *(end for interval in intervals if interval is not None for end in interval)]
    return Scale(min(ends), max(ends))


def bar(scale: Scale, value: float, interval: Interval | None, line: float | None = None) -> Bar:
    """Returns a number's bar.

    Args:
        scale: Of all numbers that are drawn side by side.
        value: The number.
        interval: Around it; None draws the number alone.
        line: A number that means "no difference", say; None for none.
    """
    low, high = interval or (value, value)
    return Bar(scale.place(value), scale.place(low), scale.place(high), None if line is None else scale.place(line))
