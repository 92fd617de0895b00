"""What ROC and precision-recall curves share: several models and seeds, operating points, bands, one way to draw."""

import statistics
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError
from kbin.evaluation.curve_bands import CurveBand
from kbin.evaluation.drawing import (
    REFERENCE_COLOR,
    LineStyle,
    figure,
    line_styles,
    plain,
    set_title,
    shortened,
    write_reason,
)
from kbin.evaluation.inputs import checked_classes, checked_labels, checked_probability_rows, checked_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Bands of more models, and thin lines of their seeds, hide one another.
MOST_MODELS_WITH_BANDS = 4
# Up to this many models the legend leaves the curves visible; a longer one stands below the axes.
_MOST_MODELS_INSIDE = 2
_LEGEND_LINE_INCHES = 0.22
# Room for the axis's numbers and label, between the axes and a legend below them.
_LEGEND_GAP_INCHES = 0.55


@dataclass(frozen=True, eq=False)
class RankCurve(ABC):
    """A curve over all thresholds of one model and seed on one set.

    Attributes:
        label: The model, or the class where each class has a curve; curves with the same label are its seeds.
        positive: Name of the positive class; "" where each curve has its own.
        x: shape (num_points,), 0 to 1; empty if undefined.
        y: shape (num_points,), 0 to 1; empty if undefined.
        area: Area under the curve, 0 to 1; None if undefined.
        n: Number of images.
        positives: Number of positive images.
        reason: Why the curve is undefined; None if it is not.
        point: x and y at the threshold in force; None where there is none, or it is undefined.
    """

    label: str
    positive: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float | None
    n: int
    positives: int
    reason: str | None = None
    point: tuple[float, float] | None = None

    @classmethod
    def from_scores(
        cls, y_true: ArrayLike, y_score: ArrayLike, label: str, positive: str = "1", threshold: float | None = None
    ) -> Self:
        """Returns the curve of one model's scores; a set with one class gives an undefined one with a reason.

        Args:
            y_true: shape (n,), 0 or 1, 1 for the positive class.
            y_score: shape (n,), probability of the positive class, 0 to 1.
            label: The model's name; give its seeds the same.
            positive: Name of the positive class.
            threshold: The one in force, which is marked on the curve; None marks nothing.

        Raises:
            DataError: The arrays do not fit together or do not hold labels and probabilities.
        """
        truth = checked_labels(y_true, 2)
        scores = checked_scores(y_score, len(truth))
        n, positives = len(truth), int(truth.sum())
        if positives in (0, n):
            reason = f"all {n} images are {'positive' if positives else 'negative'}; the curve needs both classes"
            nothing = np.empty(0)
            return cls(label, positive, nothing, nothing, None, n, positives, reason)
        x, y, area = cls._points(truth, scores)
        point = None if threshold is None else cls._point(truth, scores >= threshold)
        return cls(label, positive, x, y, area, n, positives, point=point)

    @classmethod
    def one_vs_rest(cls, y_true: ArrayLike, y_probability: ArrayLike, classes: Sequence[str]) -> list[Self]:
        """Returns one curve for each class against all others, labelled with the class.

        Args:
            y_true: shape (n,), class indices.
            y_probability: shape (n, num_classes), rows summing to 1.
            classes: Class names in label order.

        Raises:
            DataError: The arrays do not fit together or do not hold labels and probabilities.
        """
        names = checked_classes(classes)
        truth = checked_labels(y_true, len(names))
        probabilities = checked_probability_rows(y_probability, len(truth), len(names))
        return [cls.from_scores(truth == k, probabilities[:, k], name, "") for k, name in enumerate(names)]

    @staticmethod
    @abstractmethod
    def _points(
        truth: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Returns x, y and the area, for a set with both classes."""

    @staticmethod
    @abstractmethod
    def _point(truth: NDArray[np.int64], called: NDArray[np.bool_]) -> tuple[float, float] | None:
        """Returns x and y of the answers `called`, for a set with both classes; None where one is undefined."""


def curve_axes(
    curves: Sequence[RankCurve], ax: "Axes | None", title: str, size: float, bands: Sequence[CurveBand] = ()
) -> "Axes":
    """Returns axes for two shares, with a title that names the positive class and the numbers of images.

    Args:
        curves: The curves to be drawn, all of the same set.
        ax: Where to draw; a new figure if None, higher where the legend stands below.
        title: The title.
        size: Width and height of a new figure in inches, without such a legend.
        bands: The means and bands to be drawn.

    Raises:
        DataError: There is no curve.
    """
    if not curves:
        raise DataError("a plot of curves needs at least one curve, got none.")
    if ax is None:
        num_models = len({curve.label for curve in curves})
        num_lines = num_models + 1 + any(curve.point is not None for curve in curves)
        below = num_lines * _LEGEND_LINE_INCHES if num_models > _MOST_MODELS_INSIDE else 0.0
        _, ax = figure(size, size + below)
    set_title(ax, title, "\n".join(part for part in (_subtitle(curves), _band_text(bands)) if part))
    # A little room, so that curves along the edges stay visible.
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    return ax


def draw_curves(
    curves: Sequence[RankCurve],
    ax: "Axes",
    area_name: str,
    reference: tuple[float, float, str] | None = None,
    drawstyle: str = "default",
    bands: Sequence[CurveBand] = (),
) -> None:
    """Draws each label's seeds in one style, with one legend line a label; operating point and reference come last.

    A label with a mean has it drawn in full width, its band below it, and its seeds thin and pale, or not at all where
    the labels are many.

    Args:
        curves: The curves; those with the same label are seeds of one model.
        ax: Where to draw.
        area_name: What the area is called in the legend.
        reference: What guessing gets: height at x = 0, height at x = 1, and the legend text.
        drawstyle: Matplotlib's way from point to point.
        bands: Means and bands of some labels.
    """
    if all(curve.area is None for curve in curves):
        write_reason(ax, f"No curve: {curves[0].reason}.")
        return
    entries: list[tuple[Line2D, str]] = []
    styles = line_styles(curve.label for curve in curves)
    band_of = {band.label: band for band in bands}
    for label, style in styles.items():
        seeds = [curve for curve in curves if curve.label == label]
        _draw_label(seeds, ax, style, drawstyle, band_of.get(label), len(styles) <= MOST_MODELS_WITH_BANDS)
        # An empty line of full width: thin and pale lines are hard to match with a legend.
        handle = ax.plot([], [], linewidth=2.0, **style)[0]
        entries.append((handle, f"{plain(shortened(label))}  {_area_text(seeds, area_name)}"))
    entries += _draw_points(curves, ax, styles)
    if reference is not None:
        left, right, text = reference
        entries.append((ax.plot([0, 1], [left, right], color=REFERENCE_COLOR, linestyle=(0, (1, 2)), lw=1)[0], text))
    handles, texts = zip(*entries, strict=True)
    place = _below(ax) if len(styles) > _MOST_MODELS_INSIDE else {"loc": "best"}
    ax.legend(handles, texts, fontsize=9, framealpha=0.9, edgecolor="none", handlelength=2.8, **place)


def _draw_label(
    seeds: Sequence[RankCurve],
    ax: "Axes",
    style: LineStyle,
    drawstyle: str,
    band: CurveBand | None,
    with_seeds: bool,
) -> None:
    """Draws the curves of one model; more than one seed steps back behind their mean."""
    has_mean = band is not None and len(seeds) > 1
    width, opacity = (2.0, 1.0) if len(seeds) == 1 else (0.8, 0.35) if has_mean else (1.1, 0.75)
    for curve in seeds if with_seeds or not has_mean else ():
        ax.plot(curve.x, curve.y, drawstyle=drawstyle, linewidth=width, alpha=opacity, **style)
    if band is None:
        return
    if has_mean:
        ax.plot(band.x, band.mean, linewidth=2.0, **style)
    if band.low is not None and band.high is not None:
        ax.fill_between(band.x, band.low, band.high, color=style["color"], alpha=0.15, linewidth=0)


def _draw_points(
    curves: Sequence[RankCurve], ax: "Axes", styles: Mapping[str, LineStyle]
) -> "list[tuple[Line2D, str]]":
    """Marks each label's operating point, the mean of its seeds', and returns the legend's line for it."""
    several = False
    look: dict[str, Any] = {"marker": "o", "markersize": 8, "linestyle": "none", "markeredgecolor": "white"}
    drawn = False
    for label, style in styles.items():
        points = [curve.point for curve in curves if curve.label == label]
        known = [point for point in points if point is not None]
        if not known or len(known) < len(points):
            continue
        drawn, several = True, several or len(known) > 1
        x, y = (statistics.fmean(values) for values in zip(*known, strict=True))
        ax.plot([x], [y], markerfacecolor=style["color"], zorder=4, **look)
    if not drawn:
        return []
    text = "at the threshold in force" + (", mean over seeds" if several else "")
    return [(ax.plot([], [], markerfacecolor=REFERENCE_COLOR, **look)[0], text)]


def _below(ax: "Axes") -> dict[str, Any]:
    """Returns where a legend below the axes goes: a fixed way down, whatever the height of the axes."""
    from matplotlib.transforms import ScaledTranslation

    down = ScaledTranslation(0, -_LEGEND_GAP_INCHES, ax.figure.dpi_scale_trans)
    return {
        "loc": "upper left",
        "bbox_to_anchor": (0.0, 0.0),
        "bbox_transform": ax.transAxes + down,
        "borderaxespad": 0.0,
    }


def _subtitle(curves: Sequence[RankCurve]) -> str:
    """Names the positive class, and the numbers of images where all curves have the same."""
    first = curves[0]
    one_set = len({(curve.n, curve.positives) for curve in curves}) == 1
    if not first.positive:
        return f"each class against the rest ({first.n:,} images)"
    counts = f" ({first.positives:,} of {first.n:,} images)" if one_set else ""
    return f"positive: {shortened(first.positive)}{counts}"


def _band_text(bands: Sequence[CurveBand]) -> str:
    """Says what is bold and what is shaded, as far as it is drawn."""
    parts = ["bold: mean of seeds"] if any(band.num_seeds > 1 for band in bands) else []
    if any(band.low is not None for band in bands):
        parts.append("shaded: 95% over images (bootstrap, Wilson)")
    return "; ".join(parts)


def _area_text(seeds: Sequence[RankCurve], area_name: str) -> str:
    areas = [curve.area for curve in seeds if curve.area is not None]
    if len(areas) < len(seeds):
        return f"{area_name} undefined: one class"
    if len(areas) == 1:
        return f"{area_name} {areas[0]:.3f}"
    return f"{area_name} {statistics.fmean(areas):.3f} ± {statistics.stdev(areas):.3f} ({len(areas)} seeds)"
