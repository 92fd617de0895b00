"""Precision-recall curves over all thresholds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from kbin.evaluation.curve_bands import CurveBand
from kbin.evaluation.curves import RankCurve, curve_axes, draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PrecisionRecallCurve(RankCurve):
    """Precision against recall; the area is the average precision."""

    @property
    def recall(self) -> NDArray[np.float64]:
        """Recalls, falling, shape (num_points,)."""
        return self.x

    @property
    def precision(self) -> NDArray[np.float64]:
        """Precisions, shape (num_points,)."""
        return self.y

    @property
    def average_precision(self) -> float | None:
        """Area under the steps of the curve, 0 to 1; None if undefined."""
        return self.area

    @property
    def prevalence(self) -> float:
        """Share of positive images, which is the precision of guessing."""
        return self.positives / self.n

    @staticmethod
    def _points(
        truth: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        precision, recall, _ = precision_recall_curve(truth, scores, drop_intermediate=True)
        return recall, precision, float(average_precision_score(truth, scores))

    @staticmethod
    def _point(truth: NDArray[np.int64], called: NDArray[np.bool_]) -> tuple[float, float] | None:
        if not called.any():
            return None  # a precision of nothing
        return float(called[truth == 1].mean()), float(truth[called].mean())

    def plot(self, ax: "Axes | None" = None, title: str = "Precision-recall curve") -> "Axes":
        """Draws this curve alone; see `plot_precision_recall_curves`."""
        return plot_precision_recall_curves([self], ax, title)


def plot_precision_recall_curves(
    curves: Sequence[PrecisionRecallCurve],
    ax: "Axes | None" = None,
    title: str = "Precision-recall curves",
    bands: Sequence[CurveBand] = (),
) -> "Axes":
    """Draws precision-recall curves of several models on one set, with average precision (AP) in the legend.

    Args:
        curves: The curves; those with the same label are seeds of one model and share colour and legend line.
        ax: Where to draw; a new figure if None.
        title: The title; the positive class and the number of images are added.
        bands: Means over seeds, and bands over images, of the models of the same labels (`precision_recall_band`).

    Raises:
        DataError: There is no curve.
    """
    ax = curve_axes(curves, ax, title, size=5.2, bands=bands)
    ax.set_xlabel("Recall (share of positives found)")
    ax.set_ylabel("Precision (share of those called positive that are)")
    # Sets, or one curve a class, have each their own share of positives: no line would hold for all.
    same_share = len({(curve.n, curve.positives) for curve in curves}) == 1
    share = curves[0].prevalence
    reference = (share, share, f"guessing  AP {share:.3f}") if same_share else None
    draw_curves([_without_spike(curve) for curve in curves], ax, "AP", reference, drawstyle="steps-post", bands=bands)
    return ax


def _without_spike(curve: PrecisionRecallCurve) -> PrecisionRecallCurve:
    """Leaves out the points of recall 0, which span no area and only draw a vertical line along the axis."""
    if curve.area is None:
        return curve
    found = curve.recall > 0
    precision = curve.precision[found]
    return replace(curve, x=np.append(curve.recall[found], 0.0), y=np.append(precision, precision[-1]))
