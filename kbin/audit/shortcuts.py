"""What a classifier reaches that hardly sees the image: from the file, the border, a thumbnail, the majority.

File properties and the border should know nothing of the classes; that they do is a finding. Bytes, brightness and
the like, and a thumbnail, know something honestly: they are context, and a finding only if models do no better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.audit.copy_groups import units
from kbin.audit.findings import (
    Check,
    FindingTable,
    ImageStrip,
    Outcome,
    Severity,
    ShownImage,
    clean,
    found,
    not_applicable,
)
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.plain_views import FILE_FACTS, SIZE_FACTS, VIEWS, PlainView
from kbin.audit.reached import Reached, reached
from kbin.audit.telling_fact import telling_fact
from kbin.audit.view_classifiers import MOST_TRAINED_ON, view_probabilities
from kbin.data.set_names import TEST, TRAIN
from kbin.evaluation.baselines import MAJORITY, baseline_metrics
from kbin.evaluation.proportions import wilson_interval

_LEAST_OF_CLASS = 5  # images, in training and in the test set
_PLAIN = 0.75  # an AUC from which on a view that should know nothing spoils figures that no model stands beside
_SHOWN = 6  # images of a strip's class
_COLUMNS = ("what it sees", "ROC AUC", "from", "to", "accuracy", "from", "to")
_RANKS: tuple[Severity, ...] = ("low", "medium", "high")


@dataclass(frozen=True)
class _Fault:
    """A view that says too much of a set."""

    view: PlainView
    one: AuditedSet
    figures: Reached
    severity: Severity
    model: str | None
    scores: np.ndarray


def _run(inputs: AuditInputs) -> Outcome:
    counts = np.bincount(inputs.train.labels, minlength=len(inputs.classes))
    if (counts >= _LEAST_OF_CLASS).sum() < 2:
        return not_applicable(f"The training set has fewer than two classes with {_LEAST_OF_CLASS} images or more.")
    judged = [one for one in inputs.test_sets if (np.bincount(one.labels) >= _LEAST_OF_CLASS).sum() >= 2]
    if not judged:
        return not_applicable(f"No test set has two classes with {_LEAST_OF_CLASS} images or more.")
    judged.sort(key=lambda one: one.name != TEST)
    chosen = _free_of_copies(inputs, judged)
    if (np.bincount(inputs.train.labels[chosen]) >= _LEAST_OF_CLASS).sum() < 2:
        return not_applicable("Too few training images are no copies of test images.")
    said = {view: _said(inputs, view, judged, chosen) for view in VIEWS}
    models = {one.name: _of_models(inputs, one) for one in judged}
    faults, figures = [], {}
    for one in judged:
        figures[one.name] = {view.name: _figures(inputs, one, rows[one.name]) for view, rows in said.items() if rows}
        for view, rows in said.items():
            fault = _fault(view, one, figures[one.name].get(view.name), models[one.name], rows)
            faults += [fault] if fault else []
    more: dict[str, Any] = {
        "tables": tuple(_table(inputs, one, figures[one.name], models[one.name]) for one in judged[:3]),
        "values": {"sets": {one.name: _values(figures[one.name], models[one.name]) for one in judged}},
    }
    details = [*_unseen(said), *_capped(chosen)]
    if not faults:
        return clean(_clean_words(judged[0], figures[judged[0].name]), details=tuple(details), **more)
    faults.sort(key=lambda fault: (-_RANKS.index(fault.severity), not fault.view.is_blind, -fault.figures.auc))
    return _found(inputs, faults, details, more)


def _found(inputs: AuditInputs, faults: list[_Fault], details: list[str], more: Mapping[str, Any]) -> Outcome:
    worst = faults[0]
    gives_away = ""
    names = FILE_FACTS if worst.view is VIEWS[0] else SIZE_FACTS if worst.view is VIEWS[2] else ()
    if names:
        fact = telling_fact(inputs.train, worst.one, names, inputs.classes)
        gives_away = f" What gives it away most is {fact.how} (AUC {fact.auc:.2f})."
        more = dict(more) | {"values": dict(more["values"]) | {"telling_fact": {"name": fact.name, "auc": fact.auc}}}
    strips = [_strip(inputs, fault) for fault in faults if fault.view.is_picture and fault.view.is_blind]
    return found(
        _words(inputs, worst) + gives_away,
        details=(*(_words(inputs, fault) for fault in faults[1:6]), *details),
        next_step=_next_step(worst),
        strength=min(1.0, max(0.0, 2 * worst.figures.auc - 1)),
        severity=worst.severity,
        strips=tuple(strips[:2]),
        **more,
    )


def _free_of_copies(inputs: AuditInputs, judged: list[AuditedSet]) -> np.ndarray:
    """Returns the places of training images that are in no copy or group of a judged set."""
    unit_of = units(inputs)
    tested = unit_of[np.isin(inputs.set_of, [one.name for one in judged])]
    return np.flatnonzero(~np.isin(unit_of[inputs.set_of == TRAIN], tested))


def _said(
    inputs: AuditInputs, view: PlainView, judged: list[AuditedSet], chosen: np.ndarray
) -> dict[str, np.ndarray] | None:
    columns = {one.name: view.columns(one) for one in (inputs.train, *judged)}
    return view_probabilities(columns, TRAIN, inputs.train.labels, chosen, is_picture=view.is_picture)


def _figures(inputs: AuditInputs, one: AuditedSet, rows: np.ndarray) -> Reached:
    number = len(inputs.classes)
    whole = np.zeros((len(one), number))
    whole[:, : rows.shape[1]] = rows
    return reached(one.labels, [whole[:, 1] if number == 2 else whole], [0.5], number, one.groups)


def _of_models(inputs: AuditInputs, one: AuditedSet) -> dict[str, Reached]:
    number, found_of = len(inputs.classes), {}
    for model, rows in one.probabilities.items():
        thresholds = list(inputs.thresholds[model]) if number == 2 else [0.5] * len(rows)
        found_of[model] = reached(one.labels, list(rows), thresholds, number, one.groups)
    return found_of


def _fault(
    view: PlainView,
    one: AuditedSet,
    figures: Reached | None,
    models: Mapping[str, Reached],
    rows: Mapping[str, np.ndarray] | None,
) -> _Fault | None:
    """Returns what is wrong with what a view reaches; None where it is no more than it may know."""
    if figures is None or rows is None or figures.auc_interval[0] <= view.matters:
        return None
    best = max(models, key=lambda model: models[model].auc) if models else None
    is_near = best is not None and figures.auc >= models[best].auc_interval[0]
    severity: Severity
    if not view.is_blind:
        if not is_near:
            return None
        severity = "low" if view.is_picture else "medium"
    elif best is None:
        severity = "medium" if figures.auc >= _PLAIN else "low"
    elif is_near:
        severity = "high"
    else:
        severity = "medium" if figures.auc - 0.5 >= view.grave * (models[best].auc - 0.5) else "low"
    return _Fault(view, one, figures, severity, best, rows[one.name])


def _words(inputs: AuditInputs, fault: _Fault) -> str:
    low, high = fault.figures.auc_interval
    beside = ""
    if fault.model is not None:
        model = _of_models(inputs, fault.one)[fault.model]
        beside = f"; {fault.model} reaches {model.auc:.3f} ({model.auc_interval[0]:.3f} to {model.auc_interval[1]:.3f})"
    kind = "an ROC AUC" if len(inputs.classes) == 2 else "a mean ROC AUC of the classes"
    return (
        f"A classifier that sees {fault.view.sees} reaches {kind} of {fault.figures.auc:.3f} "
        f"({low:.3f} to {high:.3f}) on {fault.one.name} (n = {len(fault.one):,}, chance .5){beside}."
    )


def _next_step(fault: _Fault) -> str:
    if fault.view is VIEWS[0]:
        return (
            "Save all images of all classes in one format, mode, size and quality, from one source where you can, and "
            "train again: a model may have learned traces of the file instead of the object."
        )
    if fault.view.is_blind:
        return (
            "Look at the images that it tells most surely: if the border shows frames, marks or a background that goes "
            "with the class, crop or mask the outer twelfth of each side and train again."
        )
    return (
        "Do not take the models' figures for an understanding of shapes: collect images in which "
        f"{fault.view.sees.removesuffix(' alone')} does not go with the class, and test on these."
    )


def _clean_words(one: AuditedSet, figures: Mapping[str, Reached]) -> str:
    told = [
        f"{view.name.split(':')[0]} {figures[view.name].auc:.2f}"
        for view in VIEWS
        if view.is_blind and view.name in figures
    ]
    if not told:
        return f"File properties and borders are the same for all images (n = {len(one):,} in {one.name})."
    return (
        f"File properties and the border tell little of the class on {one.name} (ROC AUC: {', '.join(told)}; n = "
        f"{len(one):,}), and no thumbnail or brightness comes near the models."
    )


def _unseen(said: Mapping[PlainView, Mapping[str, np.ndarray] | None]) -> list[str]:
    return [
        f"The same for all training images, or not known: {view.name}." for view, rows in said.items() if rows is None
    ]


def _capped(chosen: np.ndarray) -> list[str]:
    if len(chosen) <= MOST_TRAINED_ON:
        return []
    return [f"Each classifier learned from {MOST_TRAINED_ON:,} training images of {len(chosen):,}, drawn with seed 0."]


def _table(
    inputs: AuditInputs, one: AuditedSet, figures: Mapping[str, Reached], models: Mapping[str, Reached]
) -> FindingTable:
    counts = np.bincount(one.labels, minlength=len(inputs.classes)).tolist()
    share = baseline_metrics(counts)[MAJORITY]["accuracy"] or 0.0
    low, high = wilson_interval(share, len(one)) or (0.0, 1.0)
    rows = [("nothing: the most frequent class", 0.5, None, None, share, low, high)]
    rows += [
        (name, each.auc, *each.auc_interval, each.accuracy, *each.accuracy_interval)  # type: ignore[misc]
        for name, each in (*figures.items(), *((f"the image: {model}", each) for model, each in models.items()))
    ]
    return FindingTable(f"What is reached on {one.name} (n = {len(one):,})", _COLUMNS, tuple(rows))


def _values(figures: Mapping[str, Reached], models: Mapping[str, Reached]) -> dict[str, Any]:
    return {
        kind: {
            name: {
                "auc": each.auc,
                "auc_interval": list(each.auc_interval),
                "accuracy": each.accuracy,
                "accuracy_interval": list(each.accuracy_interval),
            }
            for name, each in of.items()
        }
        for kind, of in (("views", figures), ("models", models))
    }


def _strip(inputs: AuditInputs, fault: _Fault) -> ImageStrip:
    """Returns the images whose class the view tells most surely, of two classes at most."""
    images = []
    for c in np.unique(fault.one.labels)[-2:]:
        places = np.flatnonzero(fault.one.labels == c)
        surest = places[np.argsort(-fault.scores[places, c], kind="stable")][:_SHOWN]
        images += [ShownImage(fault.one.name, int(index), inputs.classes[c]) for index in surest]
    return ImageStrip(f"Told by {fault.view.sees} most surely, {fault.one.name}", tuple(images))


CHECK = Check("shortcuts", "What is reached without looking at the image", "medium", _run)
