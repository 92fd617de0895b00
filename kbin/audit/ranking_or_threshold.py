"""Check: is a fall in accuracy the threshold, the share of positives, or the ranking of the images?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kbin.audit.accuracy_falls import Part
from kbin.audit.fall_words import about_fall, next_step, points
from kbin.audit.findings import Check, FindingTable, Outcome, clean, found, not_applicable
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.model_falls import FEWEST_OF_A_CLASS, ModelFall, model_falls
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.evaluation.proportions import LEVEL, normal_quantile

_FEWEST_IMAGES = 20  # of a set; the accuracy of fewer says next to nothing
# A threshold chosen on 60 validation images flatters their accuracy by 2.7 points, on 200 by 1.6, on 2,000 by .4.
_TOLERATED = 0.02
_FLATTERED = 1_000  # images from which on that is too little to be told
_PARTS = ("fall", "share", "rest", "threshold", "ranking")
_MOST_TOLD = 6  # falls that have a sentence of their own
_COLUMNS = (
    "set",
    "model",
    "accuracy on {reference}",
    "accuracy",
    "fall",
    "of it share",
    "of it threshold",
    "of it ranking",
    "accuracy at its best threshold",
    "AUC on {reference}",
    "AUC",
    "n",
)


def _run(inputs: AuditInputs) -> Outcome:
    if not any(one.probabilities for one in inputs.sets.values()):
        return not_applicable("No model has predictions.")
    reference = inputs.sets.get(VALIDATION, inputs.train)
    if len(reference) < _FEWEST_IMAGES:
        return not_applicable(
            f"The set to compare with, {reference.name}, has {len(reference)} images; a fall needs {_FEWEST_IMAGES}."
        )
    compared = [one for one in inputs.test_sets if len(one) >= _FEWEST_IMAGES]
    if not compared:
        return not_applicable(f"No test set has {_FEWEST_IMAGES} images or more.")
    falls = [fall for one in compared for fall in model_falls(inputs, reference, one)]
    if not falls:
        return not_applicable(
            f"Every test set has a class of which {reference.name} has fewer than {FEWEST_OF_A_CLASS} images."
        )
    serious = sorted((one for one in falls if _matters(one, len(falls))), key=lambda one: -one.parts.fall.value)
    more: dict[str, Any] = {
        "values": {"reference": reference.name, "falls": [_values(one) for one in falls]},
        "tables": (_table(falls, reference.name),),
    }
    if not serious:
        return clean(_nothing(falls, len(falls)), details=_caveats(inputs, reference, compared), **more)
    worst = serious[0]
    told = tuple(about_fall(one) for one in serious[1:_MOST_TOLD])
    return found(
        about_fall(worst),
        details=(*told, *_caveats(inputs, reference, compared)),
        next_step=next_step(worst),
        strength=_strength(worst, len(inputs.classes)),
        **more,
    )


def _matters(one: ModelFall, num_compared: int) -> bool:
    """Returns whether a fall is larger than what is tolerated, beyond what chance makes of as many comparisons.

    The training set was learned from: what the ranking is worse by elsewhere is no surprise there.
    """
    parts = one.parts
    if not _is_beyond_noise(parts.fall, num_compared):
        return False
    if one.reference != TRAIN:
        return True
    told = [part for part in (parts.share, parts.threshold) if part is not None]
    return any(_is_beyond_noise(part, num_compared) for part in told)


def _is_beyond_noise(part: Part, num_compared: int) -> bool:
    return part.value - _TOLERATED > normal_quantile(1 - (1 - LEVEL) / num_compared) * part.error


def _strength(one: ModelFall, num_classes: int) -> float:
    """Returns the fall as a share of what the reference is better than guessing."""
    above_guessing = one.parts.reference_accuracy - 1 / num_classes
    return float(np.clip(one.parts.fall.value / max(above_guessing, one.parts.fall.value, 1e-9), 0, 1))


def _nothing(falls: Sequence[ModelFall], num_compared: int) -> str:
    largest = max(falls, key=lambda one: one.parts.fall.value)
    compared = f"{num_compared} comparison{'s' if num_compared > 1 else ''} with {largest.reference}"
    if largest.parts.fall.value <= 0:
        return f"In {compared} no accuracy falls (the smallest rise is {points(-largest.parts.fall.value)})."
    reach = normal_quantile() * largest.parts.fall.error
    reason = ", which the model has learned from" if largest.reference == TRAIN else ": chance can explain it"
    if largest.reference != TRAIN and largest.parts.fall.value > reach:
        reason = ": too little to build on"
    return (
        f"In {compared} the largest fall in accuracy is {points(largest.parts.fall.value)} (give or take "
        f"{points(reach)}: {largest.model_id} on {largest.set_name}, {largest.n} images){reason}."
    )


def _caveats(inputs: AuditInputs, reference: AuditedSet, compared: Sequence[AuditedSet]) -> tuple[str, ...]:
    told = []
    if reference.name == TRAIN:
        told.append(
            "There is no validation set, so the sets are compared with the training set, which the models have learned "
            "from: the part of the ranking also holds what they only know by heart, and is no finding alone."
        )
    elif len(inputs.classes) == 2 and len(reference) < _FLATTERED:
        told.append(
            f"If the threshold was chosen on {reference.name} ({len(reference)} images), it also fits them by chance: "
            "a point or two of its part is that."
        )
    if len(inputs.classes) > 2:
        told.append(
            "With more than two classes there is no threshold: a fall has two parts, class shares and the rest."
        )
    small = [one.name for one in inputs.test_sets if one not in compared]
    if small:
        told.append(f"Sets of fewer than {_FEWEST_IMAGES} images are left out: {', '.join(small)}.")
    return tuple(told)


def _table(falls: Sequence[ModelFall], reference: str) -> FindingTable:
    rows = tuple(
        (
            one.set_name,
            one.model_id,
            one.parts.reference_accuracy,
            one.parts.accuracy,
            one.parts.fall.value,
            one.parts.share.value,
            None if one.parts.threshold is None else one.parts.threshold.value,
            None if one.parts.ranking is None else one.parts.ranking.value,
            one.parts.best_accuracy,
            *one.aucs,
            one.n,
        )
        for one in falls
    )
    columns = tuple(column.format(reference=reference) for column in _COLUMNS)
    return FindingTable("What each fall in accuracy is made of", columns, rows)


def _values(one: ModelFall) -> dict[str, Any]:
    parts = one.parts
    named: dict[str, Part | None] = {name: getattr(parts, name) for name in _PARTS}
    reach = normal_quantile()
    return {
        "model": one.model_id,
        "set": one.set_name,
        "n": one.n,
        "reference_accuracy": parts.reference_accuracy,
        "accuracy": parts.accuracy,
        "best_accuracy": parts.best_accuracy,
        "best_threshold": one.threshold,
        "majority_accuracy": one.majority,
        "reference_auc": one.aucs[0],
        "auc": one.aucs[1],
        **{name: None if part is None else part.value for name, part in named.items()},
        "intervals": {
            name: [part.value - reach * part.error, part.value + reach * part.error]
            for name, part in named.items()
            if part is not None
        },
    }


CHECK = Check(code="ranking-or-threshold", title="What a fall in accuracy is made of", severity="medium", run=_run)
