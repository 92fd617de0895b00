"""What results.json says of one model on one evaluation set."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MetricValues = dict[str, FiniteFloat | None]
# Negative numbers would end in a logarithm or a plot; larger ones than these fit no array.
Count = Annotated[int, Field(ge=0, lt=2**63)]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]


class RecordedPart(BaseModel):
    """A part of results.json; later versions may write more than is read here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SeedResults(RecordedPart):
    """One seed of one model on one set; rows of `confusion` are true classes, columns predicted ones."""

    seed: int
    threshold: FiniteFloat
    metrics: MetricValues
    confusion: list[list[Count]]
    collapsed: bool = False


class ClassResults(RecordedPart):
    """One class against the rest, means over seeds; None where a share has nothing to be a share of."""

    precision: FiniteFloat | None
    recall: FiniteFloat | None
    f1: FiniteFloat | None
    n: Count
    roc_auc: FiniteFloat | None = None


class OperatingPoint(RecordedPart):
    """Means over seeds at one way to set the threshold; `threshold` is itself the mean of the seeds' thresholds.

    `cost` is the mean cost of an image; None where no costs were given.
    """

    threshold: FiniteFloat
    metrics: MetricValues
    cost: FiniteFloat | None = None


class CalibrationBin(RecordedPart):
    """The images whose score lies between `low` and `high`: their mean score, and the share that is positive."""

    low: FiniteFloat
    high: FiniteFloat
    n: NonNegative
    mean_score: FiniteFloat
    share: FiniteFloat


class Calibration(RecordedPart):
    """How far the probabilities can be believed, means over seeds; `ece` is the expected calibration error, 0 to 1.

    `ece_if_perfect` is about what perfect probabilities would show on so few images. `temperature` and the figures
    "after" it are None where no temperature was asked for, or where there is none; then `temperature_note` says why.
    """

    ece: FiniteFloat
    ece_if_perfect: FiniteFloat | None = None
    brier: FiniteFloat
    log_loss: FiniteFloat
    bins: tuple[CalibrationBin, ...] = ()
    temperature: FiniteFloat | None = None
    temperature_note: str = ""
    ece_after: FiniteFloat | None = None
    ece_if_perfect_after: FiniteFloat | None = None
    brier_after: FiniteFloat | None = None
    log_loss_after: FiniteFloat | None = None


class SetResults(RecordedPart):
    """One model on one evaluation set: means over seeds, their spread, and each seed.

    `collapse` says in a sentence without a full stop what a collapse consists of; "" where there is none.
    `interval_notes` say in whole sentences what is wrong with an interval, such as too few positive images.
    `num_groups` is the number of groups (patients, slides) whose images were resampled together; None without groups.
    `baselines` has what "majority" and "random" answers get.
    """

    n: Count
    positives: Count | None
    metrics: MetricValues
    undefined: dict[str, str] = {}
    per_class: dict[str, ClassResults]
    confusion: list[list[NonNegative]]
    spread: dict[str, NonNegative | None]
    beats_majority: bool
    collapsed: bool = False
    collapse: str = ""
    intervals: dict[str, tuple[FiniteFloat, FiniteFloat] | None] = {}
    interval_notes: tuple[str, ...] = ()
    num_groups: Count | None = None
    calibration: Calibration | None = None
    baselines: dict[str, MetricValues] = {}
    per_seed: Annotated[tuple[SeedResults, ...], Field(min_length=1)]
    operating_points: dict[str, OperatingPoint] = {}
