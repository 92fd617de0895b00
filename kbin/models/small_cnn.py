"""A small CNN from stock Keras layers, to be trained from scratch: what a pretrained backbone has to beat."""

import keras
from keras import layers

from kbin.models.torchvision_layers import convolve, normalize

_FILTERS = {"conv1": 32, "conv2": 64, "conv3": 128}


def small_cnn(images: keras.KerasTensor) -> keras.KerasTensor:
    """Puts three stages of convolution, BatchNorm, ReLU and pooling on `images`.

    Args:
        images: shape (batch, height, width, 3), RGB 0-1; channels first where Keras is set so.

    Returns:
        Shape (batch, height / 8, width / 8, 128), likewise.
    """
    x = images
    for name, filters in _FILTERS.items():
        x = convolve(x, filters, 3, f"{name}_conv")
        x = normalize(x, f"{name}_bn")
        x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    return x
