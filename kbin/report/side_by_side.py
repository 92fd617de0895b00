"""Evaluation sets side by side: a small table a metric, models as rows and sets as columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kbin.metric_names import MetricRow, metric_row
from kbin.report.recorded import TEST, TRAIN, VALIDATION, ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.tables import Cell, Footnotes, metric_cell
from kbin.report.wording import COLLAPSED, signed_text

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
    """The sets in the order of the columns, a table a metric, and which other set each is compared with."""

    sets: tuple[str, ...]
    tables: tuple[SideTable, ...]
    compared: dict[str, str]


def side_by_side(results: RunResults, footnotes: Footnotes) -> SidesBySide | None:
    """Returns the tables; None where there is no second test set to compare with.

    Args:
        results: The run.
        footnotes: Those of the main table, which has the same reasons.
    """
    if not results.done or len(results.test_sets) < 2:
        return None
    sets = set_order(results)
    compared = _compared_sets(results)
    tables = []
    for name in _METRICS:
        row = metric_row(name)
        rows = {
            model.id: [
                replace(_cell(row, model.sets[set_name], set_name, footnotes), gap=_gap(row, model, set_name, compared))
                for set_name in sets
            ]
            for model in results.done
        }
        tables.append(SideTable(row, rows))
    return SidesBySide(sets, tuple(tables), compared)


def set_order(results: RunResults) -> tuple[str, ...]:
    """Returns the sets from what was learned from to what lies furthest away: train, validation, test, further ones."""
    first = [name for name in (TRAIN, VALIDATION, TEST) if name in results.sets]
    return (*first, *(name for name in results.sets if name not in first))


def _compared_sets(results: RunResults) -> dict[str, str]:
    """Returns further test set -> the first test set; that one -> the validation set, where there is one."""
    main = results.main_set
    compared = {name: main for name in results.test_sets if name != main}
    return compared | ({main: VALIDATION} if VALIDATION in results.sets and main != VALIDATION else {})


def _gap(row: MetricRow, model: ModelResults, set_name: str, compared: Mapping[str, str]) -> str:
    other = compared.get(set_name)
    if other is None:
        return ""
    here, there = model.sets[set_name].metrics.get(row.name), model.sets[other].metrics.get(row.name)
    return "" if here is None or there is None else signed_text(row.name, here - there)


def _cell(row: MetricRow, entry: SetResults, set_name: str, footnotes: Footnotes) -> Cell:
    cell = metric_cell(row, entry, set_name, footnotes)
    # A collapse shows in whatever depends on the threshold; the ROC AUC knows none and may be fine.
    mark = COLLAPSED if entry.collapsed and row.uses_threshold else ""
    return replace(cell, interval="", mark=mark)
