"""All plots of a run, drawn from the predictions and histories in its folder.

Across models there is a file an evaluation set, `roc-<set>` and `precision_recall-<set>`, and none of the training
set: a curve over images that were learned from invites a comparison that means nothing. The shown sets have
`calibration-<set>` and `prevalence-<set>` besides, and `depth-<set>` where a backbone was trained at several depths;
the set that a summary speaks of has `cost-<set>`. A search of settings has `search-<model id>`.

Each trained model (a seed of a model) has one file a kind with all sets side by side, the training set among them,
because there the gap between sets shows: `roc`, `precision_recall`, `confusion`, and `learning_curves`. Matplotlib
needs about 0.1 s a set of axes and format, so a file a set would make drawing the longest part of a small run.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbin.environment import available_cores
from kbin.errors import DataError, RunFolderError
from kbin.evaluation.confusion import ConfusionMatrix
from kbin.evaluation.curve_bands import CurveBand, precision_recall_band, roc_band
from kbin.evaluation.curves import MOST_MODELS_WITH_BANDS
from kbin.evaluation.drawing import panels, shortened
from kbin.evaluation.learning_curves import LearningCurves
from kbin.evaluation.precision_recall import PrecisionRecallCurve, plot_precision_recall_curves
from kbin.evaluation.roc import RocCurve, plot_roc_curves
from kbin.interruption import safe_point
from kbin.report.recorded import TRAIN, ModelResults, RunResults, read_results
from kbin.report.scores import Scores, read_scores
from kbin.report.search_figures import search_plots
from kbin.report.second_process import beside, work_here
from kbin.report.set_figures import calibration_figure, cost_figure, depth_figure, prevalence_figure
from kbin.runs import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Beyond these, panels and legends are too many to read; predictions/*.csv hold every class.
MOST_CLASSES_WITH_CURVES = 12
MOST_CLASSES_IN_CONFUSION = 20

_PANEL_WIDTH, _PANEL_HEIGHT, _LEGEND_LINE = 4.6, 4.3, 0.22  # inches
_LONGEST_NAME = 18  # letters, in a panel


@dataclass(frozen=True)
class CurveKind:
    """One kind of curve over all thresholds.

    Attributes:
        name: Of its files.
        title: Of its plots.
        curve: Makes one curve from labels and scores.
        plot: Draws several on one set of axes.
        band: Makes a model's mean over seeds, with its band over images.
    """

    name: str
    title: str
    curve: type[RocCurve] | type[PrecisionRecallCurve]
    plot: Callable[..., Any]
    band: Callable[..., CurveBand | None]


CURVE_KINDS: tuple[CurveKind, ...] = (
    CurveKind("roc", "ROC", RocCurve, plot_roc_curves, roc_band),
    CurveKind(
        "precision_recall",
        "Precision-recall",
        PrecisionRecallCurve,
        plot_precision_recall_curves,
        precision_recall_band,
    ),
)


_ENOUGH_TO_SHARE = 6  # trained models; fewer are drawn before a second process has started


def draw_plots(run: RunDirectory, results: dict[str, Any]) -> None:
    """Draws every plot of a run into its folder; a model that failed has none but of its search.

    Args:
        run: The folder, with predictions and histories.
        results: The contents of results.json.

    Raises:
        RunFolderError: Results, predictions or a history are missing or damaged.
    """
    recorded = read_results(results)
    trained = [(model.id, index) for model in recorded.done for index in range(len(model.seeds))]
    share = trained[: len(trained) // 2] if len(trained) >= _ENOUGH_TO_SHARE and available_cores() > 1 else []
    work = {"run": str(run.path), "results": results, "share": share}
    # Matplotlib uses one core.
    with beside("kbin.report.plots", work) if share else nullcontext() as helper:
        for name in recorded.sets if recorded.done else ():
            if name != TRAIN:
                scores = [
                    read_scores(run, recorded, model, seed, name) for model in recorded.done for seed in model.seeds
                ]
                for kind in CURVE_KINDS:
                    _save(run, models_on_set(kind, name, scores, recorded), f"{kind.name}-{name}")
        for name in recorded.shown_sets if recorded.done else ():
            for kind_name, drawn in (
                ("calibration", calibration_figure(recorded, name)),
                ("prevalence", prevalence_figure(recorded, name)),
                ("depth", depth_figure(recorded, name)),
            ):
                if drawn is not None:
                    _save(run, drawn, f"{kind_name}-{name}")
        costs = cost_figure(recorded, recorded.main_set) if recorded.done else None
        if costs is not None:
            _save(run, costs, f"cost-{recorded.main_set}")
        for file_name, plot in search_plots(recorded).items():
            _save(run, plot.draw(), file_name)
        _draw_trained(run, recorded, trained[len(share) :])
    # Whatever befell it, its plots can be drawn here, and a fault shows.
    if share and (helper is None or helper.returncode):
        _draw_trained(run, recorded, share)


def _save(run: RunDirectory, drawn: "Figure", name: str, *of: Any) -> None:
    safe_point()
    run.save_plot(drawn, name, *of)


def _draw_trained(run: RunDirectory, recorded: RunResults, trained: Sequence[tuple[str, int]]) -> None:
    """Draws the plots of trained models: pairs of a model's id and the index of its seed."""
    models = {model.id: model for model in recorded.done}
    for model_id, index in trained:
        model = models[model_id]
        seed = model.seeds[index]
        own = {name: read_scores(run, recorded, model, seed, name) for name in recorded.sets}
        for file_name, drawn in figures_of_trained(run, model, index, own, recorded).items():
            _save(run, drawn, file_name, model.id, seed)


def figures_of_trained(
    run: RunDirectory, model: ModelResults, index: int, scores: dict[str, Scores], recorded: RunResults
) -> "dict[str, Figure]":
    """Returns the figures of one trained model by file name.

    Args:
        run: The folder, with its history.
        model: The model.
        index: Of its seed.
        scores: Of every set.
        recorded: The run.

    Raises:
        RunFolderError: The history is missing or damaged.
    """
    seed = model.seeds[index]
    label = f"{model.id}, seed {seed}"
    drawn = {kind.name: _across_sets(kind, label, scores, recorded) for kind in CURVE_KINDS}
    if len(recorded.classes) <= MOST_CLASSES_IN_CONFUSION:
        drawn["confusion"] = _confusion(model, index, recorded)
    history = run.history(model.id, seed)
    kept = model.epoch[index]
    num_epochs = max((len(column) for column in history.values()), default=0)
    try:
        curves = LearningCurves.from_history(history, label, best_epoch=kept if kept < num_epochs else None)
    except DataError as error:
        raise RunFolderError(f"the history of {label} is damaged: {error}") from None
    return {**drawn, "learning_curves": _learning_curves(curves)}


def _learning_curves(curves: LearningCurves) -> "Figure":
    # Precision, recall and F1 jump about with the threshold of .5; history.csv has them for who wants them.
    shown = [name for name in ("loss", "accuracy", "roc_auc") if name in curves.quantities] or curves.quantities[:1]
    drawn, axes = panels(len(shown))
    for ax, name in zip(axes, shown, strict=True):
        curves.plot(ax, name)
    return drawn


def models_on_set(kind: CurveKind, set_name: str, scores: Sequence[Scores], recorded: RunResults) -> "Figure":
    """Returns all models and seeds on one set: one panel for two classes, one a class for more.

    Args:
        kind: Of curve.
        set_name: The set.
        scores: Of every model and seed on it.
        recorded: The run.
    """
    title = f"{kind.title} on {shortened(set_name)}"
    positive = recorded.positive
    if positive is not None:
        thresholds = _thresholds(recorded, set_name)
        curves = [
            kind.curve.from_scores(s.y_true, s.y_probability, s.model_id, positive, thresholds[s.model_id, s.seed])
            for s in scores
        ]
        return kind.plot(
            curves, title=title, bands=_bands(kind, scores, has_groups=_has_groups(recorded, set_name))
        ).figure
    shown = recorded.classes[:MOST_CLASSES_WITH_CURVES]
    num_models = len({one.model_id for one in scores})
    drawn, axes = panels(len(shown), _PANEL_WIDTH, _PANEL_HEIGHT + num_models * _LEGEND_LINE)
    for k, (ax, name) in enumerate(zip(axes, shown, strict=True)):
        kind.plot(
            [kind.curve.from_scores(s.y_true == k, s.y_probability[:, k], s.model_id, name) for s in scores], ax, title
        )
    return _with_omission(drawn, recorded)


def _has_groups(recorded: RunResults, set_name: str) -> bool:
    return any(model.sets[set_name].num_groups is not None for model in recorded.done)


def _bands(kind: CurveKind, scores: Sequence[Scores], has_groups: bool) -> list[CurveBand]:
    """Returns each model's mean over its seeds, with a band where the models are few enough to tell bands apart.

    Images of a group are not independent, and a band over images would be far too narrow: there is none then.
    """
    by_model: dict[str, list[Scores]] = {}
    for one in scores:
        by_model.setdefault(one.model_id, []).append(one)
    banded = len(by_model) <= MOST_MODELS_WITH_BANDS and not has_groups
    found = [
        kind.band(seeds[0].y_true, [one.y_probability for one in seeds], model_id, banded)
        for model_id, seeds in by_model.items()
    ]
    return [band for band in found if band is not None]


def _thresholds(recorded: RunResults, set_name: str) -> dict[tuple[str, int], float]:
    """Returns the threshold in force by model and seed."""
    return {(model.id, one.seed): one.threshold for model in recorded.done for one in model.sets[set_name].per_seed}


def _across_sets(kind: CurveKind, label: str, scores: dict[str, Scores], recorded: RunResults) -> "Figure":
    """Returns one trained model on all sets: a curve a set for two classes, a panel a set for more."""
    positive = recorded.positive
    if positive is not None:
        curves = [
            kind.curve.from_scores(
                s.y_true, s.y_probability, name, positive, _thresholds(recorded, name)[s.model_id, s.seed]
            )
            for name, s in scores.items()
        ]
        return kind.plot(curves, title=f"{kind.title}: {label}").figure
    num_curves = min(len(recorded.classes), MOST_CLASSES_WITH_CURVES)
    drawn, axes = panels(len(scores), _PANEL_WIDTH, _PANEL_HEIGHT + num_curves * _LEGEND_LINE)
    for ax, (name, one) in zip(axes, scores.items(), strict=True):
        each = kind.curve.one_vs_rest(one.y_true, one.y_probability, recorded.classes)
        kind.plot(each[:num_curves], ax, f"{kind.title} on {shortened(name)}")
    return _with_omission(drawn, recorded)


def _confusion(model: ModelResults, index: int, recorded: RunResults) -> "Figure":
    """Returns the confusion of one seed at its threshold, a panel a set."""
    size = len(recorded.classes)
    # Panels leave a name less room than a figure of its own would.
    names = [shortened(name, _LONGEST_NAME) for name in recorded.classes]
    positive = None if recorded.positive is None else shortened(recorded.positive, _LONGEST_NAME)
    width = 2.4 + 1.05 * size + 0.13 * max(0, max(map(len, names)) - 10)
    drawn, axes = panels(len(model.sets), width, 2.1 + 0.85 * size)
    for ax, (name, entry) in zip(axes, model.sets.items(), strict=True):
        matrix = ConfusionMatrix(entry.per_seed[index].confusion, names, positive)
        matrix.plot(ax, shortened(name, 2 * _LONGEST_NAME))
    seed = next(iter(model.sets.values())).per_seed[index]
    threshold = "" if positive is None else f", threshold {seed.threshold:.3f}"
    drawn.suptitle(f"Confusion: {model.id}, seed {seed.seed}{threshold}", x=0.01, ha="left", fontsize=11)
    return drawn


def _with_omission(drawn: "Figure", recorded: RunResults) -> "Figure":
    if len(recorded.classes) > MOST_CLASSES_WITH_CURVES:
        drawn.suptitle(f"The first {MOST_CLASSES_WITH_CURVES} of {len(recorded.classes)} classes", fontsize=10)
    return drawn


def _draw_share(work: dict[str, Any]) -> Iterator[None]:
    """Draws some trained models, one after the other."""
    recorded = read_results(work["results"])
    for one in work["share"]:
        _draw_trained(RunDirectory(Path(work["run"])), recorded, [one])
        yield


if __name__ == "__main__":
    work_here(_draw_share)
