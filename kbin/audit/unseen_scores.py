"""Probabilities of images that the model was not trained on: some with labels to calibrate on, and the test sets'."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from kbin.audit.inputs import AuditInputs
from kbin.audit.label_shift import calibration, log_scores
from kbin.audit.linear_scores import fold_numbers
from kbin.data.set_names import TRAIN, VALIDATION

_LEAST_OF_A_CLASS = 10  # images with labels
_MOST_TRAINED_ON = 10_000
_NUM_FOLDS = 5
_SEED = 0
HEAD = "linear head on the features"


@dataclass(frozen=True, eq=False)
class UnseenScores:
    """What one model says of images that it did not see in training.

    Attributes:
        model: Its id, or "linear head on the features".
        known: shape (m, num_classes), probabilities of images with labels.
        labels: shape (m,).
        units: shape (m,), equal where images belong together.
        of_sets: Test set -> shape (n, num_classes).
    """

    model: str
    known: np.ndarray
    labels: np.ndarray
    units: np.ndarray
    of_sets: Mapping[str, np.ndarray]


def unseen_scores(inputs: AuditInputs, belonging: Mapping[str, np.ndarray]) -> list[UnseenScores]:
    """Returns the scores of all models, and of a linear head, the one that knows most first.

    A model is calibrated on the validation set: of its own training images it is too sure. A linear head on the
    features has scores of the training set from folds. Each needs 10 labelled images of each class.

    Args:
        inputs: All sets.
        belonging: Set name -> shape (n,), equal where images belong together.
    """
    scores = [*_of_models(inputs, belonging), *_of_head(inputs, belonging)]
    return sorted(scores, key=_unexplained)


def _unexplained(one: UnseenScores) -> float:
    """Returns the log loss after calibration as a share of that of the classes' shares alone."""
    logs = log_scores(one.known)
    shares = np.bincount(one.labels) / len(one.labels)
    return float(
        log_loss(one.labels, calibration(logs, one.labels).predict_proba(logs))
        / log_loss(one.labels, np.broadcast_to(shares, one.known.shape))
    )


def _of_models(inputs: AuditInputs, belonging: Mapping[str, np.ndarray]) -> list[UnseenScores]:
    validation = inputs.sets.get(VALIDATION)
    if validation is None or not _is_enough(validation.labels, len(inputs.classes)):
        return []
    return [
        UnseenScores(
            model,
            _rows(of_seeds),
            validation.labels,
            belonging[VALIDATION],
            {one.name: _rows(one.probabilities[model]) for one in inputs.test_sets},
        )
        for model, of_seeds in validation.probabilities.items()
        if all(model in one.probabilities for one in inputs.test_sets)
    ]


def _of_head(inputs: AuditInputs, belonging: Mapping[str, np.ndarray]) -> list[UnseenScores]:
    if not inputs.has_features or not _is_enough(inputs.train.labels, len(inputs.classes)):
        return []
    chosen = np.arange(len(inputs.train))
    if len(chosen) > _MOST_TRAINED_ON:
        chosen = np.sort(np.random.default_rng(_SEED).choice(len(chosen), _MOST_TRAINED_ON, replace=False))
    features, labels = inputs.reduced_features[TRAIN][chosen], inputs.train.labels[chosen]
    units = belonging[TRAIN][chosen]
    if not features.shape[1] or not _is_enough(labels, len(inputs.classes)):
        return []
    folds = fold_numbers(labels, None if len(np.unique(units)) == len(units) else units, _NUM_FOLDS)
    known = np.zeros((len(labels), len(inputs.classes)))
    logits = {one.name: np.zeros((len(one), len(inputs.classes))) for one in inputs.test_sets}
    numbers = np.unique(folds)
    if any(len(np.unique(labels[folds != number])) < len(inputs.classes) for number in numbers):
        return []
    for number in numbers:
        head = LogisticRegression(C=0.1, max_iter=300).fit(features[folds != number], labels[folds != number])
        known[folds == number] = head.predict_proba(features[folds == number])
        for name, sums in logits.items():
            sums += log_scores(head.predict_proba(inputs.reduced_features[name])) / len(numbers)
    return [UnseenScores(HEAD, known, labels, units, {name: softmax(one, axis=1) for name, one in logits.items()})]


def _rows(of_seeds: np.ndarray) -> np.ndarray:
    """Returns the mean over seeds, shape (n, num_classes)."""
    mean = np.asarray(of_seeds, np.float64).mean(axis=0)
    return mean if mean.ndim == 2 else np.stack([1 - mean, mean], axis=1)


def _is_enough(labels: np.ndarray, num_classes: int) -> bool:
    return bool(np.bincount(labels, minlength=num_classes).min() >= _LEAST_OF_A_CLASS)
