"""The page's main table as rows of cells: what stands where, before any markup."""

from dataclasses import dataclass, field, replace

from kbin.metric_names import METRICS, MetricRow
from kbin.report.recorded import TRAIN, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import (
    contents_text,
    interval_text,
    listed,
    majority_share,
    mark_text,
    metric_text,
    reason_text,
    share_text,
    spread_text,
)

# By which people compare: their intervals always show, those of the others when they are asked for.
LEADING = ("accuracy", "roc_auc")


@dataclass(frozen=True)
class Cell:
    """One number of the page.

    Attributes:
        text: The number as written.
        value: What to sort by; None sorts last.
        spread: Its spread over seeds as written, "" without one.
        interval: Its interval as written, "" without one.
        is_minor: Whether the interval may be folded away.
        letters: Those of the models from which it cannot be told apart, "" where nothing was compared.
        reason: Why there is no number, "" if there is one.
        note: Number of the footnote that holds the reason, 0 without one.
        gap: Its difference from the number on another set as written, "" without one.
        mark: What has to stand out beside the number, "" for nothing.
    """

    text: str
    value: float | None
    spread: str = ""
    interval: str = ""
    is_minor: bool = False
    letters: str = ""
    reason: str = ""
    note: int = 0
    gap: str = ""
    mark: str = ""


@dataclass
class Footnotes:
    """Reasons in order of first use; the same reason has one number."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Returns the number of a footnote, from 1."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


@dataclass(frozen=True)
class Group:
    """The rows of one evaluation set: model id -> cells in the order of the columns.

    `notes` say what is wrong with intervals of this set, once each.
    """

    set_name: str
    contents: str
    rows: dict[str, list[Cell]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResultTable:
    """All models on all sets."""

    columns: tuple[MetricRow, ...]
    groups: tuple[Group, ...]
    footnotes: tuple[str, ...]

    @property
    def num_rows(self) -> int:
        """How long it is."""
        return sum(len(group.rows) for group in self.groups)


def result_table(results: RunResults, footnotes: Footnotes) -> ResultTable:
    """Returns every metric of every model on every set; the majority baseline is a set's and stands in its heading.

    Args:
        results: The run.
        footnotes: Where the reasons of undefined metrics are collected.
    """
    columns = _columns(results)
    groups = []
    for name in results.reading_order:
        rows = {
            model.id: [
                replace(
                    metric_cell(row, model.sets[name], name, footnotes),
                    letters=model_letters(results, name, row.name, model.id),
                )
                for row in columns
            ]
            for model in results.done
        }
        groups.append(Group(name, _contents(results, name), rows, tuple(interval_notes(results, name))))
    return ResultTable(columns, tuple(groups), tuple(footnotes.texts))


def interval_notes(results: RunResults, set_name: str, general: bool = False) -> list[str]:
    """Returns what is wrong with the intervals of a set, once each, with the models that it concerns.

    Args:
        results: The run.
        set_name: The set.
        general: Whether to leave out what does not concern all models.
    """
    concerned: dict[str, list[str]] = {}
    # Of the training set no interval is shown.
    for model in results.done if set_name != TRAIN else ():
        for note in model.sets[set_name].interval_notes:
            concerned.setdefault(note, []).append(model.id)
    return [
        f"On “{set_name}”{'' if len(models) == len(results.done) else f', {listed(models)}'}: {note}"
        for note, models in concerned.items()
        if len(models) == len(results.done) or not general
    ]


def model_letters(results: RunResults, set_name: str, name: str, model_id: str) -> str:
    """Returns a model's letters under a metric on a set, "" where nothing was compared."""
    comparison = results.comparisons.get(set_name, {}).get(name)
    return "" if comparison is None else comparison.letters.get(model_id, "")


def _contents(results: RunResults, set_name: str) -> str:
    majority = f"always “{results.majority_class(set_name)}”: accuracy {share_text(majority_share(results, set_name))}"
    return f"{contents_text(results, set_name)}; {majority}"


def _columns(results: RunResults) -> tuple[MetricRow, ...]:
    recorded = {name for model in results.done for entry in model.sets.values() for name in entry.metrics}
    leading = [row for row in METRICS if row.name in LEADING]
    rest = [row for row in METRICS if row not in leading and not row.is_baseline]
    return tuple(row for row in (*leading, *rest) if row.name in recorded)


def metric_cell(row: MetricRow, entry: SetResults, set_name: str, footnotes: Footnotes) -> Cell:
    """Returns one metric of one model on one set; a reason is added to the footnotes."""
    value = entry.metrics.get(row.name)
    if value is None:
        reason = f"On “{set_name}” {reason_text(row.name, entry)}."
        return Cell(metric_text(row.name, None), None, reason=reason, note=footnotes.number(reason))
    mark = mark_text(entry) if row.name == "accuracy" else ""
    # What was learned from is no sample of anything.
    interval = interval_text(row.name, entry) if set_name != TRAIN else ""
    return Cell(
        metric_text(row.name, value),
        value,
        spread_text(row.name, entry),
        interval,
        is_minor=row.name not in LEADING,
        mark=mark,
    )
