"""What a page of several runs shows of each set: a table of all models, paired tests and curves, before any markup."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kbin.evaluation.drawing import panels, shortened
from kbin.evaluation.roc import RocCurve, plot_roc_curves
from kbin.files import save_figure
from kbin.metric_names import MetricRow, metric_row
from kbin.report.compared_runs import ComparedRun
from kbin.report.comparison_words import same_images, set_contents
from kbin.report.paired_tests import compared_models
from kbin.report.paired_words import PairTable, best_sentences, pair_tables
from kbin.report.pictures import Picture, embedded
from kbin.report.plots import MOST_CLASSES_WITH_CURVES
from kbin.report.recorded import TRAIN
from kbin.report.recorded_comparisons import SetComparisons
from kbin.report.scores import Scores
from kbin.report.shared_sets import SharedSet, read_shared_scores
from kbin.report.tables import Cell, Footnotes, metric_cell
from kbin.report.wording import mean_text
from kbin.storage_faults import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL_WIDTH, _PANEL_HEIGHT, _LEGEND_LINE = 4.6, 4.3, 0.22  # inches, as in the plots of one run
_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")


@dataclass(frozen=True)
class ScoreRow:
    """One model: its name, its run, and a cell a metric with the letters that it has there ("" without a test)."""

    name: str
    run: str
    cells: tuple[tuple[Cell, str], ...]


@dataclass(frozen=True)
class SetSection:
    """Everything that the page says of one set.

    Attributes:
        anchor: Where links lead.
        shared: The set and its runs.
        contents: How many images it has.
        whose: Which runs looked at these images.
        columns: Metrics.
        rows: A row a model, run by run.
        sentences: What the paired tests found; none without tests.
        pairs: A table a metric; none without tests.
        curves: ROC curves of all models; None where one run alone has the set.
    """

    anchor: str
    shared: SharedSet
    contents: str
    whose: str
    columns: tuple[MetricRow, ...]
    rows: tuple[ScoreRow, ...]
    sentences: tuple[str, ...] = ()
    pairs: tuple[PairTable, ...] = ()
    curves: Picture | None = None


def set_section(shared: SharedSet, runs: Sequence[ComparedRun], anchor: str, footnotes: Footnotes) -> SetSection:
    """Returns the section of one set; tests and curves where several runs share it and none learned from it.

    Args:
        shared: The set.
        runs: All runs of the page.
        anchor: Where links lead.
        footnotes: Where the reasons of undefined metrics are collected.

    Raises:
        RunFolderError: Predictions are missing or damaged.
    """
    comparisons: SetComparisons = {}
    curves = None
    if len(shared.runs) > 1 and shared.name != TRAIN:
        scores = read_shared_scores(shared)
        comparisons = {} if shared.groupings_differ else compared_models(shared, scores)
        curves = _roc_picture(shared, scores)
    values = {
        metric: {one.name: one.model.sets[shared.name].metrics.get(metric) for one in shared.models}
        for metric in comparisons
    }
    return SetSection(
        anchor,
        shared,
        set_contents(shared),
        same_images(shared, runs),
        tuple(metric_row(name) for name in _METRICS),
        _rows(shared, comparisons, footnotes),
        tuple(best_sentences(comparisons, values)),
        tuple(pair_tables(comparisons, {one.name: run.label for run in shared.runs for one in run.models})),
        curves,
    )


def _rows(shared: SharedSet, comparisons: SetComparisons, footnotes: Footnotes) -> tuple[ScoreRow, ...]:
    rows = []
    for run in shared.runs:
        for one in run.models:
            entry = one.model.sets[shared.name]
            cells = [metric_cell(metric_row(name), entry, shared.name, footnotes) for name in _METRICS]
            letters = [comparisons[name].letters.get(one.name, "") if name in comparisons else "" for name in _METRICS]
            rows.append(ScoreRow(one.name, run.label, tuple(zip(cells, letters, strict=True))))
    return tuple(rows)


def _roc_picture(shared: SharedSet, scores: Mapping[str, Sequence[Scores]]) -> Picture:
    """Returns the ROC curves of all models, inside the page."""
    areas = [f"{one.name} {mean_text('roc_auc', one.model.sets[shared.name])}" for one in shared.models]
    with writing(Path("a temporary picture")), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roc.png"
        save_figure(_roc_figure(shared, [one for seeds in scores.values() for one in seeds], len(scores)), path)
        return embedded(
            path, f"ROC curves on {shared.name}. ROC AUC: {'; '.join(areas)}.", f"All models on {shared.name}"
        )


def _roc_figure(shared: SharedSet, scores: Sequence[Scores], num_models: int) -> "Figure":
    """Returns all models on one set of axes for two classes, on one a class for more."""
    title = f"ROC on {shortened(shared.name)}"
    if shared.positive is not None:
        curves = [RocCurve.from_scores(s.y_true, s.y_probability, s.model_id, shared.positive) for s in scores]
        return cast("Figure", plot_roc_curves(curves, title=title).figure)
    shown = shared.classes[:MOST_CLASSES_WITH_CURVES]
    figure, axes = panels(len(shown), _PANEL_WIDTH, _PANEL_HEIGHT + num_models * _LEGEND_LINE)
    for k, (ax, label) in enumerate(zip(axes, shown, strict=True)):
        curves = [RocCurve.from_scores(s.y_true == k, s.y_probability[:, k], s.model_id, label) for s in scores]
        plot_roc_curves(curves, ax, title)
    return figure
