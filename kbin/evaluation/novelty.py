"""How unlike anything in training an image is: its distance in feature space, and the limit that few images pass.

The distance of an image is that of its features to the k-th nearest of the training images', all scaled to length 1.
The limit is a conformal quantile of held-out images, so that images like those of training pass it with a known
probability, whatever the features are.

Source:
    Sun, Ming, Zhu, Li 2022, "Out-of-distribution detection with deep nearest neighbors", equations 2 and 3.
    Vovk, Gammerman, Shafer 2005, "Algorithmic learning in a random world", section 2.2 (the limit).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]

FALSE_ALARM_RATE = 0.01  # what is aimed at; fewer than 99 held-out images cannot give it
MOST_REFERENCES, MOST_HELD_OUT = 1_000, 1_000  # images: a few MB, and a fraction of the network's own time
HeldOut = Literal["validation", "training"]
VALIDATION: HeldOut = "validation"
TRAINING: HeldOut = "training"
_NEIGHBOURS = 10
# Of a distance between vectors of length 1. Rounding gives up to 1e-3 to the same image; different ones have tenths.
_SMALLEST_LIMIT = 5e-3


@dataclass(frozen=True, eq=False)
class NoveltyMeasure:
    """What is needed to tell whether an image is unlike anything in training.

    Attributes:
        references: Features of training images, each of length 1, shape (m, num_features), float16.
        neighbours: The distance is that to the reference so manieth nearest.
        limit: The distance above which an image is marked.
        false_alarm_rate: The probability with which an image like those of training is marked.
        num_held_out: The images that the limit comes from.
        held_out: Which they are: "validation" where they all are of the validation set; "training" where training
            images, each without itself and what belongs to it, are among them.
        below: The depth in the network below which the features are taken, averaged over the image; None: they are what
            enters the head.
    """

    references: Features
    neighbours: int
    limit: float
    false_alarm_rate: float
    num_held_out: int
    held_out: HeldOut
    below: int | None = None

    def ratios(self, features: Features) -> NDArray[np.float64]:
        """Returns each image's distance as a share of the limit, shape (n,): above 1 it is unlike training.

        Args:
            features: Of the images, from where `below` says, shape (n, num_features).
        """
        distances = np.sort(_distances(features, self._directions), axis=1)[:, self.neighbours - 1]
        # What is no number is like nothing.
        return np.where(np.isfinite(distances), distances, np.inf) / max(self.limit, _SMALLEST_LIMIT)

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        return _unit(self.references)


def fit_novelty(
    training: Features, groups: NDArray[np.generic], validation: Features | None, *, is_fitted: bool
) -> NoveltyMeasure | None:
    """Returns the measure for one trained model; None where all training images belong together.

    The limit comes from the validation set where that is large enough for the rate that is aimed at. Where it is not,
    training images are held out as well, each compared with the references that do not belong to it: but not where
    the features were fitted to these images, which would look nearer than new ones do. Without a validation set there
    is no choice, and the rate of a model whose backbone was trained is then too low.

    Args:
        training: Features of training images, shape (n, num_features); they become the references.
        groups: shape (n,); images of one group (copies, one patient's) are not compared with each other.
        validation: Features of images that nothing was trained on, shape (any number, num_features); None without.
        is_fitted: Whether blocks below the head were trained on the training images.
    """
    held_out = np.zeros((0, training.shape[1])) if validation is None else validation
    references = _unit(training).astype(np.float16)
    directions = _unit(references)
    own = groups[:, None] == groups
    neighbours = min(_NEIGHBOURS, int((~own).sum(axis=1).min()))
    if neighbours < 1:
        return None
    distances = np.sort(_distances(held_out, directions), axis=1)[:, neighbours - 1]
    is_enough = len(held_out) + 1 >= 1 / FALSE_ALARM_RATE
    uses_training = not is_enough and (not is_fitted or not len(held_out))
    if uses_training:
        among = np.where(own, np.inf, _distances(training, directions))
        distances = np.concatenate([distances, np.sort(among, axis=1)[:, neighbours - 1]])
    limit, rate = conformal_limit(distances, FALSE_ALARM_RATE)
    kind = TRAINING if uses_training else VALIDATION
    return NoveltyMeasure(references, neighbours, limit, rate, len(distances), kind)


def conformal_limit(values: NDArray[np.floating], rate: float) -> tuple[float, float]:
    """Returns a limit, and the probability with which a new value of the same kind lies above it.

    Args:
        values: Those of held-out images, shape (n,), at least one.
        rate: The largest probability that is wanted; where n values cannot give it, it is 1 / (n + 1).

    Source:
        Vovk, Gammerman, Shafer 2005, proposition 2.3: of n + 1 exchangeable values, the last lies above the k-th
        smallest of the others with probability 1 - k / (n + 1), or less where some are equal.
    """
    count = len(values)
    # 1e-9: 100 values at 1 % must not ask for one more because of a rounded product.
    place = min(count, math.ceil((count + 1) * (1 - rate) - 1e-9))
    return float(np.sort(values)[place - 1]), 1 - place / (count + 1)


def _unit(features: Features) -> NDArray[np.float32]:
    """Returns vectors of length 1; a vector of zeros stays as it is."""
    values = features.astype(np.float32)
    with np.errstate(invalid="ignore"):  # what is no number stays none
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.float32(1e-12))


def _distances(features: Features, directions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the distance of each image to each reference, shape (n, m)."""
    there = _unit(features)
    lengths = np.square(there, dtype=np.float64).sum(axis=1)[:, None]
    references = np.square(directions, dtype=np.float64).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.maximum(lengths + references - 2.0 * (there @ directions.T), 0.0))
