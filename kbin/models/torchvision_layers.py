"""Stock Keras layers set up as torchvision sets torch's, so that its published weights give its features."""

import keras
from keras import layers

# Of ImageNet's channels, on values from 0 to 1.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def standardize_images(images: keras.KerasTensor) -> keras.KerasTensor:
    """Scales RGB 0-255 to 0-1 and standardises it by ImageNet's channels, in one layer.

    Not by `Rescaling`: its lists of scales and offsets do not follow the channels in a channels-first graph.
    """
    return layers.Normalization(
        axis=channel_axis(),
        mean=[255 * value for value in _MEAN],
        variance=[(255 * value) ** 2 for value in _STD],
        name="preprocess_standardize",
    )(images)


def convolve(x: keras.KerasTensor, filters: int, kernel_size: int, name: str, strides: int = 1) -> keras.KerasTensor:
    """Convolves without bias; the borders are padded alike on both sides, as torch does at every stride."""
    x = _pad(x, kernel_size, name, strides)
    padding = "same" if strides == 1 else "valid"
    return layers.Conv2D(filters, kernel_size, strides=strides, padding=padding, use_bias=False, name=name)(x)


def convolve_depthwise(x: keras.KerasTensor, kernel_size: int, name: str, strides: int = 1) -> keras.KerasTensor:
    """Convolves each channel by itself, padded as in `convolve`."""
    x = _pad(x, kernel_size, name, strides)
    padding = "same" if strides == 1 else "valid"
    return layers.DepthwiseConv2D(kernel_size, strides=strides, padding=padding, use_bias=False, name=name)(x)


def normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Puts a BatchNorm with torch's epsilon and momentum (Keras counts the share that stays)."""
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.9, epsilon=1e-5, name=name)(x)


def pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Halves the map by maxima of 3 x 3; torch pads with minus infinity, which after a ReLU is the same as zeros."""
    return layers.MaxPooling2D(3, strides=2, name=name)(_pad(x, 3, name, strides=2))


def channel_axis() -> int:
    """Returns the axis of the channels in the graph that is being built."""
    return -1 if keras.config.image_data_format() == "channels_last" else 1


def _pad(x: keras.KerasTensor, kernel_size: int, name: str, strides: int) -> keras.KerasTensor:
    """Pads below a strided layer: Keras's own "same" would pad even sizes at the far border only."""
    if strides == 1 or kernel_size == 1:
        return x
    return layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
