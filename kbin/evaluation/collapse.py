"""Whether a model has collapsed on a set: its answers are no better than one class for all, and why."""

from typing import Literal

from kbin.evaluation.outcomes import Metrics
from kbin.evaluation.proportions import Interval

# Of all answers; from here on "nearly all" is one class.
_NEARLY_ALL = 0.99
# Hosmer and Lemeshow's "acceptable discrimination" begins here.
_KEPT_AUC = 0.7
_BOTH_FOUND = 0.7  # balanced accuracy
_GUESSING = 0.5

Order = Literal["kept", "weak", "reversed", "unclear", "lost", "undefined"]
_IN_WORDS = {
    "kept": "the order is kept, the threshold does not fit this set",
    "weak": "the order is weak, though better than guessing",
    "reversed": "the order is reversed",
    "unclear": "too few images to tell whether the order is kept",
    "lost": "the order is lost too",
}


def beats_majority(metrics: Metrics) -> bool:
    """Returns whether the accuracy is above that of always answering the set's most frequent class."""
    accuracy, majority = metrics.values["accuracy"], metrics.values["majority_accuracy"]
    return accuracy is not None and majority is not None and accuracy > majority


def has_collapsed(metrics: Metrics) -> bool:
    """Returns whether a model falls to one class on a set, in effect or in so many answers.

    It does where the set holds at least two classes, and

    - the accuracy is not above that of always answering the most frequent class, and the balanced accuracy is below .7:
      one answer for all would do as well, and the classes are hardly told apart (where they are, and positives are
      rare, a useful model can stay below the majority's accuracy); or
    - at least 99 % of the answers are one class, while the images of the other classes are at least twice as many as
      the answers that name them. Without that second half a perfect model would collapse on a set that itself holds
      99 % of one class.

    A set with one class cannot tell: one answer for all is right there.

    Args:
        metrics: On the set, at the threshold in force; means over seeds are judged as means.
    """
    if _num_occurring(metrics) < 2:
        return False
    balanced = metrics.values["balanced_accuracy"]
    if not beats_majority(metrics) and (balanced is None or balanced < _BOTH_FOUND):
        return True
    answer, share = _commonest_answer(metrics)
    others_answered, others_there = 1 - share, 1 - metrics.per_class[answer].n / metrics.n
    return share >= _NEARLY_ALL and others_there >= 2 * others_answered


def collapse_sentence(metrics: Metrics, auc_interval: Interval | None = None) -> str | None:
    """Returns what a collapse consists of, without a full stop; None where there is none.

    The end says whether the order of the images was lost too or only the threshold moved, as far as the ROC AUC tells,
    which knows no threshold:

    - kept: the AUC is at least .7 and its interval lies above .5. The threshold does not fit the set then.
    - weak: the interval lies above .5, the AUC below .7;
    - reversed: the interval lies below .5;
    - not to be told: the AUC is at least .7, but its interval reaches .5;
    - lost: the rest.

    Without an interval (more than two classes, a perfect order, a class with one image) the AUC alone decides between
    kept, from .7, and lost.

    Args:
        metrics: On the set, at the threshold in force, means over seeds.
        auc_interval: Of the ROC AUC; None where there is none.
    """
    if not has_collapsed(metrics):
        return None
    accuracy, majority = metrics.values["accuracy"], metrics.values["majority_accuracy"]
    commonest = max(metrics.per_class, key=lambda name: metrics.per_class[name].n)
    compared = "only slightly above" if beats_majority(metrics) else "not above"
    answer, share = _commonest_answer(metrics)
    answers = f"every answer is '{answer}'" if share == 1 else f"{share:.1%} of the answers are '{answer}'"
    return (
        f"accuracy {accuracy:.3f} is {compared} {majority:.3f}, which always answering '{commonest}' gets; "
        f"{answers}; {_order(metrics, auc_interval)}"
    )


def _order(metrics: Metrics, interval: Interval | None) -> str:
    auc = metrics.values["roc_auc"]
    if auc is None:
        return "its ROC AUC is undefined, so whether the order is kept cannot be told"
    stated = "" if interval is None else f" (95% interval {interval[0]:.3f} to {interval[1]:.3f})"
    return f"its ROC AUC is {auc:.3f}{stated}: {_verdict(metrics, auc, interval)}"


def order_kept(auc: float | None, interval: Interval | None) -> Order:
    """Returns what is left of the order of the images, by the rules of `collapse_sentence`.

    Args:
        auc: The ROC AUC, None where it is undefined.
        interval: Its 95% interval; None where there is none.
    """
    if auc is None:
        return "undefined"
    if interval is not None and interval[1] < _GUESSING:
        return "reversed"
    better_than_guessing = auc >= _KEPT_AUC if interval is None else interval[0] > _GUESSING
    if not better_than_guessing:
        return "unclear" if auc >= _KEPT_AUC else "lost"
    return "weak" if auc < _KEPT_AUC else "kept"


def _verdict(metrics: Metrics, auc: float, interval: Interval | None) -> str:
    order = order_kept(auc, interval)
    if order == "kept" and len(metrics.per_class) > 2:
        return "the order is kept, but the most probable class is not the right answer on this set"
    return _IN_WORDS[order]


def _num_occurring(metrics: Metrics) -> int:
    return sum(one.n > 0 for one in metrics.per_class.values())


def _commonest_answer(metrics: Metrics) -> tuple[str, float]:
    """Returns the class that is answered most often, and its share of all answers."""
    counts = [sum(column) for column in zip(*metrics.confusion, strict=True)]
    most = max(range(len(counts)), key=counts.__getitem__)
    return list(metrics.per_class)[most], counts[most] / metrics.n
