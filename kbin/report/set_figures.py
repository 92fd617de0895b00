"""Figures across models that results.json alone gives: calibration, shares of positives, depths, and costs."""

from typing import TYPE_CHECKING

from kbin.evaluation.calibration_plot import CalibrationCurve, Point, draw_calibration
from kbin.evaluation.cost_plot import CostPoint, draw_costs
from kbin.evaluation.depth import DepthCurve, DepthPoint, draw_depth
from kbin.evaluation.drawing import shortened
from kbin.evaluation.prevalence import PrevalenceCurve, draw_prevalence
from kbin.report.recorded import TRAIN, ModelResults, RunResults
from kbin.report.wording import title_in_text, trained_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH_METRICS = ("roc_auc", "accuracy")


def prevalence_curves(results: RunResults, set_name: str) -> list[PrevalenceCurve]:
    """Returns a curve a model; none for more than two classes, a set that lacks one, and the training set."""
    if results.positive is None or set_name == TRAIN:
        return []
    curves = []
    for model in results.done:
        entry = model.sets[set_name]
        sensitivity, specificity = entry.metrics.get("recall"), entry.metrics.get("specificity")
        if sensitivity is not None and specificity is not None:
            share = results.sets[set_name].counts[results.positive] / results.sets[set_name].n
            curves.append(PrevalenceCurve(model.id, results.positive, sensitivity, specificity, share))
    return curves


def prevalence_figure(results: RunResults, set_name: str) -> "Figure | None":
    """Returns precision, accuracy and F1 at other shares of positives; None where no model has both rates."""
    curves = prevalence_curves(results, set_name)
    return draw_prevalence(curves, shortened(set_name, 24)) if curves else None


def calibration_curves(results: RunResults, set_name: str) -> list[CalibrationCurve]:
    """Returns a curve a model; none of the training set, and of models whose results do not say."""
    if set_name == TRAIN:
        return []
    return [
        CalibrationCurve(
            model.id,
            results.positive,
            tuple(Point(one.mean_score, one.share, one.n) for one in entry.bins),
            entry.ece,
        )
        for model in results.done
        if (entry := model.sets[set_name].calibration) is not None and entry.bins
    ]


def calibration_figure(results: RunResults, set_name: str) -> "Figure | None":
    """Returns how often probabilities come true; None where no model's results say."""
    curves = calibration_curves(results, set_name)
    return draw_calibration(curves, shortened(set_name, 24)) if curves else None


def depth_curves(results: RunResults, set_name: str, metric: str) -> list[DepthCurve]:
    """Returns a curve for each backbone that occurs at several depths and has the metric on the set.

    Models of one backbone that start from other weights are another curve. Those that were trained in stages are left
    out, and so is a backbone that occurs twice at one depth: something else differs there.

    Args:
        results: The run.
        set_name: The evaluation set.
        metric: Name of a metric.
    """
    families: dict[str, list[ModelResults]] = {}
    for model in results.done:
        if model.stages:
            continue
        families.setdefault(f"{model.backbone}, weights {model.weights}", []).append(model)
    curves = []
    for label, models in families.items():
        points = tuple(point for model in models if (point := _point(model, set_name, metric)) is not None)
        if 1 < len({point.name for point in points}) == len(points):
            curves.append(DepthCurve(label, points))
    return curves


def depth_figure(results: RunResults, set_name: str) -> "Figure | None":
    """Returns ROC AUC and accuracy over the trainable parameters; None where no backbone has several depths."""
    if set_name == TRAIN:
        return None
    found = {title_in_text(name): depth_curves(results, set_name, name) for name in DEPTH_METRICS}
    drawn = {title: curves for title, curves in found.items() if curves}
    return draw_depth(drawn, shortened(set_name, 24)) if drawn else None


def cost_points(results: RunResults, set_name: str) -> list[CostPoint]:
    """Returns the ROC AUC and the costs of each model that has both; nothing where that is one model only.

    Args:
        results: The run.
        set_name: The evaluation set; the training set gives nothing.
    """
    points = []
    for model in results.done if set_name != TRAIN else ():
        entry = model.sets[set_name]
        value, seconds, trainable = (
            entry.metrics.get("roc_auc"),
            sum(model.seconds.values()),
            model.parameters.trainable,
        )
        # Nothing has no place on a logarithmic axis.
        if value is not None and (seconds > 0 or trainable > 0):
            points.append(
                CostPoint(model.id, seconds or None, trainable or None, value, entry.intervals.get("roc_auc"))
            )
    by_time = sum(point.seconds is not None for point in points)
    by_size = sum(point.trainable is not None for point in points)
    return points if max(by_time, by_size) > 1 else []


def cost_figure(results: RunResults, set_name: str) -> "Figure | None":
    """Returns ROC AUC over seconds and trainable parameters; None with fewer than two models."""
    points = cost_points(results, set_name)
    return draw_costs(points, shortened(set_name, 24)) if points else None


def _point(model: ModelResults, set_name: str, metric: str) -> DepthPoint | None:
    entry = model.sets[set_name]
    value = entry.metrics.get(metric)
    # Nothing trainable has no place on a logarithmic axis.
    if value is None or model.parameters.trainable < 1:
        return None
    return DepthPoint(trained_text(model.train_blocks), model.parameters.trainable, value, entry.spread.get(metric))
