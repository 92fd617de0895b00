"""Calibration curves of several models on one set: how often what they state comes true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kbin.errors import DataError
from kbin.evaluation.drawing import REFERENCE_COLOR, figure, line_styles, plain, set_title, shortened
from kbin.evaluation.intervals import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROOM = 0.03  # beside the outermost points
_ZOOMED_FROM = 0.3  # with more than two classes, nothing lies below one over their number


@dataclass(frozen=True)
class Point:
    """The images of one bin: their mean probability, how many of them it came true for, and their number."""

    stated: float
    share: float
    n: float


@dataclass(frozen=True)
class CalibrationCurve:
    """One model on one set.

    Attributes:
        label: The model.
        positive: Name of the positive class; None for more than two classes, where the answer's probability is judged.
        points: In rising order of the stated probability.
        ece: The expected calibration error, mean over seeds.
    """

    label: str
    positive: str | None
    points: tuple[Point, ...]
    ece: float

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draws this curve alone; see `plot_calibration`."""
        return plot_calibration([self], ax)


def draw_calibration(curves: Sequence[CalibrationCurve], title: str) -> "Figure":
    """Returns a figure with the curves of the models on one set, the legend below.

    Args:
        curves: The models on one set.
        title: Begins the title.

    Raises:
        DataError: There is no curve.
    """
    drawn, ax = figure(5.6, 5.2 + 0.2 * len(curves))
    plot_calibration(curves, ax, title)
    handles, labels = ax.get_legend_handles_labels()
    # Below: over and under the diagonal there is no free place that holds for every model.
    drawn.legend(handles, labels, loc="outside lower left", fontsize=9, frameon=False, handlelength=2.8)
    return drawn


def plot_calibration(curves: Sequence[CalibrationCurve], ax: "Axes | None" = None, title: str = "") -> "Axes":
    """Draws how often probabilities come true, a line a model, a bar (95 %, Wilson) and a point a bin of images.

    Bins hold equal numbers of images, so that the points also show where the scores lie.

    Args:
        curves: The models on one set.
        ax: Where to draw; a new figure with a legend if None.
        title: Begins the title.

    Raises:
        DataError: There is no curve.
    """
    if not curves:
        raise DataError("a calibration plot needs at least one curve, got none.")
    alone = ax is None
    if ax is None:
        _, ax = figure(5.6, 5.4)
    ax.plot([0, 1], [0, 1], color=REFERENCE_COLOR, linewidth=1, label="probabilities that come true", zorder=1)
    for curve, style in zip(curves, line_styles(curve.label for curve in curves).values(), strict=True):
        stated, shares = [one.stated for one in curve.points], [one.share for one in curve.points]
        intervals = [wilson_interval(one.share, one.n) or (one.share, one.share) for one in curve.points]
        lows, highs = [low for low, _ in intervals], [high for _, high in intervals]
        ax.vlines(stated, lows, highs, color=style["color"], linewidth=1.2, alpha=0.45, zorder=2)
        label = f"{plain(shortened(curve.label))}  ECE {curve.ece:.3f}"
        ax.plot(stated, shares, marker="o", markersize=4, linewidth=1.6, label=label, zorder=3, **style)
    positive = curves[0].positive
    lowest = min(min(one.stated, one.share) for curve in curves for one in curve.points)
    start = lowest - _ROOM if positive is None and lowest > _ZOOMED_FROM else -_ROOM
    ax.set_xlim(start, 1 + _ROOM)
    ax.set_ylim(start, 1 + _ROOM)
    name = "the answer" if positive is None else f"“{plain(shortened(positive, 30))}”"
    ax.set_xlabel(f"Stated probability of {name}")
    ax.set_ylabel("Share of answers that are right" if positive is None else f"Share that is {name}")
    set_title(
        ax,
        f"{title}: calibration" if title else "Calibration",
        "each point a bin of equally many images, with its 95% bar",
    )
    if alone:
        ax.legend(fontsize=9, framealpha=0.9, edgecolor="none")
    return ax
