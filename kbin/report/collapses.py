"""Where models collapsed, and whether their ranking or their threshold is to blame."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.evaluation.collapse import order_kept
from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import collapse_text, count_text, listed, metric_text

_BLAME = {
    "kept": "the threshold is to blame, the ranking is kept",
    "weak": "the ranking is to blame, it is weak",
    "reversed": "the ranking is to blame, it is reversed",
    "lost": "the ranking is to blame, it is lost",
    "unclear": "ranking or threshold, too few images to tell",
    "undefined": "ranking or threshold cannot be told without a ROC AUC",
}
_CHOICE = "the choice among the classes is to blame, the ranking is kept"
_MOST_NAMED = 3


@dataclass(frozen=True)
class Collapse:
    """Models that collapsed on a set for the same reason.

    Attributes:
        headline: On which set, who, and what is to blame, without a full stop.
        sentences: What happened to each model.
    """

    headline: str
    sentences: tuple[str, ...]


def collapses(results: RunResults) -> list[Collapse]:
    """Returns every collapse, the test sets first."""
    found: dict[tuple[str, str], list[ModelResults]] = {}
    for name in results.reading_order:
        for model in results.done:
            entry = model.sets[name]
            if entry.collapsed:
                order = order_kept(entry.metrics.get("roc_auc"), entry.intervals.get("roc_auc"))
                found.setdefault((name, order), []).append(model)
    return [
        Collapse(
            _headline(results, name, order, models),
            tuple(f"On “{name}”, {collapse_text(one.id, one.sets[name])}{_oracle(one.sets[name])}" for one in models),
        )
        for (name, order), models in found.items()
    ]


def _headline(results: RunResults, set_name: str, order: str, models: Sequence[ModelResults]) -> str:
    who = listed([model.id for model in models])
    if len(models) > _MOST_NAMED:
        who = f"{len(models)} of {count_text(len(results.done), 'model')}"
    blame = _CHOICE if order == "kept" and results.positive is None else _BLAME[order]
    here, there = _areas(models, set_name), _areas(models, results.main_set)
    compared = f" (ROC AUC {here} here, {there} on “{results.main_set}”)"
    return f"On “{set_name}”, {who}: {blame}" + (compared if here and there and set_name != results.main_set else "")


def _areas(models: Sequence[ModelResults], set_name: str) -> str:
    """Returns the range of the models' ROC AUC, "" where one is undefined."""
    areas = [model.sets[set_name].metrics.get("roc_auc") for model in models]
    known = [area for area in areas if area is not None]
    if len(known) < len(areas):
        return ""
    ends = [metric_text("roc_auc", end) for end in (min(known), max(known))]
    return " to ".join(dict.fromkeys(ends))


def _oracle(entry: SetResults) -> str:
    """Returns what the best threshold would have got; that of the set itself, so nobody could have known it."""
    point = entry.operating_points.get("oracle")
    balanced = None if point is None else point.metrics.get("balanced_accuracy")
    if balanced is None:
        return ""
    return (
        " With the threshold that is best on this very set (an oracle), its balanced accuracy would be "
        f"{metric_text('balanced_accuracy', balanced)}; guessing gets 0.500."
    )
