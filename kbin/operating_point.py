"""Which threshold is in force, where it comes from, and the temperature that is fitted on the same images.

Both are chosen on the validation set or on out-of-fold predictions, and locked from there on: no test set has a say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kbin.config.evaluation import OUT_OF_FOLD, CostsConfig, EvaluationConfig, check_costs
from kbin.errors import ConfigError
from kbin.evaluation.error_costs import ErrorCosts
from kbin.evaluation.temperature import Temperature, fit_temperature
from kbin.evaluation.thresholds import CriterionSettings, choose_threshold

HALF = 0.5
_VALIDATION = "validation"
_NO_VALIDATION = "There is no validation set to choose a threshold on, so it is 0.5."
_ONE_CLASS = "All images of the validation set are of one class, so no threshold can be chosen, and it is 0.5."


@dataclass(frozen=True, eq=False)
class ChoiceData:
    """The images on which a threshold or a temperature is chosen.

    Attributes:
        labels: shape (n,), class indices.
        probabilities: shape (n,) or (n, num_classes).
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """The scores of the last class, shape (n,): of two, the positive one."""
        return positive_scores(self.probabilities)


@dataclass(frozen=True)
class ThresholdOrigin:
    """Where the threshold in force comes from.

    Attributes:
        chosen_on: "fixed", "validation", "out_of_fold", or "half" where there is nothing to choose it on.
        criterion: Name of a row of `CRITERIA`; None where it is not chosen.
        sensitivity: The wanted share of the positives; None for other criteria.
        note: Why it is .5 instead of chosen, in a plain sentence; "" elsewhere.
    """

    chosen_on: str
    criterion: str | None = None
    sensitivity: float | None = None
    note: str = ""


def threshold_origin(
    evaluation: EvaluationConfig, labels: Mapping[str, np.ndarray], classes: Sequence[str]
) -> ThresholdOrigin | None:
    """Returns where the threshold of all models comes from; None for more than two classes, which have none.

    Args:
        evaluation: The section `evaluation`.
        labels: Set name -> shape (n,), class indices.
        classes: The class names.

    Raises:
        ConfigError: There are costs, and more than two classes.
    """
    try:
        check_costs(evaluation, classes)
    except ValueError as error:
        raise ConfigError(f"evaluation: {error}.") from None
    threshold = evaluation.threshold
    if len(classes) > 2:
        return None
    if threshold.fixed is not None:
        return ThresholdOrigin("fixed")
    if threshold.choose_on == OUT_OF_FOLD:
        return ThresholdOrigin(OUT_OF_FOLD, threshold.criterion, threshold.sensitivity)
    if _VALIDATION not in labels:
        return ThresholdOrigin("half", note=_NO_VALIDATION)
    if len(np.unique(labels[_VALIDATION])) < 2:
        return ThresholdOrigin("half", note=_ONE_CLASS)
    return ThresholdOrigin(_VALIDATION, threshold.criterion, threshold.sensitivity)


def choice_data(
    evaluation: EvaluationConfig,
    labels: Mapping[str, np.ndarray],
    probabilities: Mapping[str, np.ndarray],
    out_of_fold: ChoiceData | None,
) -> ChoiceData | None:
    """Returns what threshold and temperature of one model and seed are chosen on; None where there is nothing.

    Args:
        evaluation: The section `evaluation`.
        labels: Set name -> shape (n,), class indices.
        probabilities: Set name -> what the model says of its images.
        out_of_fold: What the folds of a search predict; needed where `choose_on` says so.
    """
    if evaluation.threshold.choose_on == OUT_OF_FOLD:
        return out_of_fold
    return ChoiceData(labels[_VALIDATION], probabilities[_VALIDATION]) if _VALIDATION in labels else None


def locked_threshold(evaluation: EvaluationConfig, data: ChoiceData | None) -> float:
    """Returns the threshold in force for all sets of one model and seed.

    It is the fixed one, or the one chosen; .5 where there is nothing to choose on, and for more than two classes.

    Args:
        evaluation: The section `evaluation`.
        data: On which it is chosen; None without a validation set.
    """
    threshold = evaluation.threshold
    if threshold.fixed is not None:
        return threshold.fixed
    if data is None or (data.probabilities.ndim == 2 and data.probabilities.shape[1] > 2):
        return HALF
    choice = choose_threshold(data.labels, data.scores, threshold.criterion, criterion_settings(evaluation))
    return HALF if choice.threshold is None else choice.threshold


def fitted_temperature(evaluation: EvaluationConfig, data: ChoiceData | None) -> Temperature | None:
    """Returns the temperature of one model and seed; None where none was asked for.

    Args:
        evaluation: The section `evaluation`.
        data: On which it is fitted; None without a validation set.
    """
    if not evaluation.temperature:
        return None
    if data is None:
        return Temperature(None, "No temperature: there is no validation set to fit it on.")
    return fit_temperature(data.labels, data.probabilities)


def criterion_settings(evaluation: EvaluationConfig) -> CriterionSettings:
    """Returns the numbers that some criteria need."""
    numbers: dict[str, float] = {}
    if evaluation.costs is not None:
        numbers["false_positive_cost"] = evaluation.costs.false_positive
        numbers["false_negative_cost"] = evaluation.costs.false_negative
    if evaluation.threshold.sensitivity is not None:
        numbers["sensitivity"] = evaluation.threshold.sensitivity
    return CriterionSettings(**numbers)


def error_costs(costs: CostsConfig | None) -> ErrorCosts | None:
    """Returns the costs of wrong answers; None where none were given."""
    return None if costs is None else ErrorCosts(costs.false_positive, costs.false_negative)


def positive_scores(probabilities: np.ndarray) -> np.ndarray:
    """Returns the scores of the last class, shape (n,): of two, the positive one."""
    return probabilities if probabilities.ndim == 1 else probabilities[:, -1]
