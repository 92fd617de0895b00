"""Each model's fall in accuracy from a reference to another set, and what is known around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from kbin.audit.accuracy_falls import AccuracyFall, JudgedSet, accuracy_fall
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.rechosen_thresholds import best_threshold, divisions, rechosen_hits

FEWEST_OF_A_CLASS = 5  # images of the reference


@dataclass(frozen=True)
class ModelFall:
    """One model's fall on one set.

    Attributes:
        model_id: The model.
        set_name: The set.
        reference: The set that it is compared with.
        n: Images of the set.
        parts: The fall.
        majority: Accuracy of always answering the set's most frequent class.
        commonest: That class.
        aucs: Of the reference and the set, means over seeds; None where undefined or for more than two classes.
        threshold: The best one on the whole set, a mean over seeds; None where none can be chosen.
    """

    model_id: str
    set_name: str
    reference: str
    n: int
    parts: AccuracyFall
    majority: float
    commonest: str
    aucs: tuple[float | None, float | None]
    threshold: float | None


def model_falls(inputs: AuditInputs, reference: AuditedSet, other: AuditedSet) -> list[ModelFall]:
    """Returns the fall of each model that answered both sets; none where the reference hardly has a class of the other.

    How often a model is right on a class cannot be taken from fewer than `FEWEST_OF_A_CLASS` images.

    Args:
        inputs: All sets.
        reference: The set to compare with.
        other: The set that is compared, of one image or more.
    """
    several = len(inputs.classes) > 2
    needed, there = (np.bincount(one.labels, minlength=len(inputs.classes)) for one in (other, reference))
    if (there[needed > 0] < FEWEST_OF_A_CLASS).any():
        return []
    share = float((other.labels == 1).mean())
    folds = [None if several else divisions(one.labels, one.groups) for one in (reference, other)]
    rows = []
    for model_id, probabilities in other.probabilities.items():
        if model_id not in reference.probabilities:
            continue
        thresholds = inputs.thresholds.get(model_id, np.full(len(probabilities), 0.5))
        judged = [
            _judged(one, one.probabilities[model_id], thresholds, None if None in folds else divided, share)
            for one, divided in zip((reference, other), folds, strict=True)
        ]
        parts = accuracy_fall(judged[0], judged[1], len(inputs.classes))
        if parts is None:
            continue
        counts = np.bincount(other.labels, minlength=len(inputs.classes))
        best = [best_threshold(other.labels, scores, share) for scores in probabilities] if parts.threshold else None
        rows.append(
            ModelFall(
                model_id,
                other.name,
                reference.name,
                len(other),
                parts,
                float(counts.max() / counts.sum()),
                inputs.classes[int(counts.argmax())],
                (_auc(reference, model_id, several), _auc(other, model_id, several)),
                None if best is None else float(np.mean(best)),
            )
        )
    return rows


def _judged(
    one: AuditedSet,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    folds: Sequence[np.ndarray] | None,
    share: float,
) -> JudgedSet:
    if probabilities.ndim == 3:
        return JudgedSet(one.labels, (probabilities.argmax(axis=2) == one.labels).mean(axis=0), None, one.groups)
    seeds = np.asarray(probabilities, np.float64)
    hits = ((seeds >= np.asarray(thresholds)[:, None]) == one.labels).mean(axis=0)
    best = None
    if folds is not None:
        best = np.mean([rechosen_hits(one.labels, scores, list(folds), share) for scores in seeds], axis=0)
    return JudgedSet(one.labels, hits, best, one.groups)


def _auc(one: AuditedSet, model_id: str, several: bool) -> float | None:
    if several or len(np.unique(one.labels)) < 2:
        return None
    return float(np.mean([roc_auc_score(one.labels, scores) for scores in one.probabilities[model_id]]))
