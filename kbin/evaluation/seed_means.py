"""Means and spreads of metrics over the seeds of one model on one set."""

import statistics
from collections.abc import Sequence

from kbin.errors import DataError
from kbin.evaluation.outcomes import ClassMetrics, Metrics


def mean_metrics(per_seed: Sequence[Metrics]) -> Metrics:
    """Returns the means over seeds of values, per-class values and confusion counts.

    A metric that any seed leaves undefined has no mean: the mean over the other seeds would be that of the
    lucky ones. Its reason says how many seeds are concerned.

    Args:
        per_seed: The metrics of the same model on the same images, one entry a seed.

    Raises:
        DataError: There is no seed, or the seeds were evaluated on different images.
    """
    if not per_seed:
        raise DataError("a mean over seeds needs at least one seed, got none.")
    first = per_seed[0]
    if any(_image_counts(other) != _image_counts(first) for other in per_seed):
        raise DataError(
            f"a mean over seeds needs the same images for every seed, got sets of "
            f"{', '.join(str(other.n) for other in per_seed)} images."
        )
    if len(per_seed) == 1:
        return first
    return Metrics(
        values={name: _mean([metrics.values[name] for metrics in per_seed]) for name in first.values},
        undefined={
            name: reason for name in first.values if (reason := _shared_reason([m.undefined for m in per_seed], name))
        },
        per_class={name: _mean_class([metrics.per_class[name] for metrics in per_seed]) for name in first.per_class},
        confusion=[
            [statistics.fmean(cells) for cells in zip(*rows, strict=True)]
            for rows in zip(*(metrics.confusion for metrics in per_seed), strict=True)
        ],
        n=first.n,
        positives=first.positives,
    )


def metric_spread(per_seed: Sequence[Metrics]) -> dict[str, float | None]:
    """Returns the sample standard deviation over seeds of each metric; None for one seed or where undefined.

    Args:
        per_seed: The metrics of the same model on the same images, one entry a seed.

    Raises:
        DataError: There is no seed.
    """
    if not per_seed:
        raise DataError("a spread over seeds needs at least one seed, got none.")
    return {name: _spread([metrics.values[name] for metrics in per_seed]) for name in per_seed[0].values}


def _image_counts(metrics: Metrics) -> list[tuple[str, int]]:
    return [(name, per_class.n) for name, per_class in metrics.per_class.items()]


def _defined(values: Sequence[float | None]) -> list[float] | None:
    """Returns the values if all are there."""
    numbers = [value for value in values if value is not None]
    return numbers if len(numbers) == len(values) else None


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = _defined(values)
    return None if numbers is None else statistics.fmean(numbers)


def _spread(values: Sequence[float | None]) -> float | None:
    numbers = _defined(values)
    return None if numbers is None or len(numbers) < 2 else statistics.stdev(numbers)


def _mean_class(per_seed: Sequence[ClassMetrics]) -> ClassMetrics:
    return ClassMetrics(
        precision=_mean([metrics.precision for metrics in per_seed]),
        recall=_mean([metrics.recall for metrics in per_seed]),
        f1=_mean([metrics.f1 for metrics in per_seed]),
        n=per_seed[0].n,
        roc_auc=_mean([metrics.roc_auc for metrics in per_seed]),
    )


def _shared_reason(undefined: Sequence[dict[str, str]], name: str) -> str:
    reasons = [reasons[name] for reasons in undefined if name in reasons]
    if not reasons or len(reasons) == len(undefined):
        return reasons[0] if reasons else ""
    return f"{reasons[0]} ({len(reasons)} of {len(undefined)} seeds)"
