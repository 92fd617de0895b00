"""The metrics of many resamples at once, from sums of weights instead of images."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def threshold_metrics(confusion: Array) -> dict[str, Array]:
    """Returns the metrics that depend on the answers alone, each of shape (num_resamples,), NaN where undefined.

    They are those of `binary_metrics` and `multiclass_metrics`, undefined in the same cases.

    Args:
        confusion: shape (num_classes, num_classes, num_resamples), rows true and columns predicted.
    """
    hits = np.einsum("kkb->kb", confusion)
    true, predicted, total = confusion.sum(axis=1), confusion.sum(axis=0), confusion.sum(axis=(0, 1))
    recalls, precisions = _ratio(hits, true), _ratio(hits, predicted)
    specificities = _ratio(total - true - predicted + hits, total - true)
    f1 = _ratio(2 * hits, true + predicted)
    found = {
        "accuracy": hits.sum(axis=0) / total,
        "balanced_accuracy": recalls.mean(axis=0),
        "mcc": _matthews(hits, true, predicted, total),
    }
    if len(confusion) == 2:
        found |= {"precision": precisions[1], "recall": recalls[1], "specificity": specificities[1], "f1": f1[1]}
        return found
    # A class that occurs but is never answered counts with precision 0; one that does not occur leaves no mean.
    is_complete = (true > 0).all(axis=0)
    macro = {"precision": precisions, "recall": recalls, "specificity": specificities, "f1": f1}
    return found | {
        name: np.where(is_complete, np.nan_to_num(values).mean(axis=0), np.nan) for name, values in macro.items()
    }


def roc_areas(negative: Array, positive: Array) -> Array:
    """Returns the ROC AUC, shape (num_resamples,), NaN where a class is missing; ties count half.

    Args:
        negative: shape (num_scores, num_resamples), what the negatives of each score weigh, the highest first.
        positive: The same of the positives.
    """
    above = np.cumsum(positive, axis=0) - positive / 2
    return _ratio((negative * above).sum(axis=0), negative.sum(axis=0) * positive.sum(axis=0))


def average_precisions(negative: Array, positive: Array) -> Array:
    """Returns the average precision, shape (num_resamples,), NaN where a class is missing.

    Args:
        negative: shape (num_scores, num_resamples), what the negatives of each score weigh, the highest first.
        positive: The same of the positives.
    """
    found = np.cumsum(positive, axis=0)
    called = found + np.cumsum(negative, axis=0)
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    total = np.where(called[-1] > found[-1], found[-1], 0)
    return _ratio((positive * precision).sum(axis=0), total)


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full(below.shape, np.nan, dtype=below.dtype), where=below > 0)


def _matthews(hits: Array, true: Array, predicted: Array, total: Array) -> Array:
    """Returns 0 where the truth or the answers are all one class."""
    together = hits.sum(axis=0) * total - (true * predicted).sum(axis=0)
    apart = (total**2 - (true**2).sum(axis=0)) * (total**2 - (predicted**2).sum(axis=0))
    return np.divide(together, np.sqrt(np.maximum(apart, 0)), out=np.zeros_like(total), where=apart > 0)
