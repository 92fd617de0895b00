"""The images worth looking at: the worst errors of a model, and those on which it doubts most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.evaluation.inputs import checked_labels, checked_probability_rows, checked_scores

ERROR, DOUBTFUL = "error", "doubtful"
MOST_ERRORS, MOST_DOUBTFUL = 6, 4


@dataclass(frozen=True)
class HardImage:
    """One image of a set.

    Attributes:
        kind: "error" or "doubtful"; a doubtful answer may be right.
        index: Its position in the set.
        true: Class index.
        predicted: Class index of the answer.
        score: Probability of the positive class; of the answer where there are more than two classes.
    """

    kind: str
    index: int
    true: int
    predicted: int
    score: float


def hard_images(
    y_true: ArrayLike,
    y_probability: ArrayLike,
    num_classes: int,
    threshold: float = 0.5,
    most_errors: int = MOST_ERRORS,
    most_doubtful: int = MOST_DOUBTFUL,
) -> list[HardImage]:
    """Returns the wrong answers that a model was surest of, then the images nearest to another answer.

    Of two classes, an answer is as sure as its score is far on the way from the threshold to 0 or 1: so false alarms
    and misses share the places fairly wherever the threshold lies. Of more classes, it is as sure as its probability is
    high; the doubtful images are those with the smallest margin between the two most probable classes. Of equal images
    the first comes first. An image is in one of the two kinds only.

    Args:
        y_true: shape (n,), class indices.
        y_probability: shape (n,), of the positive class, or (n, num_classes).
        num_classes: Two or more.
        threshold: From which on the positive class is the answer; unused for more than two classes.
        most_errors: Number of errors at most.
        most_doubtful: Number of doubtful images at most.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    truth = checked_labels(y_true, num_classes)
    values = np.asarray(y_probability)
    if num_classes > 2:
        predicted, scores, sureness, margin = _of_rows(checked_probability_rows(values, len(truth), num_classes))
    else:
        positive = values[:, 1] if values.ndim == 2 and values.shape[1] == 2 else values
        predicted, scores, sureness, margin = _of_scores(checked_scores(positive, len(truth)), threshold)
    wrong = np.flatnonzero(predicted != truth)
    errors = wrong[np.argsort(-sureness[wrong], kind="stable")][:most_errors]
    others = np.setdiff1d(np.arange(len(truth)), errors)
    doubtful = others[np.argsort(margin[others], kind="stable")][:most_doubtful]
    return [
        HardImage(kind, int(index), int(truth[index]), int(predicted[index]), float(scores[index]))
        for kind, chosen in ((ERROR, errors), (DOUBTFUL, doubtful))
        for index in chosen
    ]


_Ranked = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _of_scores(scores: NDArray[np.float64], threshold: float) -> _Ranked:
    """Returns answers, scores, how sure the answers are, and how near another answer is."""
    positive = scores >= threshold
    margin = np.abs(scores - threshold)
    # A threshold at or beyond an end leaves no way to it; nothing on that side is surer than anything else.
    room = np.where(positive, max(1.0 - threshold, 1e-12), max(threshold, 1e-12))
    return positive.astype(np.int64), scores, np.minimum(margin / room, 1.0), margin


def _of_rows(rows: NDArray[np.float64]) -> _Ranked:
    predicted = rows.argmax(axis=1)
    ordered = np.sort(rows, axis=1)
    return predicted, ordered[:, -1], ordered[:, -1], ordered[:, -1] - ordered[:, -2]
