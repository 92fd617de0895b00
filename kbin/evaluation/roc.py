"""ROC curves: true against false positive rate over all thresholds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from kbin.evaluation.curve_bands import CurveBand
from kbin.evaluation.curves import RankCurve, curve_axes, draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RocCurve(RankCurve):
    """True against false positive rate; the area is the exact rank AUC of the scores."""

    @property
    def fpr(self) -> NDArray[np.float64]:
        """False positive rates, rising, shape (num_points,)."""
        return self.x

    @property
    def tpr(self) -> NDArray[np.float64]:
        """True positive rates, rising, shape (num_points,)."""
        return self.y

    @property
    def auc(self) -> float | None:
        """Area under the curve, 0 to 1; None if undefined."""
        return self.area

    @staticmethod
    def _points(
        truth: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        fpr, tpr, _ = roc_curve(truth, scores)
        return fpr, tpr, float(roc_auc_score(truth, scores))

    @staticmethod
    def _point(truth: NDArray[np.int64], called: NDArray[np.bool_]) -> tuple[float, float] | None:
        return float(called[truth == 0].mean()), float(called[truth == 1].mean())

    def plot(self, ax: "Axes | None" = None, title: str = "ROC curve") -> "Axes":
        """Draws this curve alone; see `plot_roc_curves`."""
        return plot_roc_curves([self], ax, title)


def plot_roc_curves(
    curves: Sequence[RocCurve],
    ax: "Axes | None" = None,
    title: str = "ROC curves",
    bands: Sequence[CurveBand] = (),
) -> "Axes":
    """Draws ROC curves of several models on the same set, with AUC in the legend.

    Args:
        curves: The curves; those with the same label are seeds of one model and share colour and legend line.
        ax: Where to draw; a new figure if None.
        title: The title; the positive class and the number of images are added.
        bands: Means over seeds, and bands over images, of the models of the same labels (`roc_band`).

    Raises:
        DataError: There is no curve.
    """
    ax = curve_axes(curves, ax, title, size=5.2, bands=bands)
    ax.set_xlabel("False positive rate (share of negatives called positive)")
    ax.set_ylabel("True positive rate (share of positives found)")
    draw_curves(curves, ax, "AUC", (0.0, 1.0, "guessing  AUC 0.500"), bands=bands)
    return ax
