"""What is wrong with the intervals of a set, in whole sentences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kbin.evaluation.outcomes import Metrics
from kbin.metric_names import metric_row

# From here on intervals of the ROC AUC hold the true value as often as they say (interval_coverage.py).
ENOUGH_OF_CLASS = 50
# The spread between fewer groups is itself hardly known: Obuchowski 1997, table 2, and the bootstrap alike.
ENOUGH_GROUPS = 20


def interval_notes(
    mean: Metrics, missing: Sequence[str], truth: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> tuple[str, ...]:
    """Returns the sentences; none where all is well.

    Args:
        mean: The model's metrics, means over seeds.
        missing: Metrics that have a value, but no interval.
        truth: shape (n,), class indices.
        groups: shape (n,), numbers from 0; None where the images are independent.
    """
    return (*_missing_notes(mean, missing), *_class_notes(mean), *_group_notes(mean, truth, groups))


def _missing_notes(mean: Metrics, missing: Sequence[str]) -> list[str]:
    perfect = [name for name in missing if _is_perfect(name, mean.values[name] or 0.0)]
    notes = []
    if perfect:
        verb = "is perfect, so it has" if len(perfect) == 1 else "are perfect, so they have"
        notes.append(
            f"{_titles(perfect)} {verb} no 95% interval: a set without a mistake does not show how far other images "
            "would be from perfect."
        )
    others = [name for name in missing if name not in perfect]
    if others:
        notes.append(
            f"{_titles(others)} {'has' if len(others) == 1 else 'have'} no 95% interval: the images of this set do not "
            "show how far others would move it."
        )
    return notes


def _class_notes(mean: Metrics) -> list[str]:
    """Returns a sentence a class that has too few images."""
    if sum(one.n > 0 for one in mean.per_class.values()) < 2:
        return []  # nothing that hangs on two classes has a value here
    several = len(mean.per_class) > 2
    what = "all metrics but the accuracy" if several else "the ROC AUC and other metrics that hang on them"
    return [
        f"Only {one.n} {'image is' if one.n == 1 else 'images are'} '{name}': "
        f"the 95% intervals of {what} are too narrow below {ENOUGH_OF_CLASS}."
        for name, one in mean.per_class.items()
        if 0 < one.n < ENOUGH_OF_CLASS
    ]


def _group_notes(mean: Metrics, truth: NDArray[np.int64], groups: NDArray[np.int64] | None) -> list[str]:
    if groups is None:
        return []
    counts = {f"'{name}'": len(np.unique(groups[truth == k])) for k, name in enumerate(mean.per_class)}
    total = int(groups.max()) + 1
    if total < ENOUGH_GROUPS:
        counts = {"all classes": total}
    return [
        f"The images of {name} come from only {count} {'group' if count == 1 else 'groups'}: "
        f"95% intervals are too narrow below {ENOUGH_GROUPS}."
        for name, count in counts.items()
        if 0 < count < ENOUGH_GROUPS
    ]


def _is_perfect(name: str, value: float) -> bool:
    return value == (1.0 if metric_row(name).higher_is_better else 0.0)


def _titles(names: Sequence[str]) -> str:
    titles = [metric_row(name).title for name in names]
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
