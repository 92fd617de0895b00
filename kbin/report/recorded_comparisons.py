"""What results.json says of the differences between models on the same images."""

from typing import Annotated

from pydantic import Field, FiniteFloat

from kbin.report.recorded_sets import RecordedPart


class PairResults(RecordedPart):
    """Two models under one metric on one set; the difference is the first's value less the second's.

    `p_value` is of the images, `p_seeds` of training again (None with one seed), and `p_adjusted` the largest of both
    and of the test of both sources together, after Holm's correction over the pairs. `detectable` is the smallest
    difference that such images and seeds show in four of five cases. `differ_on` is the number of images that only one
    of the two answers rightly, a mean over seeds.
    """

    models: tuple[str, str]
    difference: FiniteFloat
    interval: tuple[FiniteFloat, FiniteFloat] | None = None
    p_value: FiniteFloat | None = None
    p_seeds: FiniteFloat | None = None
    p_adjusted: FiniteFloat | None = None
    detectable: FiniteFloat | None = None
    differ_on: FiniteFloat | None = None


class MetricComparison(RecordedPart):
    """All pairs under one metric. Models that share a letter cannot be told apart; the best has "a"."""

    method: str
    pairs: Annotated[tuple[PairResults, ...], Field(min_length=1)]
    letters: dict[str, str]


# By metric, in the order of the metrics.
SetComparisons = dict[str, MetricComparison]
