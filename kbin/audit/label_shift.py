"""The shares of the classes among images without labels, from probabilities that are right elsewhere."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

_ROUNDS = 500
_CLOSE = 1e-6  # of a share
_SMALLEST = 1e-7  # of a probability; about what float32 tells from 0
_MOST_RESAMPLED = 5_000  # images of each side, drawn at random where there are more
_SEED = 0


@dataclass(frozen=True, eq=False)
class EstimatedShares:
    """The shares of all classes of one set.

    Attributes:
        shares: shape (num_classes,), summing to 1.
        low: shape (num_classes,), the lower ends of the intervals.
        high: The upper ends.
        errors: shape (num_classes,), the standard errors; 0 without resamples.
    """

    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray
    errors: np.ndarray


def estimated_shares(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Returns the shares of the classes that explain calibrated probabilities best, by EM.

    Holds where each class looks as it did where the probabilities were calibrated (label shift).

    Args:
        probabilities: shape (n, num_classes), calibrated where the classes had the shares `prior`.
        prior: shape (num_classes,), all above 0.

    Source:
        Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities",
        eq. 2.9.
    """
    relative = np.maximum(probabilities, _SMALLEST) / prior
    shares = prior.copy()
    for _ in range(_ROUNDS):
        weighted = relative * shares
        new = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(new - shares).max() < _CLOSE:
            return new
        shares = new
    return shares


def shares_with_interval(
    known: np.ndarray,
    labels: np.ndarray,
    unknown: np.ndarray,
    num_resamples: int,
    units: tuple[np.ndarray, np.ndarray],
    level: float = 0.95,
) -> EstimatedShares:
    """Returns the estimated shares of a set, with a bootstrap interval over the images of both sets.

    The scores are calibrated on the images with labels by a logistic regression on their logarithms (bias-corrected
    calibration), for each resample anew.

    Args:
        known: shape (m, num_classes), probabilities of images that the model was not trained on.
        labels: shape (m,), their classes, each of them present.
        unknown: shape (n, num_classes), probabilities of the set.
        num_resamples: 0 gives the estimate alone, with itself as both ends.
        units: Of both, shape (m,) and (n,), equal where images belong together and are drawn together.
        level: Of the interval.

    Source:
        Alexandari, Kundaje and Shrikumar 2020, "Maximum likelihood with bias-corrected calibration is hard-to-beat at
        label shift adaptation".
    """
    rng = np.random.default_rng(_SEED)
    first, second = (_at_most(len(one), rng) for one in (known, unknown))
    logs, truth, others = log_scores(known[first]), labels[first], log_scores(unknown[second])
    estimate = _shares(logs, truth, others)
    drawn = []
    for _ in range(num_resamples):
        a, b = _drawn(units[0][first], rng), _drawn(units[1][second], rng)
        if len(np.unique(truth[a])) == len(np.unique(truth)):
            drawn.append(_shares(logs[a], truth[a], others[b]))
    if not drawn:
        return EstimatedShares(estimate, estimate, estimate, np.zeros_like(estimate))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return EstimatedShares(estimate, low, high, np.std(drawn, axis=0))


def calibration(logs: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    """Returns the regression of the labels on `log_scores`; nearly without a penalty."""
    return LogisticRegression(C=100.0, max_iter=300).fit(logs, labels)


def log_scores(probabilities: np.ndarray) -> np.ndarray:
    """Returns logarithms about each image's mean, shape (n, num_classes): of two classes, half the logit."""
    logs = np.log(np.clip(probabilities, _SMALLEST, 1.0))
    return logs - logs.mean(axis=1, keepdims=True)


def _shares(logs: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    prior = np.bincount(labels, minlength=logs.shape[1]) / len(labels)
    return estimated_shares(calibration(logs, labels).predict_proba(others), prior)


def _at_most(number: int, rng: np.random.Generator) -> np.ndarray:
    if number <= _MOST_RESAMPLED:
        return np.arange(number)
    return np.sort(rng.choice(number, _MOST_RESAMPLED, replace=False))


def _drawn(units: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns places drawn with replacement, whole units at a time."""
    names, counts = np.unique(units, return_counts=True)
    if len(names) == len(units):
        return rng.integers(0, len(units), len(units))
    order = np.argsort(units, kind="stable")
    ends = np.cumsum(counts)
    chosen = rng.integers(0, len(names), len(names))
    return np.concatenate([order[ends[one] - counts[one] : ends[one]] for one in chosen])
