"""Networks for tests: random weights, with BatchNorm calibrated so that predictions spread."""

from typing import Any

import keras
import numpy as np

import kbin


def random_images(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    """Returns RGB images of smooth random colour, shape (count, size, size, 3), uint8."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (count, 4, 4, 3))
    return np.kron(coarse, np.ones((1, size // 4, size // 4, 1))).astype(np.uint8)


def calibrated_classifier(backbone: str, image_size: int = 32, seed: int = 0, **settings: Any) -> keras.Model:
    """Builds a classifier with random weights whose BatchNorm statistics fit random images.

    Without it a random network is constant in inference mode, and any test on its predictions passes.
    """
    keras.utils.set_random_seed(seed)
    model = kbin.build_classifier(backbone, weights="none", image_size=image_size, **settings)
    calibrate(model, random_images(16, image_size, seed=99))
    return model


def calibrate(model: keras.Model, images: np.ndarray) -> None:
    """Sets the moving statistics of every BatchNorm, frozen or not, to those of `images`."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [(layer.momentum, layer.trainable) for layer in norms]
    for layer in norms:
        layer.momentum, layer.trainable = 0.0, True
    model(images.astype("float32"), training=True)
    for layer, (momentum, trainable) in zip(norms, before, strict=True):
        layer.momentum, layer.trainable = momentum, trainable
