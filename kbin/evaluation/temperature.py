"""Temperature scaling: one number that makes probabilities more or less sure, fitted on data that is no test set.

It divides the logits, so it changes neither the order of the images nor, with the threshold moved along, any answer.
kbin reports what it would do to the probabilities and leaves saved predictions and models as they are.

Source:
    Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax

from kbin.evaluation.inputs import checked_labels, checked_probability_rows, checked_scores

SMALLEST, LARGEST = 0.05, 20.0
# About what float32 can tell from 1. Both ends are cut alike: near 0 it could tell more, and then a sure "no" would
# weigh more than an equally sure "yes".
_CLIP = 1e-7
_AT_A_LIMIT = 1e-3  # of the logarithm of the temperature


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature, or the reason why the data gives none.

    Attributes:
        value: Above 1 makes probabilities less sure, below 1 surer; None if the data gives none.
        note: Why there is none, or what to know of it, in a plain sentence; "" if nothing.
    """

    value: float | None
    note: str = ""


def fit_temperature(y_true: ArrayLike, y_probability: ArrayLike) -> Temperature:
    """Returns the temperature that gives the least log loss on the data, between 0.05 and 20.

    Where all images are told apart without an error, surer is always better, and where there is one class only, a limit
    is best as well: such data gives no temperature.

    Args:
        y_true: shape (n,), class indices.
        y_probability: shape (n,), probability of the positive class, or shape (n, num_classes), rows summing to 1.
            Exact zeros and ones stand for logits that float32 cannot write; they are taken as 1e-7 and 1 - 1e-7.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    probabilities = np.asarray(y_probability)
    num_classes = 2 if probabilities.ndim < 2 else max(2, probabilities.shape[1])
    truth = checked_labels(y_true, num_classes)
    if len(np.unique(truth)) < 2:
        return Temperature(None, "No temperature: all images that it would be fitted on are of one class.")
    logits = _logits(probabilities, len(truth))

    def loss(log_temperature: float) -> float:
        return float(-_log_likelihoods(logits / np.exp(log_temperature), truth).mean())

    # The loss is convex in 1 / temperature, so it has one valley over the logarithm too.
    lowest, highest = np.log(SMALLEST), np.log(LARGEST)
    found = float(minimize_scalar(loss, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-6}).x)
    if found < lowest + _AT_A_LIMIT:
        reason = "the images that it would be fitted on are told apart without an error, or nearly so"
        return Temperature(None, f"No temperature: {reason}.")
    if found > highest - _AT_A_LIMIT:
        return Temperature(LARGEST, f"The temperature stands at its limit, {LARGEST:g}: guessing would do as well.")
    return Temperature(float(np.exp(found)))


def with_temperature(y_probability: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Returns probabilities whose logits are divided by a temperature, in the same shape.

    Args:
        y_probability: shape (n,), probability of the positive class, or shape (n, num_classes), rows summing to 1.
        temperature: Above 0.
    """
    probabilities = np.asarray(y_probability)
    scaled = _logits(probabilities, len(probabilities)) / temperature
    return softmax(scaled, axis=1) if scaled.ndim == 2 else expit(scaled).reshape(probabilities.shape)


def _logits(probabilities: NDArray[np.generic], num_labels: int) -> NDArray[np.float64]:
    """Returns shape (n,) for two classes in one column, else shape (n, num_classes)."""
    if probabilities.ndim == 2 and probabilities.shape[1] > 1:
        rows = checked_probability_rows(probabilities, num_labels, probabilities.shape[1])
        return np.log(np.clip(rows, _CLIP, 1.0))
    return logit(np.clip(checked_scores(probabilities, num_labels), _CLIP, 1 - _CLIP))


def _log_likelihoods(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the logarithm of the probability that each image's own class was given, shape (n,)."""
    if logits.ndim == 2:
        return log_softmax(logits, axis=1)[np.arange(len(truth)), truth]
    return -np.logaddexp(0.0, np.where(truth == 1, -logits, logits))
