"""Features standardised on the training set, by a stock Normalization layer."""

import keras
import numpy as np

# Of the mean variance: below it a feature is mostly rounding (of bfloat16 above all), which should not be magnified.
_SMALLEST_SHARE = 0.05


def standardize_on(layer: keras.layers.Normalization, features: np.ndarray) -> None:
    """Adapts a Normalization layer to the training features.

    A feature that hardly varies on the training set is divided by the root of a share of the mean variance: Keras
    would divide a constant one by 1e-7, and a channel that first fires on a test image would then drown all others.

    Args:
        layer: The layer, built.
        features: shape (n, num_features), of the training set.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    variance = features.var(axis=0, dtype=np.float64)
    smallest = _SMALLEST_SHARE * variance.mean()
    variance = np.maximum(variance, smallest) if smallest > 0 else np.ones_like(variance)
    layer.set_weights([mean.astype(np.float32), variance.astype(np.float32), np.array(len(features), np.int32)])
    layer.finalize_state()
