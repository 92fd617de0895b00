"""What trained models say of one set: probabilities, and the answers that they come to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError
from kbin.evaluation.inputs import checked_probability_rows, checked_scores


@dataclass(frozen=True, eq=False)
class ModelAnswers:
    """All seeds of one model on one set.

    Attributes:
        probabilities: An entry a seed: shape (n,), (n, 1) or (n, 2) for two classes, else (n, num_classes).
        thresholds: In force, one a seed; not used for more than two classes.
    """

    probabilities: Sequence[ArrayLike]
    thresholds: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.probabilities) or len(self.probabilities) != len(self.thresholds):
            raise DataError(
                "a model needs at least one seed, and a threshold a seed; got "
                f"{len(self.probabilities)} seeds and {len(self.thresholds)} thresholds."
            )

    def seeds(self, num_images: int, num_classes: int) -> list["SeedAnswers"]:
        """Returns each seed's answers, checked.

        Args:
            num_images: n.
            num_classes: Number of classes.

        Raises:
            DataError: An array does not fit, or holds no probabilities.
        """
        return [
            _seed_answers(np.asarray(one), threshold, num_images, num_classes)
            for one, threshold in zip(self.probabilities, self.thresholds, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class SeedAnswers:
    """One trained model on one set.

    Attributes:
        rows: shape (n, num_classes), rows summing to 1.
        predicted: shape (n,), class indices.
    """

    rows: NDArray[np.float64]
    predicted: NDArray[np.int64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """The probability of the last class: of two, the positive one."""
        return self.rows[:, -1]


def _seed_answers(probabilities: NDArray[np.generic], threshold: float, num: int, num_classes: int) -> SeedAnswers:
    if num_classes > 2:
        rows = checked_probability_rows(probabilities, num, num_classes)
        # The rows of a float32 softmax miss 1 by 1e-7.
        return SeedAnswers(rows / rows.sum(axis=1, keepdims=True), rows.argmax(axis=1))
    if probabilities.ndim == 2 and probabilities.shape[1] == 2:
        probabilities = checked_probability_rows(probabilities, num, 2)[:, 1]
    scores = checked_scores(probabilities, num)
    return SeedAnswers(np.column_stack([1 - scores, scores]), (scores >= threshold).astype(np.int64))
