"""Choosing the threshold above which a score counts as positive, on data that is not the test set."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve

from kbin.errors import ConfigError, unknown_name
from kbin.evaluation.inputs import checked_labels, checked_scores


@dataclass(frozen=True)
class ThresholdChoice:
    """A chosen threshold, or the reason why the data allows no choice.

    Attributes:
        threshold: Predict positive where the score is at least this; None if nothing could be chosen.
        reason: Why nothing could be chosen, in plain words; None if a threshold was.
    """

    threshold: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Counts:
    """Images right and wrong at each candidate threshold, each of shape (num_candidates,), whole numbers."""

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    positives: int
    negatives: int

    @property
    def false_negatives(self) -> NDArray[np.int64]:
        """Positive images below the threshold."""
        return self.positives - self.true_positives

    @property
    def true_negatives(self) -> NDArray[np.int64]:
        """Negative images below the threshold."""
        return self.negatives - self.false_positives


@dataclass(frozen=True)
class CriterionSettings:
    """The numbers that some criteria need.

    Attributes:
        false_positive_cost: Cost of one false alarm, in any unit, at least 0 (`cost`).
        false_negative_cost: Cost of one miss, in the same unit, at least 0 (`cost`).
        sensitivity: Least share of the positives that must be found, above 0 and at most 1 (`sensitivity`).
    """

    false_positive_cost: float = 1.0
    false_negative_cost: float = 1.0
    sensitivity: float = 0.95

    def __post_init__(self) -> None:
        costs = (self.false_positive_cost, self.false_negative_cost)
        if not all(np.isfinite(cost) and cost >= 0 for cost in costs) or not any(costs):
            raise ConfigError(f"costs must be numbers of at least 0 and not both 0, got {costs[0]} and {costs[1]}.")
        if not 0 < self.sensitivity <= 1:
            raise ConfigError(f"sensitivity must be above 0 and at most 1, got {self.sensitivity}.")


@dataclass(frozen=True)
class Criterion:
    """One way to choose a threshold.

    Attributes:
        name: The name in the experiment file.
        description: One line for people.
        value: What to maximise, for all candidates at once; equal merit must give exactly equal values, or
            rounding would decide between thresholds.
    """

    name: str
    description: str
    value: Callable[[Counts, CriterionSettings], NDArray[np.number]]


def _youden(counts: Counts, _: CriterionSettings) -> NDArray[np.number]:
    """Sensitivity + specificity - 1, times positives * negatives to stay in whole numbers.

    Source: Youden 1950, "Index for rating diagnostic tests".
    """
    return counts.true_positives * counts.negatives - counts.false_positives * counts.positives


def _f1(counts: Counts, _: CriterionSettings) -> NDArray[np.number]:
    # The divisor is at least the number of positives, never 0.
    hits = 2 * counts.true_positives
    return hits / (hits + counts.false_positives + counts.false_negatives)


def _accuracy(counts: Counts, _: CriterionSettings) -> NDArray[np.number]:
    return counts.true_positives + counts.true_negatives


def _cost(counts: Counts, settings: CriterionSettings) -> NDArray[np.number]:
    costs = (
        settings.false_positive_cost * counts.false_positives + settings.false_negative_cost * counts.false_negatives
    )
    # Costs need not be whole: equal sums of tenths miss each other in their last digits.
    return -np.round(costs / costs.max(), 9)


def _sensitivity(counts: Counts, settings: CriterionSettings) -> NDArray[np.number]:
    enough = counts.true_positives / counts.positives >= settings.sensitivity
    return np.where(enough, counts.true_negatives, -1)


CRITERIA: tuple[Criterion, ...] = (
    Criterion("youden", "Largest sensitivity + specificity.", _youden),
    Criterion("f1", "Largest F1 of the positive class.", _f1),
    Criterion("accuracy", "Most images right.", _accuracy),
    Criterion("cost", "Least total cost of false alarms and misses.", _cost),
    Criterion("sensitivity", "Most negatives right among those that find enough positives.", _sensitivity),
)


def choose_threshold(
    y_true: ArrayLike,
    y_score: ArrayLike,
    criterion: str = "youden",
    settings: CriterionSettings | None = None,
) -> ThresholdChoice:
    """Returns the threshold that a criterion likes best; of equally good ones, the one nearest to 0.5.

    Candidates lie midway between neighbouring distinct scores, so that no threshold hangs on one image's score,
    and beyond both ends (all positive, none positive). A set with one class says nothing about a threshold: the
    choice is then None with a reason, and the caller decides how to go on.

    Args:
        y_true: shape (n,), 0 or 1, 1 for the positive class.
        y_score: shape (n,), probability of the positive class, 0 to 1.
        criterion: Name of a row of `CRITERIA`.
        settings: Costs and sensitivity, for the criteria that need them.

    Raises:
        ConfigError: No criterion has this name.
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    value = _criterion(criterion).value
    truth = checked_labels(y_true, 2)
    scores = checked_scores(y_score, len(truth))
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        kind = "positive" if positives else "negative"
        return ThresholdChoice(None, f"all {len(truth)} images are {kind}; choosing a threshold needs both classes")

    thresholds, counts = _candidates(truth, scores)
    values = value(counts, settings or CriterionSettings())
    best = thresholds[values == values.max()]
    return ThresholdChoice(float(best[np.argmin(np.abs(best - 0.5))]))


def _criterion(name: str) -> Criterion:
    for row in CRITERIA:
        if row.name == name:
            return row
    raise ConfigError(unknown_name("threshold criterion", name, [row.name for row in CRITERIA]))


def _candidates(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], Counts]:
    """Returns all thresholds that tell the images apart differently, falling, with their counts."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    # One point for each distinct score, from "none is positive" to "all are".
    false_rates, true_rates, levels = roc_curve(truth, scores, drop_intermediate=False)
    distinct = levels[1:]
    midpoints = (distinct[:-1] + distinct[1:]) / 2
    # Between neighbouring floats there is no midpoint: rounding could land on the lower score, which must stay
    # below.
    midpoints = np.where(midpoints > distinct[1:], midpoints, distinct[:-1])
    none_positive = (distinct[0] + 1) / 2 if distinct[0] < 1 else np.nextafter(1.0, 2.0)
    all_positive = distinct[-1] / 2
    thresholds = np.concatenate([[none_positive], midpoints, [all_positive]])
    counts = Counts(
        true_positives=np.rint(true_rates * positives).astype(np.int64),
        false_positives=np.rint(false_rates * negatives).astype(np.int64),
        positives=positives,
        negatives=negatives,
    )
    return thresholds, counts
