"""Evaluation sets side by side: a small table a metric, models as rows and sets as columns."""

from dataclasses import dataclass, replace

from kbin.metric_names import MetricRow, metric_row
from kbin.report.recorded import TEST, TRAIN, VALIDATION, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.tables import Cell, Footnotes, metric_cell
from kbin.report.wording import COLLAPSED

_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc")


@dataclass(frozen=True)
class SideTable:
    """One metric on all sets.

    Attributes:
        row: The metric.
        rows: Model id -> a cell a set, in the order of the columns.
    """

    row: MetricRow
    rows: dict[str, list[Cell]]


@dataclass(frozen=True)
class SidesBySide:
    """The sets in the order of the columns, and a table a metric."""

    sets: tuple[str, ...]
    tables: tuple[SideTable, ...]


def side_by_side(results: RunResults, footnotes: Footnotes) -> SidesBySide | None:
    """Returns the tables; None where there is no second test set to compare with.

    Args:
        results: The run.
        footnotes: Those of the main table, which has the same reasons.
    """
    if not results.done or len(results.test_sets) < 2:
        return None
    sets = set_order(results)
    tables = []
    for name in _METRICS:
        row = metric_row(name)
        rows = {
            model.id: [_cell(row, model.sets[set_name], set_name, footnotes) for set_name in sets]
            for model in results.done
        }
        tables.append(SideTable(row, rows))
    return SidesBySide(sets, tuple(tables))


def set_order(results: RunResults) -> tuple[str, ...]:
    """Returns the sets from what was learned from to what lies furthest away: train, validation, test, further ones."""
    first = [name for name in (TRAIN, VALIDATION, TEST) if name in results.sets]
    return (*first, *(name for name in results.sets if name not in first))


def _cell(row: MetricRow, entry: SetResults, set_name: str, footnotes: Footnotes) -> Cell:
    cell = metric_cell(row, entry, set_name, footnotes)
    # A collapse shows in whatever depends on the threshold; the ROC AUC knows none and may be fine.
    mark = COLLAPSED if entry.collapsed and row.uses_threshold else ""
    return replace(cell, interval="", mark=mark)
