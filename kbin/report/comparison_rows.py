"""The differences between models on the same images, as plain tables."""

from kbin.metric_names import metric_row
from kbin.report.recorded import RunResults
from kbin.report.recorded_comparisons import MetricComparison, PairResults, SetComparisons
from kbin.report.table_rows import PlainTable

ALIKE, UNTESTED = "cannot be told apart", "not tested"


def comparison_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, metric and pair of models."""
    rows = []
    for set_name, metric, comparison in _compared(results):
        for pair in comparison.pairs:
            figures = (pair.p_value, pair.p_seeds, pair.p_adjusted, pair.detectable, pair.differ_on)
            where = (set_name, metric, comparison.method, *pair.models)
            rows.append(
                (*where, pair.difference, *(pair.interval or (None, None)), *figures, verdict(metric, comparison, pair))
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


def verdict(metric: str, comparison: MetricComparison, pair: PairResults) -> str:
    """Returns which of two models is better, or that nobody can tell."""
    first, second = pair.models
    if pair.p_adjusted is None:
        return UNTESTED
    if set(comparison.letters.get(first, "")) & set(comparison.letters.get(second, "")):
        return ALIKE
    return f"{first if (pair.difference > 0) == metric_row(metric).higher_is_better else second} is better"


def _compared(results: RunResults) -> list[tuple[str, str, MetricComparison]]:
    """Returns set, metric and comparison, in reading order; sets that the run does not know come last."""
    found: dict[str, SetComparisons] = {
        name: results.comparisons[name] for name in results.reading_order if name in results.comparisons
    }
    return [(name, metric, one) for name, by_metric in found.items() for metric, one in by_metric.items()]
