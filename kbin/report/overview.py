"""The small table of the summary: the metrics by which people compare, on the shown sets, with bars on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.metric_names import MetricRow, metric_row
from kbin.report.interval_bars import Bar, BarredCell, Interval, Scale, bar, scale_of
from kbin.report.recorded import TRAIN, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.tables import ResultTable

_MOST_SETS_WITH_ACCURACY = 2
_ORDER = ("roc_auc", "accuracy")


@dataclass(frozen=True)
class Overview:
    """Sets, the metrics of each, and model id -> cells, set by set."""

    sets: tuple[str, ...]
    metrics: tuple[MetricRow, ...]
    rows: dict[str, tuple[BarredCell, ...]]


def overview(results: RunResults, table: ResultTable) -> Overview | None:
    """Returns the summary's table; None where no model has results.

    Args:
        results: The run.
        table: The main table, whose cells these are.
    """
    if not results.done:
        return None
    sets = results.shown_sets
    names = _ORDER if len(sets) <= _MOST_SETS_WITH_ACCURACY else _ORDER[:1]
    places = {row.name: place for place, row in enumerate(table.columns)}
    metrics = tuple(metric_row(name) for name in names if name in places)
    groups = {group.set_name: group for group in table.groups}
    # One scale for all sets: a gap between them shows.
    scales = {row.name: _scale(results, row.name, sets) for row in metrics}
    rows = {
        model.id: tuple(
            BarredCell(
                groups[name].rows[model.id][places[row.name]], _bar(scales[row.name], row.name, name, model.sets[name])
            )
            for name in sets
            for row in metrics
        )
        for model in results.done
    }
    return Overview(tuple(sets), metrics, rows)


def _scale(results: RunResults, name: str, sets: Sequence[str]) -> Scale | None:
    entries = [(set_name, model.sets[set_name]) for model in results.done for set_name in sets]
    values = [value for _, entry in entries if (value := entry.metrics.get(name)) is not None]
    return scale_of(values, [_interval(name, *one) for one in entries]) if values else None


def _bar(scale: Scale | None, name: str, set_name: str, entry: SetResults) -> Bar | None:
    value = entry.metrics.get(name)
    return None if scale is None or value is None else bar(scale, value, _interval(name, set_name, entry))


def _interval(name: str, set_name: str, entry: SetResults) -> Interval | None:
    return None if set_name == TRAIN else entry.intervals.get(name)
