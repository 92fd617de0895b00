"""Features standardised on the training set, by a stock Normalization layer."""

import keras
import numpy as np

_SMALLEST_VARIANCE = 1e-8


def standardize_on(layer: keras.layers.Normalization, features: np.ndarray) -> None:
    """Adapts a Normalization layer to the training features.

    A feature that never varies on the training set is only shifted: Keras would divide it by 1e-7, and a channel that
    first fires on a test image would then drown all others.

    Args:
        layer: The layer, built.
        features: shape (n, num_features), of the training set.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    variance = features.var(axis=0, dtype=np.float64)
    variance[variance < _SMALLEST_VARIANCE] = 1.0
    layer.set_weights([mean.astype(np.float32), variance.astype(np.float32), np.array(len(features), np.int32)])
    layer.finalize_state()
