"""The bootstrap: every metric of many trained models on the same resamples of one set."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from kbin.evaluation.answers import SeedAnswers
from kbin.evaluation.resampling import Weights, resampled_weights
from kbin.evaluation.weighted_metrics import average_precisions, roc_areas, threshold_metrics
from kbin.interruption import with_safe_points

# Neighbouring scores of many positives are resampled as if they were equal: it moves standard errors by less than 1 %.
_MOST_LEVELS = 500

MetricDraws = dict[str, NDArray[np.float64]]


def metric_values(y_true: NDArray[np.int64], answers: SeedAnswers) -> dict[str, float | None]:
    """Returns the metrics of one trained model; None where undefined.

    Args:
        y_true: shape (n,), class indices.
        answers: What it says.
    """
    once = np.ones((len(y_true), 1), dtype=np.float64)
    found = _Weighted(y_true, answers, 2 * len(y_true) + 1).metrics(once)
    return {name: None if np.isnan(values[0]) else float(values[0]) for name, values in found.items()}


def bootstrapped(
    y_true: NDArray[np.int64],
    models: Sequence[SeedAnswers],
    groups: NDArray[np.int64] | None = None,
    resamples: int | None = None,
) -> list[MetricDraws]:
    """Returns each trained model's metrics on the same resamples, each of shape (num_resamples,), NaN where undefined.

    Args:
        y_true: shape (n,), class indices.
        models: Trained models, of all seeds.
        groups: shape (n,), numbers from 0: they are drawn as a whole; None where the images are independent.
        resamples: How many; as many as the number of images asks for if None.
    """
    weighted = [_Weighted(y_true, one, _MOST_LEVELS) for one in models]
    chunks: list[list[MetricDraws]] = [[] for _ in models]
    for weights in with_safe_points(resampled_weights(y_true, groups, resamples)):
        for one, parts in zip(weighted, chunks, strict=True):
            parts.append(one.metrics(weights))
    return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in chunks]


def standard_error(draws: NDArray[np.float64]) -> float | None:
    """Returns the standard deviation over resamples; None where most of them leave the metric undefined.

    Args:
        draws: shape (num_resamples,), NaN where undefined.
    """
    known = draws[~np.isnan(draws)]
    if len(known) <= len(draws) / 2:
        return None
    error = float(known.std(ddof=1))
    # What is the same in all resamples differs by rounding alone.
    return error if error > 1e-12 else 0.0


class _Weighted:
    """One trained model on one set, ready to be measured with any weights of its images."""

    def __init__(self, y_true: NDArray[np.int64], answers: SeedAnswers, most_levels: int):
        num, self._num_classes = len(y_true), answers.rows.shape[1]
        self._cells = _adder(y_true * self._num_classes + answers.predicted, self._num_classes**2)
        # Of two classes the ROC AUC has DeLong's variance, and the positive class alone has an average precision.
        columns = answers.rows.T if self._num_classes > 2 else answers.rows.T[1:]
        first = self._num_classes - len(columns)
        self._ranked = [_adder(*_ranks(scores, y_true == first + k, most_levels)) for k, scores in enumerate(columns)]
        of_truth = np.clip(answers.rows[np.arange(num), y_true], np.finfo(float).eps, 1.0)
        squares = ((answers.rows - np.eye(self._num_classes)[y_true]) ** 2).sum(axis=1)
        # Between two classes the Brier score counts each image's error once.
        self._losses: NDArray[np.float64] = np.stack(
            [-np.log(of_truth), squares / (2 if self._num_classes == 2 else 1)]
        )

    def metrics(self, weights: Weights) -> MetricDraws:
        """Returns the metrics, each of shape (num_resamples,).

        Args:
            weights: shape (n, num_resamples), how often each image weights.
        """
        size = self._num_classes
        confusion = (self._cells @ weights).reshape(size, size, -1)
        found = threshold_metrics(confusion)
        areas, precisions = [], []
        for adder in self._ranked:
            negative, positive = (adder @ weights).reshape(2, -1, weights.shape[1])
            areas.append(roc_areas(negative, positive))
            precisions.append(average_precisions(negative, positive))
        losses = self._losses @ weights / confusion.sum(axis=(0, 1))
        found |= {"roc_auc": np.mean(areas, axis=0), "average_precision": np.mean(precisions, axis=0)}
        return found | {"log_loss": losses[0], "brier": losses[1]}


def _adder(cells: NDArray[np.int64], num_cells: int) -> csr_matrix:
    """Returns the matrix that adds up the images of each cell, shape (num_cells, n)."""
    num = len(cells)
    return csr_matrix((np.ones(num), (cells, np.arange(num))), shape=(num_cells, num))


def _ranks(
    scores: NDArray[np.float64], is_positive: NDArray[np.bool_], most_levels: int
) -> tuple[NDArray[np.int64], int]:
    """Returns each image's level among the scores, the highest first and positives after all negatives.

    Levels are the positives' scores and what lies between two of them: finer ones would change no rank metric.
    """
    edges = np.unique(-scores[is_positive])
    above = np.searchsorted(edges, -scores)  # distinct scores of positives that are higher
    levels = 2 * above + np.isin(scores, scores[is_positive])
    num_levels = 2 * len(edges) + 1
    if num_levels > most_levels:
        levels, num_levels = levels * most_levels // num_levels, most_levels
    return levels + np.where(is_positive, num_levels, 0), 2 * num_levels
