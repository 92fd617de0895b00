"""Classification metrics of one model on one set, computed by scikit-learn from labels and probabilities.

What a set cannot tell is an outcome with a reason, never a number: where the answer is undefined, scikit-learn is
either not asked or told to answer NaN, so that none of its warnings and replacement values get through.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    log_loss,
    precision_recall_fscore_support,
    recall_score,
    roc_auc_score,
)

from kbin.errors import DataError
from kbin.evaluation.inputs import checked_classes, checked_labels, checked_probability_rows, checked_scores
from kbin.evaluation.outcomes import Metrics, Outcome, assembled, class_metrics


def classification_metrics(
    y_true: ArrayLike, y_probability: ArrayLike, classes: Sequence[str], threshold: float = 0.5
) -> Metrics:
    """Returns all metrics of one model on one set, for two classes or more.

    Args:
        y_true: shape (n,), class indices.
        y_probability: for two classes shape (n,) or (n, 1), probability of the second class, or (n, 2); for
            more classes shape (n, num_classes), rows summing to 1.
        classes: Class names in label order; of two classes the second is the positive one.
        threshold: Positive where the score is at least this; with more than two classes the answer is the most
            probable class and the threshold is not used.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    names = checked_classes(classes)
    if len(names) > 2:
        return multiclass_metrics(y_true, y_probability, names)
    probabilities = np.asarray(y_probability)
    if probabilities.ndim == 2 and probabilities.shape[1] == 2:
        num_labels = len(checked_labels(y_true, 2))
        probabilities = checked_probability_rows(probabilities, num_labels, 2)[:, 1]
    return binary_metrics(y_true, probabilities, names, threshold)


def binary_metrics(y_true: ArrayLike, y_score: ArrayLike, classes: Sequence[str], threshold: float = 0.5) -> Metrics:
    """Returns the metrics of a two-class model.

    Precision, recall and F1 are those of the positive class. MCC is 0 where scikit-learn's is: one class only,
    or one answer only. Log loss clips probabilities at float64's epsilon, as scikit-learn does.

    Args:
        y_true: shape (n,), 0 or 1, 1 for the positive class.
        y_score: shape (n,), probability of the positive class, 0 to 1.
        classes: The negative and the positive class.
        threshold: Predicted positive where the score is at least this.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    names = checked_classes(classes)
    if len(names) != 2:
        raise DataError(f"binary metrics need two classes, got {len(names)}: {', '.join(names)}.")
    if not np.isfinite(threshold):
        raise DataError(f"the threshold must be a number, got {threshold}.")
    truth = checked_labels(y_true, 2)
    scores = checked_scores(y_score, len(truth))
    predicted = (scores >= threshold).astype(np.int64)
    area = float(roc_auc_score(truth, scores)) if 0 < truth.sum() < len(truth) else None
    per_class = class_metrics(truth, predicted, [area, area], names)
    negative, positive = names
    of_negative, of_positive = per_class[negative], per_class[positive]
    no_positive = "" if of_positive.n else f"no image of this set is '{positive}'"
    no_negative = "" if of_negative.n else f"no image of this set is '{negative}'"
    one_class = no_positive or no_negative

    outcomes: dict[str, Outcome] = {
        "balanced_accuracy": one_class or balanced_accuracy_score(truth, predicted),
        "precision": _or_reason(of_positive.precision, f"no image was predicted '{positive}'"),
        "recall": _or_reason(of_positive.recall, no_positive),
        "specificity": _or_reason(of_negative.recall, no_negative),
        "f1": _or_reason(of_positive.f1, f"{no_positive} and none was predicted so"),
        "roc_auc": _or_reason(area, one_class),
        "average_precision": one_class or average_precision_score(truth, scores),
        "log_loss": log_loss(truth, scores, labels=[0, 1]),
        "brier": brier_score_loss(truth, scores, labels=[0, 1], pos_label=1),
    }
    return assembled(outcomes, per_class, truth, predicted)


def multiclass_metrics(y_true: ArrayLike, y_probability: ArrayLike, classes: Sequence[str]) -> Metrics:
    """Returns the metrics of a model with more than two classes; the answer is the most probable class.

    Precision, recall, specificity, F1, ROC AUC (one class against the rest) and average precision are macro
    averages. They need an image of every class: without one, the mean would run over other classes than on the
    other sets and could not be compared with theirs. A class that occurs but is never answered counts with
    precision 0 (scikit-learn's `zero_division=0`): that is the model's fault and not the set's; `per_class`
    shows it as None.

    Args:
        y_true: shape (n,), class indices 0 to num_classes - 1.
        y_probability: shape (n, num_classes), rows summing to 1.
        classes: Class names in label order.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    names = checked_classes(classes)
    truth = checked_labels(y_true, len(names))
    probabilities = checked_probability_rows(y_probability, len(truth), len(names))
    predicted = probabilities.argmax(axis=1)
    indices = np.arange(len(names))
    one_hot = (truth[:, None] == indices).astype(np.int64)

    absent = [name for name, count in zip(names, one_hot.sum(axis=0), strict=True) if not count]
    quoted = ", ".join(f"'{name}'" for name in absent)
    missing = f"no image of this set is {quoted}, and a mean over the classes needs them all" if absent else ""

    areas = _areas(one_hot, probabilities)

    macro = {"average": "macro", "zero_division": 0.0}
    precision, recall, f1, _ = precision_recall_fscore_support(truth, predicted, labels=indices, **macro)
    # Specificity is the recall of "not this class".
    specificity = recall_score(1 - one_hot, predicted[:, None] != indices, **macro)

    # Softmax rows of a float32 network miss 1 by 1e-7, of which scikit-learn warns in float64.
    normalised = probabilities / probabilities.sum(axis=1, keepdims=True)
    outcomes: dict[str, Outcome] = {
        "balanced_accuracy": missing or balanced_accuracy_score(truth, predicted),
        "precision": missing or precision,
        "recall": missing or recall,
        "specificity": missing or specificity,
        "f1": missing or f1,
        "roc_auc": missing or float(np.mean([area for area in areas if area is not None])),
        "average_precision": missing or average_precision_score(one_hot, probabilities, average="macro"),
        "log_loss": log_loss(truth, normalised, labels=indices),
        "brier": brier_score_loss(truth, normalised, labels=indices),
    }
    return assembled(outcomes, class_metrics(truth, predicted, areas, names), truth, predicted)


def _areas(one_hot: NDArray[np.int64], probabilities: NDArray[np.float64]) -> list[float | None]:
    """Returns each class's ROC AUC against the rest; None where there is no such image, or no other."""
    return [
        float(roc_auc_score(belongs, scores)) if 0 < belongs.sum() < len(belongs) else None
        for belongs, scores in zip(one_hot.T, probabilities.T, strict=True)
    ]


def _or_reason(value: float | None, reason: str) -> Outcome:
    return reason if value is None else value
