"""How well scores tell two sets apart within each class, for many ways to share the images out at once."""

import numpy as np
from scipy.stats import rankdata


def column_aucs(scores: np.ndarray, labels: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the AUCs within classes of one score for each way to share the images out.

    A class's AUC is the share of pairs, one image of each side, in which that of the second side has the larger score
    (equal ones count half). The AUC of all is their mean, each with the weight n1 n2 / (n1 + n2) of its images on both
    sides, about the inverse of its variance. A class with one side alone has .5 and no weight.

    Args:
        scores: shape (n, num_columns).
        labels: shape (n,), classes.
        sides: shape (n, num_columns), bool, whether the image is of the second side.

    Returns:
        AUC of all, shape (num_columns,), and of each class that is present, shape (num_classes, num_columns).

    Source:
        van Elteren 1960, "On the combination of independent two sample tests of Wilcoxon": the rank sums of strata.
    """
    aucs, weights = [], []
    for inside in _classes(labels):
        second = sides[inside]
        auc, weight = _aucs((rankdata(scores[inside], axis=0) * second).sum(axis=0), second.sum(axis=0), len(second))
        aucs.append(auc)
        weights.append(weight)
    return _mean(np.array(aucs), np.array(weights)), np.array(aucs)


def crossed_aucs(scores: np.ndarray, labels: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Returns the AUCs within classes of each score with each way to share the images out, as `column_aucs` does.

    Args:
        scores: shape (n, num_scores).
        labels: shape (n,), classes.
        sides: shape (n, num_columns), bool.

    Returns:
        shape (num_scores, num_columns).
    """
    aucs, weights = [], []
    for inside in _classes(labels):
        second = sides[inside].astype(np.float64)
        auc, weight = _aucs(rankdata(scores[inside], axis=0).T @ second, second.sum(axis=0), len(second))
        aucs.append(auc)
        weights.append(np.broadcast_to(weight, auc.shape))
    return _mean(np.array(aucs), np.array(weights))


def p_value(observed: float, by_chance: np.ndarray) -> float:
    """Returns the share of arrangements, the observed one among them, with a value as large, 0 to 1.

    Args:
        observed: The value.
        by_chance: shape (num_arrangements,), those of random ones.

    Source:
        Phipson and Smyth 2010, "Permutation p-values should never be zero".
    """
    # Equal sums may differ in their last digit.
    return float((1 + (by_chance >= observed - 1e-9).sum()) / (1 + len(by_chance)))


def _classes(labels: np.ndarray) -> list[np.ndarray]:
    return [labels == one for one in np.unique(labels)]


def _aucs(rank_sums: np.ndarray, second: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.broadcast_to((number - second) * second, rank_sums.shape).astype(np.float64)
    above = rank_sums - second * (second + 1) / 2
    return np.divide(above, pairs, out=np.full(pairs.shape, 0.5), where=pairs > 0), pairs / number


def _mean(aucs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=0)
    return np.divide((aucs * weights).sum(axis=0), total, out=np.full(total.shape, 0.5), where=total > 0)
