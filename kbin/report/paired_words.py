"""What paired tests between models say, in numbers as written and in sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbin.metric_names import metric_row
from kbin.report.recorded_comparisons import PairResults, SetComparisons
from kbin.report.verdicts import pair_verdict
from kbin.report.wording import UNDEFINED, listed, metric_text, p_text, range_text, signed_text, title_in_text

_SUMMED_UP = ("roc_auc", "accuracy")  # in the summary; the tables have the other metrics


@dataclass(frozen=True)
class PairRow:
    """Two models under one metric as written; `across` says whether they are of different runs."""

    first: str
    second: str
    across: bool
    difference: str
    interval: str
    p_value: str
    detectable: str
    verdict: str


@dataclass(frozen=True)
class PairTable:
    """All pairs under one metric, those of different runs first."""

    title: str
    method: str
    rows: tuple[PairRow, ...]


def pair_tables(comparisons: SetComparisons, runs: Mapping[str, str]) -> list[PairTable]:
    """Returns a table a metric.

    Args:
        comparisons: By metric.
        runs: Model name -> run.
    """
    tables = []
    for metric, comparison in comparisons.items():
        rows = [_pair_row(metric, pair, runs) for pair in comparison.pairs]
        rows.sort(key=lambda row: not row.across)
        tables.append(PairTable(metric_row(metric).title, comparison.method, tuple(rows)))
    return tables


def _pair_row(metric: str, pair: PairResults, runs: Mapping[str, str]) -> PairRow:
    first, second = pair.models
    return PairRow(
        first,
        second,
        runs[first] != runs[second],
        signed_text(metric, pair.difference),
        UNDEFINED if pair.interval is None else range_text(metric, *pair.interval),
        p_text(pair.p_adjusted),
        metric_text(metric, pair.detectable),
        pair_verdict(metric, pair),
    )


def best_sentences(comparisons: SetComparisons, values: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Returns a sentence a metric: who is first, who cannot be told apart from it, who is behind.

    Args:
        comparisons: By metric.
        values: Metric -> model -> mean over seeds.
    """
    sentences = []
    for metric in _SUMMED_UP:
        if metric in comparisons:
            defined = {name: value for name, value in values[metric].items() if value is not None}
            sentences += _best(metric, comparisons[metric].letters, defined) if len(defined) > 1 else []
    return sentences


def _best(metric: str, letters: Mapping[str, str], values: Mapping[str, float]) -> list[str]:
    order = sorted(values, key=values.__getitem__, reverse=metric_row(metric).higher_is_better)
    best, others = order[0], order[1:]
    alike = [name for name in others if set(letters.get(name, "")) & set(letters.get(best, ""))]
    behind = [name for name in others if name not in alike]
    lead = f"By {title_in_text(metric)}, {best} ({metric_text(metric, values[best])})"
    if not behind and len(order) > 2:
        if set.intersection(*(set(letters.get(name, "")) for name in order)):
            return [f"By {title_in_text(metric)}, no two of the {len(order)} models can be told apart."]
        return [f"{lead} cannot be told apart from {listed(_shown(others))}; some of those can be from each other."]
    if not behind:
        return [f"By {title_in_text(metric)}, {listed(order)} cannot be told apart."]
    if not alike:
        return [f"{lead} beats {listed(_shown(behind))}."]
    return [f"{lead} cannot be told apart from {listed(_shown(alike))}; it beats {listed(_shown(behind))}."]


def _shown(names: Sequence[str], most: int = 6) -> list[str]:
    """Returns the first names; a sentence of twenty is not read."""
    return [*names] if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} others"]
