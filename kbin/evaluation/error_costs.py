"""What wrong answers cost: the mean cost of an image, on a set and at other shares of positives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ErrorCosts:
    """The cost of one false alarm and of one miss, in any one unit, each at least 0; right answers cost nothing."""

    false_positive: float
    false_negative: float

    def of_image(self, confusion: Sequence[Sequence[float]]) -> float:
        """Returns the mean cost of an image of a set.

        Args:
            confusion: Two rows of two numbers of images, true classes as rows, the positive class last.
        """
        (right_negatives, false_positives), (false_negatives, right_positives) = confusion
        total = self.false_positive * false_positives + self.false_negative * false_negatives
        return float(total / (right_negatives + false_positives + false_negatives + right_positives))

    def expected(self, shares: ArrayLike, sensitivity: float, specificity: float) -> NDArray[np.float64]:
        """Returns the expected cost of an image at each share of positives.

        Args:
            shares: Any shape, 0 to 1.
            sensitivity: Share of the positives found, 0 to 1.
            specificity: Share of the negatives called negative, 0 to 1.
        """
        p = np.asarray(shares, dtype=np.float64)
        return p * (1 - sensitivity) * self.false_negative + (1 - p) * (1 - specificity) * self.false_positive
