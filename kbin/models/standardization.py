"""Features standardised on the training set, by a stock Normalization layer."""

from collections.abc import Iterable

import keras
import numpy as np

# Of the mean variance: below it a feature is mostly rounding (of bfloat16 above all), which should not be magnified.
_SMALLEST_SHARE = 0.05


def standardize_on(layer: keras.layers.Normalization, blocks: Iterable[np.ndarray]) -> None:
    """Adapts a Normalization layer to the training features.

    A feature that hardly varies on the training set is divided by the root of a share of the mean variance: Keras
    would divide a constant one by 1e-7, and a channel that first fires on a test image would then drown all others.

    Args:
        layer: The layer, built.
        blocks: The features of the training set, shape (any number, num_features) each, one block or more.
    """
    mean, variance = training_moments(blocks)
    layer.set_weights([mean, variance, np.array(0, np.int32)])  # nothing reads the count of images
    layer.finalize_state()


def training_moments(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and variance that features are standardised with, shape (num_features,), float32.

    Args:
        blocks: The features of the training set, shape (any number, num_features) each, one block or more.

    Source:
        Chan, Golub, LeVeque 1979, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
        equation 2.1: mean and sum of squares of two sets together.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for block in blocks:
        mean_there = block.mean(axis=0, dtype=np.float64)
        squares_there = block.var(axis=0, dtype=np.float64) * len(block)
        together = count + len(block)
        squares = squares + squares_there + (mean_there - mean) ** 2 * (count * len(block) / together)
        mean = mean_there if not count else mean + (mean_there - mean) * (len(block) / together)
        count = together
    variance = squares / count
    smallest = _SMALLEST_SHARE * variance.mean()
    variance = np.maximum(variance, smallest) if smallest > 0 else np.ones_like(variance)
    return mean.astype(np.float32), variance.astype(np.float32)
