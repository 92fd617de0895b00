"""What a model's answers would be worth at other shares of positives, from its sensitivity and specificity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError
from kbin.evaluation.drawing import REFERENCE_COLOR, line_styles, panels, plain, set_title, shortened
from kbin.evaluation.error_costs import ErrorCosts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"precision": "Precision", "accuracy": "Accuracy", "f1": "F1"}
_DRAWN = ("precision", "accuracy", "f1")
_NUM_POINTS = 201


@dataclass(frozen=True)
class PrevalenceCurve:
    """One model on one set, at the threshold in force.

    Sensitivity and specificity each look at one class alone, so the shares of the classes do not move them: precision,
    accuracy and F1 at any other share follow (Bayes). That holds where only the shares change; images that are also of
    another kind are another set. Of means over seeds the curve is that of a model with the mean sensitivity and
    specificity, so at the set's own share its precision may differ a little from the mean of the seeds' precisions.

    Attributes:
        label: The model.
        positive: Name of the positive class.
        sensitivity: Share of the positives found, 0 to 1.
        specificity: Share of the negatives called negative, 0 to 1.
        share: The set's own share of positives, 0 to 1.
    """

    label: str
    positive: str
    sensitivity: float
    specificity: float
    share: float

    def __post_init__(self) -> None:
        for name in ("sensitivity", "specificity", "share"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"{name} must lie between 0 and 1, got {getattr(self, name)}.")

    def precision(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Returns the precision at each share of positives; NaN where no image would be called positive.

        Args:
            shares: Any shape, 0 to 1.
        """
        found, false_alarms = self._called_positive(shares)
        called = found + false_alarms
        return np.divide(found, called, out=np.full_like(called, np.nan), where=called > 0)

    def accuracy(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Returns the accuracy at each share of positives.

        Args:
            shares: Any shape, 0 to 1.
        """
        p = np.asarray(shares, dtype=np.float64)
        return p * self.sensitivity + (1 - p) * self.specificity

    def f1(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Returns F1 at each share of positives; NaN where no image is positive nor would be called so.

        Args:
            shares: Any shape, 0 to 1.
        """
        p = np.asarray(shares, dtype=np.float64)
        found, false_alarms = self._called_positive(shares)
        either = p + found + false_alarms
        return np.divide(2 * found, either, out=np.full_like(either, np.nan), where=either > 0)

    def cost(self, shares: ArrayLike, costs: ErrorCosts) -> NDArray[np.float64]:
        """Returns the expected cost of an image at each share of positives.

        Args:
            shares: Any shape, 0 to 1.
            costs: Of wrong answers.
        """
        return costs.expected(shares, self.sensitivity, self.specificity)

    def plot(self, ax: "Axes | None" = None, quantity: str = "precision") -> "Axes":
        """Draws this curve alone; see `plot_prevalence`."""
        return plot_prevalence([self], ax, quantity)

    def _called_positive(self, shares: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the shares of all images that are rightly and wrongly called positive."""
        p = np.asarray(shares, dtype=np.float64)
        return p * self.sensitivity, (1 - p) * (1 - self.specificity)


def draw_prevalence(curves: Sequence[PrevalenceCurve], title: str) -> "Figure":
    """Returns a figure with precision, accuracy and F1 side by side.

    Args:
        curves: The models on one set.
        title: Begins both titles.

    Raises:
        DataError: There is no curve.
    """
    drawn, axes = panels(len(_DRAWN), 4.2, 4.0 + 0.2 * len(curves))
    for ax, quantity in zip(axes, _DRAWN, strict=True):
        plot_prevalence(curves, ax, quantity, title)
    # The accuracy's has one line more than the others': the majority's.
    handles, labels = axes[_DRAWN.index("accuracy")].get_legend_handles_labels()
    # Below both: over the curves there is no free place that holds for every model.
    drawn.legend(handles, labels, loc="outside lower left", fontsize=9, frameon=False, handlelength=2.8)
    return drawn


def plot_prevalence(
    curves: Sequence[PrevalenceCurve], ax: "Axes | None" = None, quantity: str = "precision", title: str = ""
) -> "Axes":
    """Draws one quantity over all shares of positives, a line a model, the set's own share marked.

    Args:
        curves: The models on one set.
        ax: Where to draw; a new figure with a legend if None.
        quantity: "precision", "accuracy" or "f1".
        title: Stands before the quantity's name.

    Raises:
        DataError: There is no curve, or no such quantity.
    """
    if not curves:
        raise DataError("a plot of prevalence needs at least one curve, got none.")
    if quantity not in _TITLES:
        raise DataError(f"{', '.join(_TITLES)} can be drawn over the share of positives, not '{quantity}'.")
    alone = ax is None
    if ax is None:
        _, (ax,) = panels(1, 4.8, 4.0)
    shares = np.linspace(0, 1, _NUM_POINTS)
    for curve, style in zip(curves, line_styles(curve.label for curve in curves).values(), strict=True):
        rates = f"sensitivity {curve.sensitivity:.3f}, specificity {curve.specificity:.3f}"
        label = f"{plain(shortened(curve.label))}  {rates}"
        ax.plot(shares, getattr(curve, quantity)(shares), linewidth=2.0, label=label, **style)
    share = curves[0].share
    ax.axvline(share, color=REFERENCE_COLOR, linewidth=1, label=f"this set's share of positives, {share:.1%}", zorder=1)
    if quantity == "accuracy":
        label = "always answering the more frequent class (accuracy)"
        ax.plot(shares, np.maximum(shares, 1 - shares), color=REFERENCE_COLOR, linestyle=(0, (1, 2)), label=label)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel(f"Share of {plain(shortened(curves[0].positive, 30))} (positive)")
    ax.set_ylabel(_TITLES[quantity])
    name = _TITLES[quantity]
    set_title(
        ax, f"{title}: {name.lower() if name.isalpha() else name}" if title else name, "if only the shares change"
    )
    if alone:
        ax.legend(fontsize=9, framealpha=0.9, edgecolor="none")
    return ax
