"""A domain classifier: does a linear head tell the images of two sets apart, and would it by chance?"""

from dataclasses import dataclass

import numpy as np

from kbin.audit.linear_scores import fold_numbers, out_of_fold_scores
from kbin.audit.set_pairs import SetPair
from kbin.audit.within_class_auc import column_aucs, p_value

_AT_ONCE = 256  # arrangements fitted together


@dataclass(frozen=True, eq=False)
class DomainClassifier:
    """How well a linear head told two sets apart.

    Attributes:
        auc: Within classes, out of fold: of two images of a class, one of each set, how often it knows which is which.
        p_value: The share of random arrangements of the same images in which it does as well.
        class_aucs: Class -> the AUC within it.
        class_p_values: Class -> its p-value.
        auc_with_classes: Of a head that may also use that the sets have other shares of the classes.
        scores: shape (n,), of each image; larger is more like the second set.
    """

    auc: float
    p_value: float
    class_aucs: dict[int, float]
    class_p_values: dict[int, float]
    auc_with_classes: float
    scores: np.ndarray


def domain_classifier(features: np.ndarray, pair: SetPair, sides: np.ndarray) -> DomainClassifier:
    """Fits ridge regressions of the side on the features, in folds that keep together what belongs together.

    Features and sides are taken about their means in each class, so another mix of the classes is no difference. The
    folds do not depend on the sides, as a permutation test asks.

    Args:
        features: shape (n, num_features), of about equal variances.
        pair: The images.
        sides: shape (n, 1 + num_arrangements), bool, as `rearranged` returns them.

    Source:
        Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests".
    """
    labels = pair.labels
    if not features.shape[1]:  # all images are alike
        features = np.zeros((len(labels), 1))
    together = None if len(np.unique(pair.units)) == len(labels) else pair.units
    folds = fold_numbers(labels, together)
    centred = about_class_means(features, labels)
    overall, by_class, scores = [], [], np.empty(0)
    for start in range(0, sides.shape[1], _AT_ONCE):
        part = sides[:, start : start + _AT_ONCE]
        values = _scores(centred, about_class_means(part, labels), folds)
        scores = values[:, 0] if start == 0 else scores
        auc, of_classes = column_aucs(values, labels, part)
        overall.append(auc)
        by_class.append(of_classes)
    aucs, classes = np.concatenate(overall), np.concatenate(by_class, axis=1)
    present = [int(one) for one in np.unique(labels)]
    everywhere = np.zeros_like(labels)
    raw = _scores(about_class_means(features, everywhere), about_class_means(sides[:, :1], everywhere), folds)
    return DomainClassifier(
        float(aucs[0]),
        p_value(aucs[0], aucs[1:]),
        {one: float(row[0]) for one, row in zip(present, classes, strict=True)},
        {one: p_value(row[0], row[1:]) for one, row in zip(present, classes, strict=True)},
        float(column_aucs(raw, everywhere, sides[:, :1])[0][0]),
        scores,
    )


def about_class_means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns what is left of columns after each class's mean is taken away, shape (n, num_columns), float64."""
    centred = values.astype(np.float64)
    for one in np.unique(labels):
        inside = labels == one
        centred[inside] -= centred[inside].mean(axis=0)
    return centred


def _scores(centred: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Returns the out-of-fold values without each fold's own mean of the targets.

    That is lower where a fold holds out more of the second side, which would pull the AUC of folds together below .5.
    """
    scores = out_of_fold_scores(centred, targets, folds)
    for number in np.unique(folds):
        scores[folds == number] -= targets[folds != number].mean(axis=0)
    return scores
