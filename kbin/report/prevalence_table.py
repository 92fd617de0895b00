"""What answers would be worth at other shares of positives, as plain rows: each model, operating point and baseline."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

from kbin.evaluation.error_costs import ErrorCosts
from kbin.evaluation.prevalence import PrevalenceCurve
from kbin.report.recorded import TRAIN, RunResults

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
BASELINE = "baseline"
_RANDOM = "random answers"


@dataclass(frozen=True)
class PrevalenceRow:
    """One way to answer at one share of positives.

    Sensitivity and specificity stay as they are on the set (see `PrevalenceCurve`); those of random answers, which are
    drawn with the shares of the classes, move along.

    Attributes:
        set_name: The evaluation set.
        answers: A model's id, or what a baseline does.
        point: "half", "locked" or "oracle"; "baseline" of answers that do not look at the images.
        share: Of positives, 0 to 1.
        is_own: Whether it is the set's own.
        sensitivity: Share of the positives found.
        specificity: Share of the negatives called negative.
        accuracy: Expected.
        precision: Expected; None where nothing would be called positive.
        f1: Expected; None where nothing is positive nor would be called so.
        cost: Expected cost of an image; None without costs.
    """

    set_name: str
    answers: str
    point: str
    share: float
    is_own: bool
    sensitivity: float
    specificity: float
    accuracy: float
    precision: float | None
    f1: float | None
    cost: float | None


def prevalence_rows(results: RunResults, set_name: str) -> list[PrevalenceRow]:
    """Returns the rows of one set.

    There are none for more than two classes, for the training set, for a set that lacks a class, and where no model has
    results.

    Args:
        results: The run.
        set_name: The evaluation set.
    """
    positive = results.positive
    if positive is None or set_name == TRAIN or not results.done:
        return []
    own = results.sets[set_name].counts[positive] / results.sets[set_name].n
    if not 0 < own < 1:
        return []
    costs = None if results.costs is None else ErrorCosts(results.costs.false_positive, results.costs.false_negative)
    rows = []
    for answers, point, rates in _answerers(results, set_name, positive):
        for share in sorted({*SHARES, own}):
            curve = PrevalenceCurve(answers, positive, *(rates or (share, 1 - share)), own)
            rows.append(_row(set_name, point, curve, share, costs))
    return rows


def cheapest_answer(share: float, costs: ErrorCosts) -> tuple[bool, float]:
    """Returns whether "positive" is the cheaper one answer for all images, and its cost of an image.

    Args:
        share: Of positives, 0 to 1.
        costs: Of wrong answers.
    """
    positive, negative = (float(costs.expected(share, answer, 1 - answer)) for answer in (1, 0))
    return positive < negative, min(positive, negative)


def _answerers(
    results: RunResults, set_name: str, positive: str
) -> Iterator[tuple[str, str, tuple[float, float] | None]]:
    """Yields who answers, at which point, and sensitivity and specificity; None where they follow the share."""
    for model in results.done:
        for point, one in model.sets[set_name].operating_points.items():
            sensitivity, specificity = one.metrics.get("recall"), one.metrics.get("specificity")
            if sensitivity is not None and specificity is not None:
                yield model.id, point, (sensitivity, specificity)
    negative = next(name for name in results.classes if name != positive)
    yield f"always “{negative}”", BASELINE, (0.0, 1.0)
    yield f"always “{positive}”", BASELINE, (1.0, 0.0)
    yield _RANDOM, BASELINE, None


def _row(set_name: str, point: str, curve: PrevalenceCurve, share: float, costs: ErrorCosts | None) -> PrevalenceRow:
    return PrevalenceRow(
        set_name,
        curve.label,
        point,
        share,
        share == curve.share,
        curve.sensitivity,
        curve.specificity,
        float(curve.accuracy(share)),
        _known(float(curve.precision(share))),
        _known(float(curve.f1(share))),
        None if costs is None else float(curve.cost(share, costs)),
    )


def _known(value: float) -> float | None:
    return None if isnan(value) else value
