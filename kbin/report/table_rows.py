"""What results.json says of models on sets, as plain tables: names of columns, and rows of text and numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbin.metric_names import METRICS, MetricRow
from kbin.report.plots import MOST_CLASSES_IN_CONFUSION
from kbin.report.recorded import TRAIN, ModelResults, RunResults
from kbin.report.recorded_sets import MetricValues, SetResults

TableValue = str | int | float | bool | None


@dataclass(frozen=True)
class PlainTable:
    """A table for programs and spreadsheets; a row has a value a column, None for an empty cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[TableValue, ...], ...]


def result_rows(results: RunResults) -> PlainTable:
    """Returns a row a set and model: every metric with its spread over seeds and the ends of its interval."""
    metrics = recorded_metrics(results)
    columns = ["set", "model", "backbone", "n", "positives", "seeds", "collapsed", "beats_majority"]
    for row in metrics:
        columns += [row.name] if row.is_baseline else [row.name, f"{row.name}_spread", *_ends(row.name)]
    rows = []
    for set_name, model, entry in _entries(results):
        cells: list[TableValue] = [set_name, model.id, model.backbone, entry.n, entry.positives, len(model.seeds)]
        cells += [entry.collapsed, entry.beats_majority]
        for row in metrics:
            cells.append(entry.metrics.get(row.name))
            if not row.is_baseline:
                # What was learned from is no sample of anything.
                interval = None if set_name == TRAIN else entry.intervals.get(row.name)
                cells += [entry.spread.get(row.name), *(interval or (None, None))]
        rows.append(tuple(cells))
    return PlainTable(tuple(columns), tuple(rows))


def undefined_rows(results: RunResults) -> PlainTable:
    """Returns why cells of the results are empty."""
    rows = [
        (set_name, model.id, metric, reason)
        for set_name, model, entry in _entries(results)
        for metric, reason in entry.undefined.items()
    ]
    return PlainTable(("set", "model", "metric", "reason"), tuple(rows))


def seed_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model and seed: the kept epoch, the threshold in force and every metric."""
    metrics = recorded_metrics(results)
    rows = []
    for set_name, model, entry in _entries(results):
        for one, epoch in zip(entry.per_seed, model.epoch, strict=True):
            values = _values(one.metrics, metrics)
            rows.append((set_name, model.id, one.seed, epoch, one.threshold, one.collapsed, *values))
    columns = ("set", "model", "seed", "epoch", "threshold", "collapsed", *(row.name for row in metrics))
    return PlainTable(columns, tuple(rows))


def class_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model and class: the class against the rest, means over seeds."""
    rows = [
        (set_name, model.id, label, one.n, one.precision, one.recall, one.f1, one.roc_auc)
        for set_name, model, entry in _entries(results)
        for label, one in entry.per_class.items()
    ]
    return PlainTable(("set", "model", "class", "n", "precision", "recall", "f1", "roc_auc"), tuple(rows))


def confusion_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model, true and predicted class: images, means over seeds, and their share of the class.

    Of many classes the pairs that never occur are left out: a thousand classes would have a million rows a set.
    """
    rows = []
    for set_name, model, entry in _entries(results):
        for true, counts in zip(results.classes, entry.confusion, strict=True):
            total = sum(counts)
            for predicted, count in zip(results.classes, counts, strict=True):
                if count or len(results.classes) <= MOST_CLASSES_IN_CONFUSION:
                    rows.append((set_name, model.id, true, predicted, count, count / total if total else None))
    return PlainTable(("set", "model", "true_class", "predicted_class", "images", "share_of_class"), tuple(rows))


def point_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model and way to set the threshold, with the metrics that depend on it."""
    metrics = [row for row in recorded_metrics(results) if row.uses_threshold]
    rows = [
        (set_name, model.id, name, point.threshold, *_values(point.metrics, metrics), point.cost)
        for set_name, model, entry in _entries(results)
        for name, point in entry.operating_points.items()
    ]
    columns = ("set", "model", "point", "threshold", *(row.name for row in metrics), "cost_per_image")
    return PlainTable(columns, tuple(rows))


def baseline_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model and kind of answer that looks at no image."""
    entries = [(name, model, entry) for name, model, entry in _entries(results) if entry.baselines]
    recorded = {metric for _, _, entry in entries for values in entry.baselines.values() for metric in values}
    metrics = [row for row in METRICS if row.name in recorded]
    rows = [
        (set_name, model.id, kind, *_values(values, metrics))
        for set_name, model, entry in entries
        for kind, values in entry.baselines.items()
    ]
    return PlainTable(("set", "model", "baseline", *(row.name for row in metrics)), tuple(rows))


def recorded_metrics(results: RunResults) -> tuple[MetricRow, ...]:
    """Returns the metrics that a run has, in reading order."""
    recorded = {name for _, _, entry in _entries(results) for name in entry.metrics}
    return tuple(row for row in METRICS if row.name in recorded)


def _entries(results: RunResults) -> Iterable[tuple[str, ModelResults, SetResults]]:
    """Yields every model on every set, the sets that say most first."""
    for set_name in results.reading_order:
        for model in results.done:
            yield set_name, model, model.sets[set_name]


def _ends(metric: str) -> tuple[str, str]:
    return f"{metric}_low", f"{metric}_high"


def _values(values: MetricValues, metrics: Sequence[MetricRow]) -> list[float | None]:
    return [values.get(row.name) for row in metrics]
