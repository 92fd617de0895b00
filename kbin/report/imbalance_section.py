"""The page's part on imbalance: what answers get that do not look, other shares of positives, and cost."""

from collections.abc import Callable
from dataclasses import dataclass

from kbin.evaluation.error_costs import ErrorCosts
from kbin.metric_names import MetricRow, metric_row
from kbin.report.operating_point_section import LOCKED, cost_text
from kbin.report.prevalence_table import BASELINE, SHARES, PrevalenceRow, cheapest_answer, prevalence_rows
from kbin.report.recorded import RunResults
from kbin.report.wording import metric_text, share_text

_COLUMNS = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
)


@dataclass(frozen=True)
class BaselineRow:
    """A model, or a baseline, on one set: metrics in the order of the columns, and the cost of an image."""

    name: str
    values: tuple[str, ...]
    cost: str
    is_baseline: bool


@dataclass(frozen=True)
class ShareRow:
    """One way to answer, at every share of positives."""

    answers: str
    values: tuple[str, ...]
    is_baseline: bool


@dataclass(frozen=True)
class ShareTable:
    """One quantity over the shares of positives."""

    title: str
    rows: tuple[ShareRow, ...]


@dataclass(frozen=True)
class SetImbalance:
    """One set.

    Attributes:
        baselines: Models and baselines; empty where the run recorded none.
        shares: Columns of the share tables as written; the set's own is `own`.
        own: Index of the set's own share among them.
        tables: A quantity each; none where there is no share to vary.
        cheapest: The cheapest single answer, in a sentence; "" without costs.
    """

    baselines: tuple[BaselineRow, ...]
    shares: tuple[str, ...]
    own: int
    tables: tuple[ShareTable, ...]
    cheapest: str


@dataclass(frozen=True)
class Imbalance:
    """The whole part, set by set."""

    columns: tuple[MetricRow, ...]
    with_costs: bool
    sets: dict[str, SetImbalance]


def imbalance(results: RunResults) -> Imbalance | None:
    """Returns the part; None where no model has results.

    Args:
        results: The run.
    """
    if not results.done:
        return None
    columns = tuple(metric_row(name) for name in _COLUMNS)
    return Imbalance(columns, results.costs is not None, {name: _of_set(results, name) for name in results.shown_sets})


def _of_set(results: RunResults, set_name: str) -> SetImbalance:
    rows = prevalence_rows(results, set_name)
    shown = [row for row in rows if row.point in (LOCKED, BASELINE)]
    shares = sorted({row.share for row in shown})
    own = next((index for index, share in enumerate(shares) if any(r.is_own and r.share == share for r in rows)), -1)
    quantities: list[tuple[str, Callable[[PrevalenceRow], str]]] = [
        ("Precision", lambda row: metric_text("precision", row.precision)),
        ("Accuracy", lambda row: metric_text("accuracy", row.accuracy)),
        ("F1", lambda row: metric_text("f1", row.f1)),
    ]
    if results.costs is not None:
        quantities.append(("Cost of an image", lambda row: cost_text(row.cost)))
    tables = tuple(ShareTable(title, _share_rows(shown, text)) for title, text in quantities) if shown else ()
    return SetImbalance(
        _baseline_rows(results, set_name),
        tuple(_share_heading(one) for one in shares),
        own,
        tables,
        _cheapest(results, set_name),
    )


def _share_heading(share: float) -> str:
    return f"{share:.0%}" if share in SHARES else share_text(share)


def _share_rows(rows: list[PrevalenceRow], text: Callable[[PrevalenceRow], str]) -> tuple[ShareRow, ...]:
    by_answers: dict[tuple[str, str], list[PrevalenceRow]] = {}
    for row in rows:
        by_answers.setdefault((row.answers, row.point), []).append(row)
    return tuple(
        ShareRow(answers, tuple(text(row) for row in sorted(of_one, key=lambda row: row.share)), point == BASELINE)
        for (answers, point), of_one in by_answers.items()
    )


def _baseline_rows(results: RunResults, set_name: str) -> tuple[BaselineRow, ...]:
    baselines = next((model.sets[set_name].baselines for model in results.done if model.sets[set_name].baselines), {})
    if not baselines:
        return ()
    rows = []
    for model in results.done:
        entry = model.sets[set_name]
        values = tuple(metric_text(name, entry.metrics.get(name)) for name in _COLUMNS)
        point = entry.operating_points.get(LOCKED)
        rows.append(BaselineRow(model.id, values, cost_text(None if point is None else point.cost), is_baseline=False))
    titles = {"majority": f"always “{results.majority_class(set_name)}”", "random": "random answers"}
    for key, metrics in baselines.items():
        values = tuple(metric_text(name, metrics.get(name)) for name in _COLUMNS)
        recall, specificity = metrics.get("recall"), metrics.get("specificity")
        cost = _cost_at(results, set_name, recall, specificity)
        rows.append(BaselineRow(titles.get(key, key), values, cost_text(cost), is_baseline=True))
    return tuple(rows)


def _cost_at(results: RunResults, set_name: str, recall: float | None, specificity: float | None) -> float | None:
    costs, share = _costs(results), _share(results, set_name)
    if costs is None or share is None or recall is None or specificity is None:
        return None
    return float(costs.expected(share, recall, specificity))


def _cheapest(results: RunResults, set_name: str) -> str:
    costs, share = _costs(results), _share(results, set_name)
    if costs is None or share is None:
        return ""
    is_positive, cost = cheapest_answer(share, costs)
    answer = next(name for name in results.classes if (name == results.positive) == is_positive)
    return f"The cheapest single answer here is “{answer}” for every image: {cost_text(cost)} an image."


def _costs(results: RunResults) -> ErrorCosts | None:
    return None if results.costs is None else ErrorCosts(results.costs.false_positive, results.costs.false_negative)


def _share(results: RunResults, set_name: str) -> float | None:
    contents = results.sets[set_name]
    return None if results.positive is None else contents.counts[results.positive] / contents.n
