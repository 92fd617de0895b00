"""The differences between models on the same images, as rows before any markup."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.metric_names import METRICS, MetricRow
from kbin.report.interval_bars import BarredCell, Interval, bar, scale_of
from kbin.report.recorded import RunResults
from kbin.report.recorded_comparisons import MetricComparison, PairResults
from kbin.report.tables import Cell
from kbin.report.verdicts import Standing, capitalized, pair_verdict, standing, verdict_sentence, winner
from kbin.report.wording import UNDEFINED, listed, metric_text, number_text, p_text, range_text, signed_text

_IN_THE_OPEN = ("roc_auc", "accuracy", "f1")
_MOST_MODELS_WITH_OPEN_PAIRS = 6  # 15 pairs
# Heading, field of `PairResults`; a column that no pair of a table fills is left out.
_COLUMNS = (
    ("p, images", "p_value"),
    ("p, seeds", "p_seeds"),
    ("p, adjusted", "p_adjusted"),
    ("Would have shown", "detectable"),
    ("Images answered differently", "differ_on"),
)


@dataclass(frozen=True)
class PairRow:
    """One pair under one metric, the model with the better value first.

    `difference` is the first's value less the second's, with "no difference" as the line of its bar; `cells` are those
    of the further columns.
    """

    metric: MetricRow
    first: str
    second: str
    difference: BarredCell
    cells: tuple[Cell, ...]
    verdict: str
    is_told_apart: bool


@dataclass(frozen=True)
class PairTable:
    """Pairs of one metric, or the only pair under all metrics; `columns` head the cells after the difference."""

    columns: tuple[str, ...]
    rows: tuple[PairRow, ...]


@dataclass(frozen=True)
class LetterRow:
    """One model, the best value first: its value with interval, and its letters."""

    model_id: str
    text: str
    letters: str


@dataclass(frozen=True)
class MetricSection:
    """All pairs under one metric.

    `letters` has a row a model where the pairs are too many to be read. Then only the metrics in the open have their
    pairs on the page (None for the others): 45 pairs under 11 metrics would be most of it.
    """

    row: MetricRow
    sentence: str
    pairs: PairTable | None
    letters: tuple[LetterRow, ...]

    @property
    def all_letters(self) -> tuple[str, ...]:
        """Every letter that some model has."""
        return tuple(sorted(set("".join(row.letters for row in self.letters))))


@dataclass(frozen=True)
class SetSection:
    """The comparisons on one set.

    Attributes:
        set_name: The set.
        only_pair: Two models under all metrics; None where there are more, or fewer metrics than two.
        shown: The metrics in the open, where there is no such table.
        folded: The other metrics.
    """

    set_name: str
    only_pair: PairTable | None = None
    shown: tuple[MetricSection, ...] = ()
    folded: tuple[MetricSection, ...] = ()


def difference_sections(results: RunResults) -> list[SetSection]:
    """Returns the comparisons of every set that has any, the test sets first; empty where nothing was compared."""
    sections = [_set_section(results, name) for name in results.reading_order]
    return [section for section in sections if section is not None]


def comparison_methods(results: RunResults) -> list[str]:
    """Returns how the models were compared, metrics with the same method together."""
    titles: dict[str, list[str]] = {}
    for recorded in results.comparisons.values():
        for row in sorted(METRICS, key=_order):
            if row.name in recorded and row.title not in titles.setdefault(recorded[row.name].method, []):
                titles[recorded[row.name].method].append(row.title)
    return [f"{listed(named)}: {method}" for method, named in titles.items() if named]


def _set_section(results: RunResults, set_name: str) -> SetSection | None:
    recorded = results.comparisons.get(set_name, {})
    found = [
        (row, recorded[row.name], one)
        for row in sorted(METRICS, key=_order)
        if row.name in recorded and (one := standing(results, set_name, row.name)) is not None
    ]
    if not found:
        return None
    if all(len(comparison.pairs) == 1 for _, comparison, _ in found):
        return SetSection(set_name, only_pair=_pair_table([(row, comparison) for row, comparison, _ in found]))
    sections = [_metric_section(*one) for one in found]
    # Where only other metrics could be compared, the first of them is better than nothing in the open.
    shown = [one for one in sections if one.row.name in _IN_THE_OPEN] or sections[:1]
    return SetSection(set_name, None, tuple(shown), tuple(one for one in sections if one not in shown))


def _order(row: MetricRow) -> int:
    return _IN_THE_OPEN.index(row.name) if row.name in _IN_THE_OPEN else len(_IN_THE_OPEN)


def _metric_section(row: MetricRow, comparison: MetricComparison, found: Standing) -> MetricSection:
    few = len(found.values) <= _MOST_MODELS_WITH_OPEN_PAIRS
    letters = [LetterRow(one, found.texts[one], comparison.letters[one]) for one in found.values]
    pairs = _pair_table([(row, comparison)]) if few or row.name in _IN_THE_OPEN else None
    return MetricSection(row, capitalized(verdict_sentence(found)), pairs, () if few else tuple(letters))


def _pair_table(compared: Sequence[tuple[MetricRow, MetricComparison]]) -> PairTable:
    pairs = [(row, pair) for row, comparison in compared for pair in comparison.pairs]
    columns = [(title, name) for title, name in _COLUMNS if any(getattr(pair, name) is not None for _, pair in pairs)]
    rows = [
        _pair_row(row, pair, comparison, [name for _, name in columns])
        for row, comparison in compared
        for pair in comparison.pairs
    ]
    return PairTable(tuple(title for title, _ in columns), tuple(rows))


def _pair_row(row: MetricRow, pair: PairResults, comparison: MetricComparison, columns: Sequence[str]) -> PairRow:
    turned = [_turned(row, one) for one in comparison.pairs]
    # No difference is on the scale, so that every bar can be read against it.
    scale = scale_of([0.0, *(one[2] for one in turned)], [one[3] for one in turned])
    first, second, difference, interval = _turned(row, pair)
    between = "" if interval is None else range_text(row.name, *interval)
    return PairRow(
        row,
        first,
        second,
        BarredCell(
            Cell(signed_text(row.name, difference), difference, interval=between),
            bar(scale, difference, interval, line=0.0),
        ),
        tuple(Cell(_text(row.name, name, value := getattr(pair, name)), value) for name in columns),
        pair_verdict(row.name, pair),
        winner(row.name, pair) is not None,
    )


def _turned(row: MetricRow, pair: PairResults) -> tuple[str, str, float, Interval | None]:
    """Returns a pair with the better model first, its difference and interval turned with it."""
    first, second = pair.models
    if (pair.difference >= 0) == row.higher_is_better:
        return first, second, pair.difference, pair.interval
    turned = None if pair.interval is None else (-pair.interval[1], -pair.interval[0])
    return second, first, -pair.difference, turned


def _text(metric: str, name: str, value: float | None) -> str:
    if name.startswith("p_"):
        return p_text(value)
    if value is None:
        return UNDEFINED
    return number_text(value) if name == "differ_on" else metric_text(metric, value)
