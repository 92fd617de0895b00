"""What ROC and precision-recall curves share: several models and seeds, each set's numbers, one way to draw."""

import statistics
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError
from kbin.evaluation.drawing import REFERENCE_COLOR, figure, line_styles, plain, set_title, shortened, write_reason
from kbin.evaluation.inputs import checked_classes, checked_labels, checked_probability_rows, checked_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

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
    """

    label: str
    positive: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float | None
    n: int
    positives: int
    reason: str | None = None

    @classmethod
    def from_scores(cls, y_true: ArrayLike, y_score: ArrayLike, label: str, positive: str = "1") -> Self:
        """Returns the curve of one model's scores; a set with one class gives an undefined one with a reason.

        Args:
            y_true: shape (n,), 0 or 1, 1 for the positive class.
            y_score: shape (n,), probability of the positive class, 0 to 1.
            label: The model's name; give its seeds the same.
            positive: Name of the positive class.

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
        return cls(label, positive, x, y, area, n, positives)

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


def curve_axes(curves: Sequence[RankCurve], ax: "Axes | None", title: str, size: float) -> "Axes":
    """Returns axes for two shares, with a title that names the positive class and the numbers of images.

    Args:
        curves: The curves to be drawn, all of the same set.
        ax: Where to draw; a new figure if None, higher where the legend stands below.
        title: The title.
        size: Width and height of a new figure in inches, without such a legend.

    Raises:
        DataError: There is no curve.
    """
    if not curves:
        raise DataError("a plot of curves needs at least one curve, got none.")
    if ax is None:
        num_models = len({curve.label for curve in curves})
        below = (num_models + 1) * _LEGEND_LINE_INCHES if num_models > _MOST_MODELS_INSIDE else 0.0
        _, ax = figure(size, size + below)
    set_title(ax, title, _subtitle(curves))
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
) -> None:
    """Draws each label's seeds in one style, with one legend line a label and the reference last.

    Args:
        curves: The curves; those with the same label are seeds of one model.
        ax: Where to draw.
        area_name: What the area is called in the legend.
        reference: What guessing gets: height at x = 0, height at x = 1, and the legend text.
        drawstyle: Matplotlib's way from point to point.
    """
    if all(curve.area is None for curve in curves):
        write_reason(ax, f"No curve: {curves[0].reason}.")
        return
    entries: list[tuple[Line2D, str]] = []
    styles = line_styles(curve.label for curve in curves)
    for label, style in styles.items():
        seeds = [curve for curve in curves if curve.label == label]
        width, opacity = (2.0, 1.0) if len(seeds) == 1 else (1.1, 0.75)
        for curve in seeds:
            ax.plot(curve.x, curve.y, drawstyle=drawstyle, linewidth=width, alpha=opacity, **style)
        # An empty line of full width: thin and pale lines are hard to match with a legend.
        handle = ax.plot([], [], linewidth=2.0, **style)[0]
        entries.append((handle, f"{plain(shortened(label))}  {_area_text(seeds, area_name)}"))
    if reference is not None:
        left, right, text = reference
        entries.append((ax.plot([0, 1], [left, right], color=REFERENCE_COLOR, linestyle=(0, (1, 2)), lw=1)[0], text))
    handles, texts = zip(*entries, strict=True)
    place = _below(ax) if len(styles) > _MOST_MODELS_INSIDE else {"loc": "best"}
    ax.legend(handles, texts, fontsize=9, framealpha=0.9, edgecolor="none", handlelength=2.8, **place)


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


def _area_text(seeds: Sequence[RankCurve], area_name: str) -> str:
    areas = [curve.area for curve in seeds if curve.area is not None]
    if len(areas) < len(seeds):
        return f"{area_name} undefined: one class"
    if len(areas) == 1:
        return f"{area_name} {areas[0]:.3f}"
    return f"{area_name} {statistics.fmean(areas):.3f} ± {statistics.stdev(areas):.3f} ({len(areas)} seeds)"
