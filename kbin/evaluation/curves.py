"""ROC and precision-recall curves: numbers first, then drawing, several models and seeds on one set of axes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from kbin.errors import DataError
from kbin.evaluation.drawing import REFERENCE_COLOR, figure, line_styles, plain, set_title, write_reason
from kbin.evaluation.inputs import checked_classes, checked_labels, checked_probability_rows, checked_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_REST = "the rest"


@dataclass(frozen=True, eq=False)
class _RankCurve:
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
    def _points(
        truth: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Returns x, y and the area, for a set with both classes."""
        raise NotImplementedError


class RocCurve(_RankCurve):
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

    def plot(self, ax: "Axes | None" = None, title: str = "ROC curve") -> "Axes":
        """Draws this curve alone; see `plot_roc_curves`."""
        return plot_roc_curves([self], ax, title)


class PrecisionRecallCurve(_RankCurve):
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

    def plot(self, ax: "Axes | None" = None, title: str = "Precision-recall curve") -> "Axes":
        """Draws this curve alone; see `plot_precision_recall_curves`."""
        return plot_precision_recall_curves([self], ax, title)


def plot_roc_curves(curves: Sequence[RocCurve], ax: "Axes | None" = None, title: str = "ROC curves") -> "Axes":
    """Draws ROC curves of several models on the same set, with AUC in the legend.

    Args:
        curves: The curves; those with the same label are seeds of one model and share colour and legend line.
        ax: Where to draw; a new figure if None.
        title: The title; the positive class and the number of images are added.

    Raises:
        DataError: There is no curve.
    """
    ax = _prepared(curves, ax, title)
    positive = curves[0].positive
    ax.set_xlabel(f"False positive rate (share of {'not ' + plain(positive) if positive else _REST})")
    ax.set_ylabel(f"True positive rate (share of {plain(positive) if positive else 'the class'})")
    if all(curve.area is None for curve in curves):
        write_reason(ax, f"No ROC curve: {curves[0].reason}.")
        return ax
    chance = ax.plot([0, 1], [0, 1], color=REFERENCE_COLOR, linestyle=(0, (1, 2)), linewidth=1)[0]
    _draw(curves, ax, "AUC", [(chance, "guessing  AUC 0.500")], drawstyle="default")
    ax.set_aspect("equal")
    return ax


def plot_precision_recall_curves(
    curves: Sequence[PrecisionRecallCurve], ax: "Axes | None" = None, title: str = "Precision-recall curves"
) -> "Axes":
    """Draws precision-recall curves of several models on the same set, with average precision (AP) in the legend.

    Args:
        curves: The curves; those with the same label are seeds of one model and share colour and legend line.
        ax: Where to draw; a new figure if None.
        title: The title; the positive class and the number of images are added.

    Raises:
        DataError: There is no curve.
    """
    ax = _prepared(curves, ax, title)
    positive = curves[0].positive
    ax.set_xlabel(f"Recall (share of {plain(positive) if positive else 'the class'} that is found)")
    ax.set_ylabel("Precision (share of the found that is right)")
    if all(curve.area is None for curve in curves):
        write_reason(ax, f"No precision-recall curve: {curves[0].reason}.")
        return ax
    references = []
    # With one curve a class, each class has its own share; the lines would tell nothing.
    if len({(curve.n, curve.positives) for curve in curves}) == 1:
        share = curves[0].prevalence
        line = ax.axhline(share, color=REFERENCE_COLOR, linestyle=(0, (1, 2)), linewidth=1)
        references.append((line, f"guessing  AP {share:.3f}"))
    _draw(curves, ax, "AP", references, drawstyle="steps-post")
    return ax


_Curve = TypeVar("_Curve", RocCurve, PrecisionRecallCurve)


def _prepared(curves: Sequence[_Curve], ax: "Axes | None", title: str) -> "Axes":
    """Returns the axes with title and the limits of two shares."""
    if not curves:
        raise DataError("a plot of curves needs at least one curve, got none.")
    if ax is None:
        _, ax = figure()
    first = curves[0]
    subtitle = (
        f"positive: {plain(first.positive)} ({first.positives:,} of {first.n:,} images)"
        if first.positive
        else f"each class against the rest ({first.n:,} images)"
    )
    set_title(ax, title, subtitle)
    # A little room, so that curves along the edges stay visible.
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    return ax


def _draw(
    curves: Sequence[_Curve],
    ax: "Axes",
    area_name: str,
    references: "list[tuple[Line2D, str]]",
    drawstyle: str,
) -> None:
    """Draws each label's seeds in one style, with one legend line a label and the references last."""
    entries: list[tuple[Line2D, str]] = []
    for label, style in line_styles(curve.label for curve in curves).items():
        seeds = [curve for curve in curves if curve.label == label]
        width, opacity = (2.0, 1.0) if len(seeds) == 1 else (1.1, 0.75)
        for curve in seeds:
            ax.plot(curve.x, curve.y, drawstyle=drawstyle, linewidth=width, alpha=opacity, **style)
        # An empty line of full width: thin and pale lines are hard to match with a legend.
        handle = ax.plot([], [], linewidth=2.0, **style)[0]
        entries.append((handle, f"{plain(label)}  {_area_text(seeds, area_name)}"))
    handles, texts = zip(*entries, *references, strict=False)
    ax.legend(
        handles,
        texts,
        loc="best",
        fontsize=9,
        frameon=True,
        framealpha=0.9,
        edgecolor="none",
        handlelength=2.6,
    )


def _area_text(seeds: Sequence[_Curve], area_name: str) -> str:
    areas = [curve.area for curve in seeds if curve.area is not None]
    if len(areas) < len(seeds):
        return f"{area_name} undefined: one class"
    if len(areas) == 1:
        return f"{area_name} {areas[0]:.3f}"
    return f"{area_name} {statistics.fmean(areas):.3f} ± {statistics.stdev(areas):.3f} ({len(areas)} seeds)"
