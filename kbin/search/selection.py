"""The scores of all folds -> mean and spread of each combination, and the one that is chosen."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kbin.metric_names import metric_row


@dataclass(frozen=True)
class Combination:
    """One combination of settings with its scores.

    Attributes:
        settings: Values by key.
        scores: Of the held-out parts, an entry a fold; None where it is undefined or the trial failed.
        errors: Of the trials that failed.
    """

    settings: Mapping[str, Any]
    scores: Sequence[float | None]
    errors: Sequence[str] = ()

    @property
    def defined(self) -> list[float]:
        """The scores that there are."""
        return [score for score in self.scores if score is not None]

    @property
    def mean(self) -> float | None:
        """The mean of the scores, whatever their order; None where a trial failed or no score is defined."""
        return math.fsum(self.defined) / len(self.defined) if self.defined and not self.errors else None

    @property
    def standard_deviation(self) -> float | None:
        """The sample standard deviation of the scores (divided by n - 1); None for fewer than two."""
        return float(np.std(self.defined, ddof=1)) if len(self.defined) > 1 and not self.errors else None

    def standard_error(self, folds: int) -> float | None:
        """Returns the standard error of the mean: repeats look at the same images again and do not make it smaller.

        Args:
            folds: Of one repeat.
        """
        deviation = self.standard_deviation
        return None if deviation is None else deviation / float(np.sqrt(min(folds, len(self.defined))))


@dataclass(frozen=True)
class Selection:
    """Which combination is best, which are as good within one standard error, and which is chosen: indices."""

    best: int
    within: tuple[int, ...]
    chosen: int


def comparable(combinations: Sequence[Combination]) -> list[Combination]:
    """Returns combinations whose means run over the same folds.

    A score that one combination lacks where others have it (precision, where nothing was called positive) is its own
    fault: left out of the mean, it would be rewarded for it. A fold that defines it for none counts for none.
    """
    counted = [
        place
        for place in range(max((len(one.scores) for one in combinations), default=0))
        if any(one.scores[place] is not None for one in combinations)
    ]
    checked = []
    for one in combinations:
        lacking = [place + 1 for place in counted if one.scores[place] is None]
        if lacking and not one.errors:
            one = replace(one, errors=(f"the score is undefined in fold {', '.join(map(str, lacking))}",))
        checked.append(one)
    return checked


def select(
    combinations: Sequence[Combination],
    score: str,
    folds: int,
    rule: str,
    complexity: Callable[[int], tuple[float, ...]],
) -> Selection | None:
    """Chooses a combination; of equal means the simplest one, and of equally simple ones the first.

    Args:
        combinations: With their scores.
        score: The metric's name, which says whether higher is better.
        folds: Of one repeat.
        rule: "best", or "one_standard_error": the simplest within one standard error of the best.
        complexity: Returns what orders combinations by index, simplest first.

    Returns:
        None where no combination has a mean.

    Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd edition, section 7.10.
    """
    sign = 1.0 if metric_row(score).higher_is_better else -1.0
    means = {index: sign * one.mean for index, one in enumerate(combinations) if one.mean is not None}
    if not means:
        return None
    best = min(means, key=lambda index: (-means[index], complexity(index), index))
    error = combinations[best].standard_error(folds) or 0.0
    within = tuple(index for index, mean in means.items() if mean >= means[best] - error)
    simplest = min(within, key=lambda index: (complexity(index), -means[index], index))
    return Selection(best, within, simplest if rule == "one_standard_error" else best)
