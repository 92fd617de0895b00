"""A network of one dense layer on small images, and images that it can partly tell apart."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest


class Images(NamedTuple):
    """Images of 4 x 4 pixels, shape (n, 4, 4, 3), and labels, shape (n,)."""

    images: np.ndarray
    labels: np.ndarray


def make_images(count: int, num_classes: int = 2, seed: int = 0) -> Images:
    """Class k is brighter than class k - 1, but the noise is as large as the difference."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    brightness = 60 + 60 * labels[:, None, None, None] + generator.normal(0, 60, (count, 1, 1, 3))
    return Images(np.clip(brightness + generator.normal(0, 20, (count, 4, 4, 3)), 0, 255).astype(np.uint8), labels)


@pytest.fixture
def make_model() -> Callable[..., keras.Model]:
    """Makes a small classifier, not compiled; its initial weights come from `seed`."""

    def make(num_outputs: int = 1, seed: int = 0, dropout: float = 0.0) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((4, 4, 3))
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
        x = keras.layers.Dropout(dropout)(x)
        activation = "sigmoid" if num_outputs == 1 else "softmax"
        return keras.Model(inputs, keras.layers.Dense(num_outputs, activation=activation)(x), name="small")

    return make
