"""What results.json says of one model on one evaluation set."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MetricValues = dict[str, FiniteFloat | None]


class RecordedPart(BaseModel):
    """A part of results.json; later versions may write more than is read here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SeedResults(RecordedPart):
    """One seed of one model on one set; rows of `confusion` are true classes, columns predicted ones."""

    seed: int
    threshold: FiniteFloat
    metrics: MetricValues
    confusion: list[list[int]]
    collapsed: bool = False


class ClassResults(RecordedPart):
    """One class against the rest, means over seeds; None where a share has nothing to be a share of."""

    precision: FiniteFloat | None
    recall: FiniteFloat | None
    f1: FiniteFloat | None
    n: int
    roc_auc: FiniteFloat | None = None


class OperatingPoint(RecordedPart):
    """Means over seeds at one way to set the threshold; `threshold` is itself the mean of the seeds' thresholds."""

    threshold: FiniteFloat
    metrics: MetricValues


class SetResults(RecordedPart):
    """One model on one evaluation set: means over seeds, their spread, and each seed.

    `collapse` says in a sentence without a full stop what a collapse consists of; "" where there is none.
    """

    n: int
    positives: int | None
    metrics: MetricValues
    undefined: dict[str, str] = {}
    per_class: dict[str, ClassResults]
    confusion: list[list[FiniteFloat]]
    spread: MetricValues
    beats_majority: bool
    collapsed: bool = False
    collapse: str = ""
    intervals: dict[str, tuple[FiniteFloat, FiniteFloat] | None] = {}
    per_seed: Annotated[tuple[SeedResults, ...], Field(min_length=1)]
    operating_points: dict[str, OperatingPoint] = {}
