"""What one model gets on one set: values, the reasons where there are none, and the counts behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from kbin.metric_names import METRIC_NAMES

# A metric's value, or the reason why this set has none.
Outcome = float | str


@dataclass(frozen=True)
class ClassMetrics:
    """One class against the rest; None where a share has nothing to be a share of.

    Attributes:
        precision: Share of the images answered with this class that belong to it; None if none was.
        recall: Share of the images of this class that were answered with it; None if the set has none.
        f1: Harmonic mean of both; None if the class neither occurs nor is answered.
        n: Number of images of this class.
        roc_auc: Area under the ROC curve of this class's probability; None if the set has none of the class, or
            nothing else. Of two classes both have the same.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    n: int
    roc_auc: float | None


@dataclass(frozen=True)
class Metrics:
    """What one model gets on one set.

    Attributes:
        values: Metric name -> value, in the order of `METRICS`; None where the set cannot tell.
        undefined: Metric name -> reason in plain words, for exactly the metrics that are None.
        per_class: Class name -> its metrics, in class order.
        confusion: Number of images, rows true and columns predicted, in class order (means over seeds are
            not whole numbers).
        n: Number of images.
        positives: Number of positive images; None for more than two classes.
    """

    values: dict[str, float | None]
    undefined: dict[str, str]
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]] | list[list[float]]
    n: int
    positives: int | None

    def as_dict(self) -> dict[str, Any]:
        """Returns the set's entry in results.json: plain numbers, None and text, never NaN."""
        return {
            "n": self.n,
            "positives": self.positives,
            "metrics": dict(self.values),
            "undefined": dict(self.undefined),
            "per_class": {name: asdict(metrics) for name, metrics in self.per_class.items()},
            "confusion": [list(row) for row in self.confusion],
        }


def class_metrics(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], areas: Sequence[float | None], names: Sequence[str]
) -> dict[str, ClassMetrics]:
    """Returns each class's metrics against the rest, in class order.

    Args:
        truth: shape (n,), class indices.
        predicted: shape (n,), class indices.
        areas: A class's ROC AUC each; None where undefined.
        names: Class names in label order.
    """
    columns = precision_recall_fscore_support(truth, predicted, labels=np.arange(len(names)), zero_division=np.nan)
    return {
        name: ClassMetrics(_known(precision), _known(recall), _known(f1), int(count), area)
        for name, precision, recall, f1, count, area in zip(names, *columns, areas, strict=True)
    }


def assembled(
    outcomes: dict[str, Outcome],
    per_class: dict[str, ClassMetrics],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> Metrics:
    """Adds what two classes and more have in common, and separates values from reasons.

    Args:
        outcomes: Metric name -> value or reason, for the metrics that two classes and more compute differently.
        per_class: Class name -> its metrics.
        truth: shape (n,), class indices.
        predicted: shape (n,), class indices.
    """
    counts = [metrics.n for metrics in per_class.values()]
    everything: dict[str, Outcome] = {
        **outcomes,
        "accuracy": accuracy_score(truth, predicted),
        "mcc": _matthews(truth, predicted),
        "majority_accuracy": max(counts) / len(truth),
    }
    ordered = {name: everything[name] for name in METRIC_NAMES}
    return Metrics(
        values={name: None if isinstance(value, str) else float(value) for name, value in ordered.items()},
        undefined={name: value for name, value in ordered.items() if isinstance(value, str)},
        per_class=per_class,
        confusion=confusion_matrix(truth, predicted, labels=np.arange(len(counts))).tolist(),
        n=len(truth),
        positives=counts[1] if len(counts) == 2 else None,
    )


def _matthews(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """One class that is also the only answer: scikit-learn's value without its warning."""
    return 0.0 if len(np.union1d(truth, predicted)) == 1 else float(matthews_corrcoef(truth, predicted))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
