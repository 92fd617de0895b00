"""Many pairs of models at once: Holm's correction, and letters for models that cannot be told apart."""

import string
from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Returns p-values after Holm's correction; None stays None and is not counted.

    Args:
        p_values: 0 to 1 each; None where there is no test.

    Source:
        Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted


def seeds_p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Returns Welch's two-sided p-value of the seeds' values; None where a model has one seed.

    Without any spread it is 0 where the values differ and 1 where they do not.

    Args:
        first: One model's value of each seed.
        second: The other's.

    Source:
        Welch 1947, "The generalization of 'Student's' problem when several different population variances are
        involved".
    """
    from scipy.stats import t

    if min(len(first), len(second)) < 2:
        return None
    difference = float(np.mean(first) - np.mean(second))
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    # Equal values may differ in their last digit.
    if sum(parts) < 1e-24:
        return float(abs(difference) < 1e-9)
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    return float(2 * t.sf(abs(difference) / sum(parts) ** 0.5, freedom))


def combined_p_value(
    difference: float, image_error: float | None, first: Sequence[float], second: Sequence[float]
) -> float | None:
    """Returns the two-sided p-value of a difference that other images and another training both would move.

    The variances of both sources add up; Satterthwaite's degrees of freedom say how well that of the seeds is known. A
    model with one seed is taken to vary as the other one does. None where neither has two seeds, or the images do not
    tell.

    Args:
        difference: Of the means over seeds.
        image_error: Its standard error over images.
        first: One model's value of each seed.
        second: The other's.

    Source:
        Satterthwaite 1946, "An approximate distribution of estimates of variance components".
    """
    from scipy.stats import norm, t

    parts = seeds_variances(first, second)
    if parts is None or image_error is None:
        return None
    total = image_error**2 + sum(parts)
    if total < 1e-24:
        return float(abs(difference) < 1e-9)
    freedoms = [
        len(values) - 1 if len(values) > 1 else len(other) - 1 for values, other in ((first, second), (second, first))
    ]
    below = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    ratio = abs(difference) / total**0.5
    return float(2 * (t.sf(ratio, total**2 / below) if below > 0 else norm.sf(ratio)))


def seeds_variances(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """Returns the variance of each model's mean over seeds; None where neither has two.

    Args:
        first: One model's value of each seed; with one seed it is taken to vary as the other one does.
        second: The other's.
    """
    known = [float(np.var(values, ddof=1)) if len(values) > 1 else None for values in (first, second)]
    spreads = [own if own is not None else other for own, other in (known, known[::-1])]
    if spreads[0] is None or spreads[1] is None:
        return None
    return spreads[0] / len(first), spreads[1] / len(second)


def compact_letters(num_models: int, differing: Sequence[tuple[int, int]]) -> list[str]:
    """Returns each model's letters: two models share one exactly where they are not known to differ.

    Args:
        num_models: The models, the best first: it has "a".
        differing: Pairs of places of models that differ.

    Source:
        Piepho 2004, "An algorithm for a letter-based representation of all-pairwise comparisons": insert and absorb.
    """
    columns = [frozenset(range(num_models))]
    for one, other in differing:
        split = [
            part
            for column in columns
            for part in ((column - {one}, column - {other}) if {one, other} <= column else (column,))
        ]
        unique = list(dict.fromkeys(split))
        columns = [column for column in unique if not any(column < larger for larger in unique)]
    ordered = sorted(columns, key=sorted)
    return ["".join(_letter(place) for place, column in enumerate(ordered) if k in column) for k in range(num_models)]


def _letter(place: int) -> str:
    """Returns a to z, then a1 to z1 and so on."""
    rounds, letter = divmod(place, 26)
    return string.ascii_lowercase[letter] + (str(rounds) if rounds else "")
