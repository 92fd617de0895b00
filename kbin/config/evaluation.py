"""The section `evaluation`: the threshold in force, what wrong answers cost, whether probabilities are mended."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kbin.config.fields import Flag, Probability, Section, one_of

CRITERIA = ("youden", "f1", "accuracy", "cost", "sensitivity")  # the rows of kbin.evaluation.thresholds.CRITERIA
OUT_OF_FOLD = "out_of_fold"
_SENSITIVITY = "sensitivity"
_USUAL_SENSITIVITY = 0.95
Cost = Annotated[float, Field(strict=True, ge=0, le=1e9, allow_inf_nan=False)]


class ThresholdConfig(Section):
    """The operating point: a fixed probability (`threshold: 0.4`), or chosen by a criterion, then locked for all sets.

    It is chosen on the validation set, each seed by its own predictions, or on `out_of_fold`: on what the folds of
    `search` predict of the training images that they held out, one threshold for all seeds.

    `criterion` is `youden` (largest sensitivity + specificity), `f1`, `accuracy`, `cost` (least total cost, by
    `evaluation.costs`) or `sensitivity` (most negatives right among the thresholds that find at least this share of the
    positives). `threshold: {sensitivity: 0.95}` alone means that criterion, with that share.
    """

    fixed: Probability | None = None
    choose_on: Literal["validation", "out_of_fold"] = "validation"
    criterion: Annotated[str, one_of("criterion", CRITERIA)] = "youden"
    sensitivity: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _sensitivity_names_its_criterion(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings
        if settings.get(_SENSITIVITY) is not None:
            return {"criterion": _SENSITIVITY} | settings
        if settings.get("criterion") == _SENSITIVITY:
            return settings | {_SENSITIVITY: _USUAL_SENSITIVITY}
        return settings

    @model_validator(mode="after")
    def _sensitivity_has_its_criterion(self) -> Self:
        if self.sensitivity is not None and self.criterion != _SENSITIVITY:
            raise ValueError(
                f"`sensitivity` belongs to `criterion: sensitivity`, not to {self.criterion}: leave one of them out"
            )
        return self


class CostsConfig(Section):
    """What one false alarm and one miss cost, in any unit: euros, minutes, or 1 and 5."""

    false_positive: Cost
    false_negative: Cost

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        if not (self.false_positive or self.false_negative):
            raise ValueError("false positives and false negatives cost nothing both: one of them must be above 0")
        return self


def _threshold_alone(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class EvaluationConfig(Section):
    """How predictions are judged.

    `costs` give the cost of an image at every operating point, whatever the criterion. `temperature: true` says too how
    far the probabilities could be believed after temperature scaling, fitted on the data on which a threshold is
    chosen; answers and saved predictions stay as they are.
    """

    threshold: Annotated[
        ThresholdConfig,
        BeforeValidator(_threshold_alone, json_schema_input_type=Probability | ThresholdConfig),
    ] = ThresholdConfig()
    costs: CostsConfig | None = None
    temperature: Flag = False

    @model_validator(mode="after")
    def _costs_for_their_criterion(self) -> Self:
        if self.threshold.criterion == "cost" and self.costs is None:
            raise ValueError(
                "`criterion: cost` needs `costs: {false_positive: 1, false_negative: 5}` beside `threshold`: what one "
                "wrong answer of each kind costs"
            )
        return self

    @property
    def uses_out_of_fold(self) -> bool:
        """Whether the out-of-fold predictions of a search are needed."""
        threshold = self.threshold
        return threshold.choose_on == OUT_OF_FOLD and (threshold.fixed is None or self.temperature)


def check_costs(evaluation: EvaluationConfig, classes: Sequence[str]) -> None:
    """Refuses costs of false positives and negatives where there are none.

    Args:
        evaluation: The section.
        classes: The class names.

    Raises:
        ValueError: There are costs, and more than two classes.
    """
    if evaluation.costs is not None and len(classes) > 2:
        raise ValueError(
            f"`costs` belong to two classes, one of them positive; here are {len(classes)}: leave them out"
        )
