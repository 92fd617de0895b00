"""The page's main table as rows of cells: what stands where, before any markup."""

from dataclasses import dataclass, field

from kbin.metric_names import METRICS, MetricRow
from kbin.report.recorded import TRAIN, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import (
    contents_text,
    interval_text,
    mark_text,
    metric_text,
    reason_text,
    spread_text,
)

# In the page's tables; results.json has those of the other shares too.
WITH_INTERVAL = ("accuracy", "roc_auc")


@dataclass(frozen=True)
class Cell:
    """One number of the page.

    Attributes:
        text: The number as written.
        value: What to sort by; None sorts last.
        spread: Its spread over seeds as written, "" without one.
        interval: Its interval as written, "" without one.
        reason: Why there is no number, "" if there is one.
        note: Number of the footnote that holds the reason, 0 without one.
        mark: What has to stand out beside the number, "" for nothing.
    """

    text: str
    value: float | None
    spread: str = ""
    interval: str = ""
    reason: str = ""
    note: int = 0
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
    """The rows of one evaluation set: model id -> cells in the order of the columns."""

    set_name: str
    contents: str
    rows: dict[str, list[Cell]]


@dataclass(frozen=True)
class ResultTable:
    """All models on all sets."""

    columns: tuple[MetricRow, ...]
    groups: tuple[Group, ...]
    footnotes: tuple[str, ...]


def result_table(results: RunResults, footnotes: Footnotes) -> ResultTable:
    """Returns every metric of every model on every set, with the majority baseline beside the accuracy.

    Args:
        results: The run.
        footnotes: Where the reasons of undefined metrics are collected.
    """
    columns = _columns(results)
    groups = []
    for name in results.reading_order:
        rows = {
            model.id: [metric_cell(row, model.sets[name], name, footnotes) for row in columns] for model in results.done
        }
        groups.append(Group(name, contents_text(results, name), rows))
    return ResultTable(columns, tuple(groups), tuple(footnotes.texts))


def overview(results: RunResults, table: ResultTable) -> dict[str, list[Cell]]:
    """Returns the ROC AUC of each model on the test sets, cells of the large table."""
    column = next((index for index, row in enumerate(table.columns) if row.name == "roc_auc"), None)
    if column is None:
        return {}
    shown = [group for group in table.groups if group.set_name in results.shown_sets]
    return {model.id: [group.rows[model.id][column] for group in shown] for model in results.done}


def _columns(results: RunResults) -> tuple[MetricRow, ...]:
    recorded = {name for model in results.done for entry in model.sets.values() for name in entry.metrics}
    accuracy = [row for row in METRICS if row.name == "accuracy"]
    baselines = [row for row in METRICS if row.is_baseline]
    rest = [row for row in METRICS if row not in (*accuracy, *baselines)]
    return tuple(row for row in (*accuracy, *baselines, *rest) if row.name in recorded)


def metric_cell(row: MetricRow, entry: SetResults, set_name: str, footnotes: Footnotes) -> Cell:
    """Returns one metric of one model on one set; a reason is added to the footnotes."""
    value = entry.metrics.get(row.name)
    if value is None:
        reason = f"On “{set_name}” {reason_text(row.name, entry)}."
        return Cell(metric_text(row.name, None), None, reason=reason, note=footnotes.number(reason))
    mark = mark_text(entry) if row.name == "accuracy" else ""
    # The baseline is a property of the set: no seed moves it.
    spread = "" if row.is_baseline else spread_text(row.name, entry)
    # What was learned from is no sample of anything.
    interval = interval_text(row.name, entry) if row.name in WITH_INTERVAL and set_name != TRAIN else ""
    return Cell(metric_text(row.name, value), value, spread, interval, mark=mark)
