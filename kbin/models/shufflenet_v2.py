"""ShuffleNetV2 from stock Keras layers, and the names under which torchvision's weights file keeps them.

Source: Ma et al. 2018, "ShuffleNet V2: practical guidelines for efficient CNN architecture design" (arXiv 1807.11164).
"""

from collections.abc import Iterator

import keras
from keras import layers, ops

from kbin.models.torchvision_layers import channel_axis, convolve, convolve_depthwise, normalize, pool

_UNITS = {"stage2": 4, "stage3": 8, "stage4": 4}
_FILTERS = {0.5: (48, 96, 192), 1.0: (116, 232, 464)}
_FIRST_FILTERS, _LAST_FILTERS = 24, 1024


def shufflenet_v2(inputs: keras.KerasTensor, width: float) -> keras.KerasTensor:
    """Puts ShuffleNetV2, without its classifier, on `inputs`.

    Args:
        inputs: shape (batch, height, width, 3), standardised by ImageNet's channels; channels first where Keras is so.
        width: 0.5 or 1.0.

    Returns:
        Shape (batch, height / 32, width / 32, 1024), likewise.
    """
    x = _convolve_and_activate(inputs, _FIRST_FILTERS, "conv1", kernel_size=3, strides=2)
    x = pool(x, "conv1_pool")
    for (stage, num_units), filters in zip(_UNITS.items(), _FILTERS[width], strict=True):
        x = _downsampling_unit(x, filters, f"{stage}_unit1")
        for number in range(2, num_units + 1):
            x = _unit(x, filters, f"{stage}_unit{number}")
    return _convolve_and_activate(x, _LAST_FILTERS, "conv5")


def _unit(inputs: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """One half of the channels goes past the convolutions."""
    # Operations are numbered through, so a layer with the unit's name stands before the split (`placed_layers`).
    x = layers.Identity(name=f"{name}_input")(inputs)
    past, x = ops.split(x, 2, axis=channel_axis())
    return _shuffle(past, _branch(x, filters // 2, name, strides=1), name)


def _downsampling_unit(inputs: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """Both halves of the output come from all channels, at half the size."""
    x = layers.Identity(name=f"{name}_input")(inputs)
    past = convolve_depthwise(x, 3, f"{name}_past_dwconv", strides=2)
    past = normalize(past, f"{name}_past_dwconv_bn")
    past = _convolve_and_activate(past, filters // 2, f"{name}_past")
    return _shuffle(past, _branch(x, filters // 2, name, strides=2), name)


def _branch(x: keras.KerasTensor, filters: int, name: str, strides: int) -> keras.KerasTensor:
    x = _convolve_and_activate(x, filters, f"{name}_1")
    x = convolve_depthwise(x, 3, f"{name}_dwconv", strides)
    x = normalize(x, f"{name}_dwconv_bn")
    return _convolve_and_activate(x, filters, f"{name}_2")


def _convolve_and_activate(
    x: keras.KerasTensor, filters: int, name: str, kernel_size: int = 1, strides: int = 1
) -> keras.KerasTensor:
    x = convolve(x, filters, kernel_size, f"{name}_conv", strides)
    x = normalize(x, f"{name}_bn")
    return layers.ReLU(name=f"{name}_relu")(x)


def _shuffle(past: keras.KerasTensor, branch: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Takes a channel of the one half and one of the other in turn: (2, c) channels become (c, 2)."""
    x = layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([past, branch])
    whole = x.shape[1:]
    if channel_axis() == -1:
        pairs, turned = (*whole[:-1], 2, whole[-1] // 2), (1, 2, 4, 3)
    else:
        pairs, turned = (2, whole[0] // 2, *whole[1:]), (2, 1, 3, 4)
    x = layers.Reshape(pairs, name=f"{name}_shuffle_halves")(x)
    x = layers.Permute(turned, name=f"{name}_shuffle_turn")(x)
    return layers.Reshape(whole, name=f"{name}_shuffle")(x)


def torch_names() -> Iterator[tuple[str, str]]:
    """Yields (Keras layer, module of torchvision's state dict) for every layer that has weights, at any width."""
    yield from _conv_and_bn("conv1", "conv1", 0)
    for stage, num_units in _UNITS.items():
        for index in range(num_units):
            layer, module = f"{stage}_unit{index + 1}", f"{stage}.{index}."
            if index == 0:
                yield f"{layer}_past_dwconv", f"{module}branch1.0"
                yield f"{layer}_past_dwconv_bn", f"{module}branch1.1"
                yield from _conv_and_bn(f"{layer}_past", f"{module}branch1", 2)
            yield from _conv_and_bn(f"{layer}_1", f"{module}branch2", 0)
            yield f"{layer}_dwconv", f"{module}branch2.3"
            yield f"{layer}_dwconv_bn", f"{module}branch2.4"
            yield from _conv_and_bn(f"{layer}_2", f"{module}branch2", 5)
    yield from _conv_and_bn("conv5", "conv5", 0)


def _conv_and_bn(layer: str, module: str, index: int) -> Iterator[tuple[str, str]]:
    yield f"{layer}_conv", f"{module}.{index}"
    yield f"{layer}_bn", f"{module}.{index + 1}"
