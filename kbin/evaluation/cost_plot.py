"""What a model's accuracy costs: ROC AUC against training time and trainable parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from kbin.errors import DataError
from kbin.evaluation.drawing import PALETTE, panels, plain, set_title, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v")
_LEGEND_LINE = 0.22  # inches
# Names of more models would cover one another: their points have numbers, and the legend the names.
_MOST_NAMES = 4
_APART = 9  # printer's points between models of the same cost


@dataclass(frozen=True)
class CostPoint:
    """One model.

    Attributes:
        label: The model.
        seconds: Of features, training and evaluation, all seeds, above 0; None where it is not recorded.
        trainable: Number of trainable parameters, at least 1; None where nothing is trained.
        value: The ROC AUC, 0 to 1.
        interval: Its ends; None where it has none.
    """

    label: str
    seconds: float | None
    trainable: int | None
    value: float
    interval: tuple[float, float] | None = None


def draw_costs(points: Sequence[CostPoint], title: str) -> "Figure":
    """Returns a figure with a panel of each cost that two models or more have recorded.

    Args:
        points: The models, in the order of the experiment.
        title: Begins each panel's title.

    Raises:
        DataError: No cost is recorded of two models.
    """
    costs: tuple[tuple[str, str, Callable[[CostPoint], float | None]], ...] = (
        ("time", "Seconds in all (logarithmic)", lambda point: point.seconds),
        ("trainable parameters", "Trainable parameters (logarithmic)", lambda point: point.trainable),
    )
    shown = [row for row in costs if sum(row[2](point) is not None for point in points) > 1]
    if not shown:
        raise DataError("a plot of costs needs a cost that is recorded of two models at least.")
    num_columns = min(2, len(shown))
    drawn, axes = panels(len(shown), 4.8, 3.7 + _LEGEND_LINE * len(points) / num_columns)
    numbers = {point.label: f"{index}  " if len(points) > _MOST_NAMES else "" for index, point in enumerate(points, 1)}
    looks = {point.label: _look(index) for index, point in enumerate(points)}
    for ax, (name, axis, of) in zip(axes, shown, strict=True):
        known = [(point, cost) for point in points if (cost := of(point)) is not None]
        _draw_panel(ax, known, looks, numbers)
        ax.set_xlabel(axis)
        with_bars = any(point.interval is not None for point in points)
        set_title(ax, f"{title}: ROC AUC and {name}", "bars: 95% interval over images" if with_bars else "")
    drawn.legend(
        [axes[0].plot([], [], **looks[point.label])[0] for point in points],
        [f"{numbers[point.label]}{plain(shortened(point.label))}" for point in points],
        loc="outside lower left",
        ncols=num_columns,
        fontsize=9,
        frameon=False,
    )
    return drawn


def _look(index: int) -> dict[str, Any]:
    """Returns a marker's look; its colour is that of the model's curves."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "markersize": 7,
        "linestyle": "none",
        "markeredgecolor": "white",
    }


def _draw_panel(
    ax: "Axes", known: Sequence[tuple[CostPoint, float]], looks: dict[str, dict[str, Any]], numbers: dict[str, str]
) -> None:
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
    from matplotlib.transforms import ScaledTranslation

    ax.set_xscale("log")
    costs = [cost for _, cost in known]
    middle = sqrt(min(costs) * max(costs))  # of a logarithmic axis
    for place, (point, cost) in enumerate(known):
        same = costs.count(cost)
        aside = (costs[:place].count(cost) - (same - 1) / 2) * _APART
        where = ax.transData + ScaledTranslation(aside / 72, 0, ax.figure.dpi_scale_trans)
        look = looks[point.label]
        if point.interval is not None:
            ax.plot([cost] * 2, point.interval, color=look["color"], linewidth=1.2, alpha=0.7, transform=where)
        ax.plot([cost], [point.value], transform=where, **look)
        # What is drawn aside of the data does not count for the limits.
        ax.update_datalim([(cost, height) for height in (point.value, *(point.interval or ()))])
        is_left = cost <= middle
        ax.annotate(
            numbers[point.label].strip() or plain(shortened(point.label, 20)),
            (cost, point.value),
            xytext=(aside + (6 if is_left else -6), 4),
            textcoords="offset points",
            ha="left" if is_left else "right",
            fontsize=8,
            path_effects=[withStroke(linewidth=2, foreground="white")],  # legible across other models' bars
        )
    if max(costs) < 100 * min(costs):
        # Else there is a power of ten or none at all, and numbers between them in powers.
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(0.12)
    ax.autoscale_view()
    ax.set_ylabel("ROC AUC")
