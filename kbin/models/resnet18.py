"""ResNet18 from stock Keras layers, and the names under which torchvision's weights file keeps them.

Source: He et al. 2016, "Deep residual learning for image recognition" (arXiv 1512.03385). Layers are named as in
Keras's ResNet50. KerasHub has the network too; built here it needs no TensorFlow, nor does opening a saved model.
"""

from collections.abc import Iterator

import keras
from keras import layers

from kbin.models.torchvision_layers import channel_axis, convolve, normalize, pool

_FILTERS = {"conv2": 64, "conv3": 128, "conv4": 256, "conv5": 512}
_BLOCKS = 2  # residual blocks of each stage


def resnet18(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Puts ResNet18, without its classifier, on `inputs`.

    Args:
        inputs: shape (batch, height, width, 3), standardised by ImageNet's channels; channels first where Keras is so.

    Returns:
        Shape (batch, height / 32, width / 32, 512), likewise.
    """
    x = convolve(inputs, 64, 7, "conv1_conv", strides=2)
    x = normalize(x, "conv1_bn")
    x = layers.ReLU(name="conv1_relu")(x)
    x = pool(x, "conv1_pool")
    for stage, filters in _FILTERS.items():
        for number in range(1, _BLOCKS + 1):
            x = _residual(x, filters, f"{stage}_block{number}", strides=2 if stage != "conv2" and number == 1 else 1)
    return x


def _residual(inputs: keras.KerasTensor, filters: int, name: str, strides: int) -> keras.KerasTensor:
    """Two convolutions around a shortcut; the shortcut is projected where the shape changes."""
    x = convolve(inputs, filters, 3, f"{name}_1_conv", strides)
    x = normalize(x, f"{name}_1_bn")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = convolve(x, filters, 3, f"{name}_2_conv")
    x = normalize(x, f"{name}_2_bn")
    shortcut = inputs
    if inputs.shape[channel_axis()] != filters:
        shortcut = convolve(inputs, filters, 1, f"{name}_0_conv", strides)
        shortcut = normalize(shortcut, f"{name}_0_bn")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def torch_names() -> Iterator[tuple[str, str]]:
    """Yields (Keras layer, module of torchvision's state dict) for every layer that has weights."""
    yield "conv1_conv", "conv1"
    yield "conv1_bn", "bn1"
    for stage_number, stage in enumerate(_FILTERS, start=1):
        for index in range(_BLOCKS):
            layer, module = f"{stage}_block{index + 1}_", f"layer{stage_number}.{index}."
            for part in (1, 2):
                yield f"{layer}{part}_conv", f"{module}conv{part}"
                yield f"{layer}{part}_bn", f"{module}bn{part}"
            if stage != "conv2" and index == 0:
                yield f"{layer}0_conv", f"{module}downsample.0"
                yield f"{layer}0_bn", f"{module}downsample.1"
