"""The differences between models on the same images, as plain tables."""

from kbin.report.recorded import RunResults
from kbin.report.recorded_comparisons import MetricComparison, SetComparisons
from kbin.report.table_rows import PlainTable
from kbin.report.verdicts import pair_verdict


def comparison_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, metric and pair of models."""
    rows = []
    for set_name, metric, comparison in _compared(results):
        for pair in comparison.pairs:
            figures = (pair.p_value, pair.p_seeds, pair.p_adjusted, pair.detectable, pair.differ_on)
            where = (set_name, metric, comparison.method, *pair.models)
            rows.append(
                (*where, pair.difference, *(pair.interval or (None, None)), *figures, pair_verdict(metric, pair))
            )
    names = ("set", "metric", "method", "model_a", "model_b", "difference", "low", "high")
    tests = ("p_value", "p_seeds", "p_adjusted", "detectable", "differ_on", "verdict")
    return PlainTable((*names, *tests), tuple(rows))


def letter_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, metric and model; models that share a letter cannot be told apart."""
    rows = [
        (set_name, metric, model_id, letters)
        for set_name, metric, comparison in _compared(results)
        for model_id, letters in comparison.letters.items()
    ]
    return PlainTable(("set", "metric", "model", "letters"), tuple(rows))


def _compared(results: RunResults) -> list[tuple[str, str, MetricComparison]]:
    """Returns set, metric and comparison, in reading order; sets that the run does not know come last."""
    found: dict[str, SetComparisons] = {
        name: results.comparisons[name] for name in results.reading_order if name in results.comparisons
    }
    return [(name, metric, one) for name, by_metric in found.items() for metric, one in by_metric.items()]
