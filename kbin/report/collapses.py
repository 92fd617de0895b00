"""Where models collapsed, and whether their ranking or their threshold is to blame."""

from dataclasses import dataclass

from kbin.evaluation.collapse import order_kept
from kbin.report.recorded import RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import collapse_text, metric_text

_BLAME = {
    "kept": "The threshold is to blame, the ranking is kept",
    "weak": "The ranking is to blame, it is weak",
    "reversed": "The ranking is to blame, it is reversed",
    "lost": "The ranking is to blame, it is lost",
    "unclear": "Ranking or threshold, too few images to tell",
    "undefined": "Ranking or threshold cannot be told without a ROC AUC",
}


@dataclass(frozen=True)
class Collapse:
    """One model that collapsed on one set: what is to blame, without a full stop, and what happened, in sentences."""

    blame: str
    sentence: str


def collapses(results: RunResults) -> list[Collapse]:
    """Returns every collapse, the test sets first."""
    return [
        Collapse(
            _blame(results, model.sets[name], model.sets[results.main_set]),
            f"On “{name}”, {collapse_text(model.id, model.sets[name])}{_oracle(model.sets[name])}",
        )
        for name in results.reading_order
        for model in results.done
        if model.sets[name].collapsed
    ]


def _blame(results: RunResults, entry: SetResults, elsewhere: SetResults) -> str:
    auc, other = entry.metrics.get("roc_auc"), elsewhere.metrics.get("roc_auc")
    order = order_kept(auc, entry.intervals.get("roc_auc"))
    if order == "kept" and results.positive is None:
        return "The choice among the classes is to blame, the ranking is kept"
    blame = _BLAME[order]
    if entry is elsewhere or auc is None or other is None:
        return blame
    return (
        f"{blame}: ROC AUC {metric_text('roc_auc', auc)} here, {metric_text('roc_auc', other)} on “{results.main_set}”"
    )


def _oracle(entry: SetResults) -> str:
    """Returns what the best threshold would have got; that of the set itself, so nobody could have known it."""
    point = entry.operating_points.get("oracle")
    if point is None or point.metrics.get("balanced_accuracy") is None:
        return ""
    accuracy, balanced = (metric_text(name, point.metrics.get(name)) for name in ("accuracy", "balanced_accuracy"))
    return (
        f" With the threshold that is best on this very set (an oracle), accuracy would be {accuracy} and balanced "
        f"accuracy {balanced}, where guessing gets 0.500."
    )
