"""The plots of a run folder as pictures inside the page, each with a text that says its numbers."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from kbin.errors import RunFolderError
from kbin.files import read_file
from kbin.metric_names import metric_row
from kbin.report.plots import CURVE_KINDS, CurveKind
from kbin.report.recorded import TRAIN, ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.set_figures import DEPTH_METRICS, cost_points, depth_curves, prevalence_curves
from kbin.report.wording import count_text, duration_text, mean_text, metric_text, reason_text, share_text
from kbin.runs import RunDirectory

# Curves of many models over many images make an SVG of megabytes; the PNG of the same plot stays near 100 kB.
LARGEST_SVG = 150_000  # bytes
# With more trained models than this the page shows the learning curves of each model's first seed only.
_MOST_LEARNING_CURVES = 12
_EXAMPLE_SHARES = (0.5, 0.1, 0.01)  # that the text of a prevalence plot names, beside the set's own
_AREAS = {"roc": "roc_auc", "precision_recall": "average_precision"}


@dataclass(frozen=True)
class Picture:
    """A plot inside the page.

    Attributes:
        source: A data URI.
        alternative: What it shows, with its numbers.
        caption: A line below it.
    """

    source: str
    alternative: str
    caption: str


def curve_pictures(run: RunDirectory, results: RunResults) -> dict[str, list[Picture]]:
    """Returns ROC and precision-recall curves across models, by test set (by the validation set without one).

    Raises:
        RunFolderError: A plot is missing.
    """
    if not results.done:
        return {}
    return {
        name: [
            Picture(
                _data_uri(run.plot_path(f"{kind.name}-{name}")),
                _curve_text(kind, results, name),
                f"{kind.title} on {name}",
            )
            for kind in CURVE_KINDS
        ]
        for name in results.shown_sets
        if name != TRAIN
    }


def _curve_text(kind: CurveKind, results: RunResults, set_name: str) -> str:
    area = metric_row(_AREAS[kind.name])
    of_class = f", positive class {results.positive}" if results.positive else ", each class against the rest"
    parts = []
    for model in results.done:
        entry = model.sets[set_name]
        value = mean_text(area.name, entry)
        if entry.metrics.get(area.name) is None:
            value = f"undefined, {reason_text(area.name, entry)}"
        parts.append(f"{model.id} {value}{_point_text(kind, results, entry)}")
    return f"{kind.title} curves on {set_name}{of_class}. {area.title}: {'; '.join(parts)}."


def _point_text(kind: CurveKind, results: RunResults, entry: SetResults) -> str:
    """Returns where a model's mark stands; nothing for more than two classes, and where a rate is undefined."""
    recall = entry.metrics.get("recall")
    other = entry.metrics.get("specificity" if kind.name == "roc" else "precision")
    if results.positive is None or recall is None or other is None:
        return ""
    words = f"{1 - other:.3f} of the negatives called positive" if kind.name == "roc" else f"precision {other:.3f}"
    return f" (at the threshold in force {recall:.3f} of the positives found, {words})"


def prevalence_pictures(run: RunDirectory, results: RunResults) -> dict[str, Picture]:
    """Returns what the answers would be worth at other shares of positives, by shown set.

    Raises:
        RunFolderError: A plot is missing.
    """
    pictures = {}
    for name in results.shown_sets if results.done else ():
        curves = prevalence_curves(results, name)
        if curves:
            parts = []
            for curve in curves:
                at = [
                    f"{metric_text('precision', precision)} at {share_text(share)}"
                    for share in (curve.share, *_EXAMPLE_SHARES)
                    if not isnan(precision := float(curve.precision(share)))
                ]
                rates = f"sensitivity {curve.sensitivity:.3f}, specificity {curve.specificity:.3f}"
                parts.append(f"{curve.label}: {rates}, precision {', '.join(at) or 'undefined'}")
            pictures[name] = Picture(
                _data_uri(run.plot_path(f"prevalence-{name}")),
                f"Precision, accuracy and F1 on {name} over the share of {results.positive}. {'; '.join(parts)}.",
                f"Precision, accuracy and F1 at other shares of “{results.positive}”, from the sensitivity and "
                f"specificity on {name}",
            )
    return pictures


def depth_pictures(run: RunDirectory, results: RunResults) -> dict[str, Picture]:
    """Returns ROC AUC and accuracy over the trainable parameters, by shown set.

    Raises:
        RunFolderError: A plot is missing.
    """
    pictures = {}
    for name in results.shown_sets if results.done else ():
        parts = [
            f"{curve.label}, {metric_row(metric).title}: "
            + ", ".join(f"{p.trainable:,} parameters {metric_text(metric, p.value)}" for p in curve.points)
            for metric in DEPTH_METRICS
            for curve in depth_curves(results, name, metric)
        ]
        if parts and name != TRAIN:
            pictures[name] = Picture(
                _data_uri(run.plot_path(f"depth-{name}")),
                f"Metrics on {name} over the trainable parameters. {'; '.join(parts)}.",
                f"ROC AUC and accuracy on {name} over the trainable parameters (logarithmic)",
            )
    return pictures


def cost_picture(run: RunDirectory, results: RunResults) -> Picture | None:
    """Returns ROC AUC over time and trainable parameters on the main set; None with fewer than two models.

    Raises:
        RunFolderError: The plot is missing.
    """
    name = results.main_set
    points = cost_points(results, name) if results.done else []
    if not points:
        return None
    parts = []
    for point in points:
        spent = [] if point.seconds is None else [f"{duration_text(point.seconds)} in all"]
        spent += [] if point.trainable is None else [f"{point.trainable:,} trainable parameters"]
        value = metric_text("roc_auc", point.value)
        if point.interval is not None:
            value += " [{}, {}]".format(*(metric_text("roc_auc", end) for end in point.interval))
        parts.append(f"{point.label}: {value} with {' and '.join(spent)}")
    return Picture(
        _data_uri(run.plot_path(f"cost-{name}")),
        f"ROC AUC on {name} over time and trainable parameters. {'; '.join(parts)}.",
        f"ROC AUC on {name} over the seconds that a model took in all, and over its trainable parameters",
    )


def augmented_picture(run: RunDirectory) -> Picture | None:
    """Returns samples of augmented training images; None where the run has none."""
    try:
        content = read_file(run.plot_path("augmented"))
    except OSError:
        return None
    return Picture(
        _uri(content, "png"),
        "A grid of training images as augmentation changes them.",
        "Training images as the models see them, after augmentation",
    )


def learning_pictures(run: RunDirectory, results: RunResults, model: ModelResults) -> list[Picture]:
    """Returns the learning curves of a model, a picture a seed, or of its first seed where the run is large.

    Raises:
        RunFolderError: A plot or a history is missing.
    """
    several = sum(len(one.seeds) for one in results.done) <= _MOST_LEARNING_CURVES
    pictures = []
    for seed, epoch in list(zip(model.seeds, model.epoch, strict=True))[: None if several else 1]:
        history = run.history(model.id, seed)
        pictures.append(
            Picture(
                _data_uri(run.plot_path("learning_curves", model.id, seed)),
                _history_text(f"Learning curves of {model.id}, seed {seed}", history, epoch),
                f"Seed {seed}, kept epoch {epoch}",
            )
        )
    return pictures


def _history_text(title: str, history: Mapping[str, Sequence[float]], epoch: int) -> str:
    num_epochs = max((len(column) for column in history.values()), default=0)
    parts = [
        f"{words} from {metric_text('log_loss', history[name][0])} to {metric_text('log_loss', history[name][-1])}"
        for name, words in (("loss", "training loss"), ("val_loss", "validation loss"))
        if history.get(name)
    ]
    return f"{title}: {count_text(num_epochs, 'epoch')}, kept epoch {epoch}; {', '.join(parts)}."


def embedded(path: Path, alternative: str, caption: str) -> Picture:
    """Returns a plot of the run's folder as a picture of the page.

    Raises:
        RunFolderError: The plot is missing.
    """
    return Picture(_data_uri(path), alternative, caption)


def _data_uri(path: Path) -> str:
    """Returns the SVG beside a PNG, or the PNG itself where the SVG is too large to put into a page."""
    try:
        content, kind = read_file(path.with_suffix(".svg")), "svg+xml"
        if len(content) > LARGEST_SVG:
            content, kind = read_file(path), "png"
    except OSError as error:
        raise RunFolderError(
            f"the plot {path} is not there ({type(error).__name__}): `kbin report` on the folder draws it."
        ) from None
    return _uri(content, kind)


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
