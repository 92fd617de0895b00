"""What unfreezing more of a backbone gets: metrics against the number of trainable parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kbin.errors import DataError
from kbin.evaluation.drawing import line_styles, panels, plain, set_title, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class DepthPoint:
    """One model.

    Attributes:
        name: What is trained, in a word.
        trainable: Number of trainable parameters, at least 1.
        value: The metric, a mean over seeds.
        spread: Its standard deviation over seeds; None for one seed.
    """

    name: str
    trainable: int
    value: float
    spread: float | None = None


@dataclass(frozen=True)
class DepthCurve:
    """One backbone at several depths.

    Attributes:
        label: The backbone.
        points: Its models, at least one; drawn in the order of their trainable parameters.
    """

    label: str
    points: tuple[DepthPoint, ...]

    def plot(self, ax: "Axes | None" = None, quantity: str = "ROC AUC") -> "Axes":
        """Draws this curve alone; see `plot_depth`."""
        return plot_depth([self], ax, quantity)


def draw_depth(curves_by_quantity: Mapping[str, Sequence[DepthCurve]], title: str) -> "Figure":
    """Returns a figure with a panel a quantity.

    Args:
        curves_by_quantity: The quantity's name -> a curve a backbone, the same backbones for each.
        title: Begins each panel's title.
    """
    most = max(len(curves) for curves in curves_by_quantity.values())
    drawn, axes = panels(len(curves_by_quantity), 4.8, 3.8 + 0.2 * most)
    for ax, (quantity, curves) in zip(axes, curves_by_quantity.items(), strict=True):
        _draw(curves, ax, quantity, title)
    longest = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0]))
    # Below all: inside, it would cover bars.
    drawn.legend(*longest.get_legend_handles_labels(), loc="outside lower left", fontsize=9, frameon=False)
    return drawn


def plot_depth(
    curves: Sequence[DepthCurve], ax: "Axes | None" = None, quantity: str = "ROC AUC", title: str = ""
) -> "Axes":
    """Draws a metric over the trainable parameters, a line a backbone, the spread over seeds as bars.

    Args:
        curves: A curve a backbone.
        ax: Where to draw; a new figure if None.
        quantity: The metric's name.
        title: Stands before it.

    Raises:
        DataError: There is no curve.
    """
    if not curves:
        raise DataError("a plot of depths needs at least one curve, got none.")
    if ax is None:
        _, (ax,) = panels(1, 4.8, 4.0)
    _draw(curves, ax, quantity, title)
    ax.legend(fontsize=9, framealpha=0.9, edgecolor="none")
    return ax


def _draw(curves: Sequence[DepthCurve], ax: "Axes", quantity: str, title: str) -> None:
    for curve, style in zip(curves, line_styles(curve.label for curve in curves).values(), strict=True):
        points = sorted(curve.points, key=lambda point: point.trainable)
        ax.errorbar(
            [point.trainable for point in points],
            [point.value for point in points],
            yerr=[point.spread or 0.0 for point in points],
            marker="o",
            markersize=5,
            capsize=3,
            linewidth=1.6,
            label=plain(shortened(curve.label)),
            **style,
        )
        for point in points:
            where = (point.trainable, point.value)
            ax.annotate(plain(shortened(point.name, 16)), where, xytext=(5, 5), textcoords="offset points", fontsize=8)
    # A head has thousands, a whole backbone millions.
    ax.set_xscale("log")
    ax.margins(0.12)
    ax.set_xlabel("Trainable parameters")
    ax.set_ylabel(quantity[:1].upper() + quantity[1:])
    spread = any(point.spread is not None for curve in curves for point in curve.points)
    set_title(
        ax,
        f"{title}: {quantity}" if title else quantity,
        "labels: trained blocks" + ("; bars: ± spread over seeds" if spread else ""),
    )
