"""A fall in accuracy in plain words, and what to do about it."""

from math import floor, sqrt

from kbin.audit.model_falls import ModelFall
from kbin.evaluation.proportions import normal_quantile

_KEPT = 0.5


def points(value: float) -> str:
    """Returns a share as percentage points: "1 point", "12 points", and tenths below one point."""
    number = 100 * value
    text = f"{number:.1f}" if abs(number) < 1 else f"{number:.0f}"
    return f"{text} point{'' if text == '1' else 's'}"


def whole_points(parts: tuple[float, ...]) -> list[int]:
    """Returns parts as whole percentage points that add up to their rounded sum: those nearest to the next go up."""
    exact = [100 * part for part in parts]
    rounded = [floor(part) for part in exact]
    missing = floor(sum(exact) + 0.5) - sum(rounded)
    for place in sorted(range(len(exact)), key=lambda one: rounded[one] - exact[one])[:missing]:
        rounded[place] += 1
    return rounded


def about_fall(one: ModelFall) -> str:
    """Returns a sentence or two on what a fall is made of."""
    parts = one.parts
    start = (
        f"On {one.set_name} ({one.n:,} images) the accuracy of {one.model_id} falls from "
        f"{parts.reference_accuracy:.3f} on {one.reference} to {parts.accuracy:.3f}, by {points(parts.fall.value)}"
    )
    if parts.threshold is None or parts.ranking is None:
        share, rest = whole_points((parts.share.value, parts.rest.value))
        return f"{start}: {share} of them are the shares of the classes, {rest} the rest."
    threshold, share, ranking = whole_points((parts.threshold.value, parts.share.value, parts.ranking.value))
    before, after = one.aucs
    order = "" if before is None or after is None else f" (ROC AUC {before:.3f} to {after:.3f})"
    back = " A minus is a rise." if min(threshold, share, ranking) < 0 else ""
    return (
        f"{start}: {threshold} of them are the threshold, {share} the share of positives, {ranking} the ranking{order}."
        f"{back} {_about_threshold(one)}"
    )


def next_step(one: ModelFall) -> str:
    """Returns what to do about a fall, by its largest part."""
    parts = one.parts
    if parts.threshold is None or parts.ranking is None:
        if parts.share.value >= parts.rest.value:
            return f"Compare {one.reference} and {one.set_name} by balanced accuracy, not by accuracy."
        return (
            f"Label images of the kind of {one.set_name} and put them into the training set: what is lost is not the "
            "shares of the classes."
        )
    largest = max(parts.threshold.value, parts.share.value, parts.ranking.value)
    if largest == parts.share.value:
        return (
            f"Compare {one.reference} and {one.set_name} by balanced accuracy or ROC AUC, which the share of positives "
            "does not move, and choose the threshold for the share that you will meet."
        )
    if largest == parts.threshold.value and _new_threshold_helps(one):
        return (
            f"Choose the threshold of {one.model_id} again on some 100 labelled images of the kind of {one.set_name}, "
            f"which are not used to judge it; the model itself can stay."
        )
    return (
        f"Label images of the kind of {one.set_name} and put some of them into the training and the validation set: a "
        "new threshold alone does not mend the ranking."
    )


def _about_threshold(one: ModelFall) -> str:
    at = "" if one.threshold is None else f", about {one.threshold:.3f},"
    return (
        f"A threshold chosen again on such images{at} gets {one.parts.best_accuracy:.3f}; always answering "
        f"“{one.commonest}” gets {one.majority:.3f}."
    )


def _new_threshold_helps(one: ModelFall) -> bool:
    """Returns whether the best threshold keeps half of what the model was better than one answer for all."""
    best, ranking = one.parts.best_accuracy, one.parts.ranking
    if best is None or ranking is None:
        return False
    now, before = best - one.majority, best + ranking.value - one.majority
    return now > _KEPT * before and now > normal_quantile() * sqrt(best * (1 - best) / one.n)
