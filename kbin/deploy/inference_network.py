"""A classifier -> the torch module that is exported: raw images in, arranged so that every runtime is fast.

Channels first, because what comes from channels last runs 2-4 times slower in OpenVINO and onnxruntime; BatchNorm as
one operation, because Keras's four are merged into the convolutions by none of them.
"""

from collections.abc import Callable
from typing import Any

import keras
import torch

from kbin.catalogue import BACKBONES
from kbin.models.builders import channels_first, channels_first_graph
from kbin.models.classifiers import POOL


class ImageNetwork(torch.nn.Module):
    """Takes uint8 images, shape (batch, height, width, 3), and gives the network's probabilities.

    Args:
        network: Takes float32 images of 0 to 255.
        is_channels_first: Whether it takes them as (batch, 3, height, width).
    """

    def __init__(self, network: keras.Model, is_channels_first: bool):
        super().__init__()
        self._network, self._is_channels_first = network, is_channels_first

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns shape (batch, 1) or (batch, num_classes), float32."""
        pixels = images.permute(0, 3, 1, 2) if self._is_channels_first else images
        return self._network(pixels.to(torch.float32), training=False)


def inference_network(model: keras.Model) -> ImageNetwork:
    """Returns a classifier as a torch module; of a model that kbin did not build, the model itself.

    Args:
        model: From raw images, shape (batch, size, size, 3), to probabilities; it stays as it is.
    """
    twin = _channels_first_twin(model)
    return ImageNetwork(model, is_channels_first=False) if twin is None else ImageNetwork(twin, is_channels_first=True)


def _channels_first_twin(model: keras.Model) -> keras.Model | None:
    """Returns the same network with the same weights, channels first; None where there is no such network.

    A model that only bears a backbone's name does not fit, or is found out by the check of the exported file.
    """
    if model.name not in {row.name for row in BACKBONES if row.channels_first}:
        return None
    names = [layer.name for layer in model.layers]
    if POOL not in names:
        return None
    body = channels_first_graph(model.name, model.input.shape[1])
    if not _take_weights(body, model):
        return None
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = _one_operation(layer)
    with channels_first():
        x = keras.layers.GlobalAveragePooling2D(name=POOL)(body.output)
        for layer in model.layers[names.index(POOL) + 1 :]:  # vectors: the layers themselves
            x = layer(x)
        return keras.Model(body.input, x, name=model.name)


def _take_weights(body: keras.Model, model: keras.Model) -> bool:
    """Gives a backbone the weights of a classifier's; returns whether they fit.

    By name; a layer that Keras named by a counter (`normalization_3`) is the next of those that are left.
    """
    names = [layer.name for layer in model.layers]
    own = {layer.name: layer for layer in model.layers[: names.index(POOL)] if layer.weights}
    wanted = [layer for layer in body.layers if layer.weights]
    left = iter([layer for name, layer in own.items() if name not in {one.name for one in wanted}])
    if len(wanted) != len(own):
        return False
    for layer in wanted:
        source = own[layer.name] if layer.name in own else next(left)
        if [one.shape for one in source.weights] != [one.shape for one in layer.weights]:
            return False
        layer.set_weights(source.get_weights())
    return True


def _one_operation(layer: keras.layers.BatchNormalization) -> Callable[..., torch.Tensor]:
    def call(inputs: torch.Tensor, training: Any = None, mask: Any = None) -> torch.Tensor:
        return torch.nn.functional.batch_norm(
            inputs,
            layer.moving_mean.value,
            layer.moving_variance.value,
            layer.gamma.value if layer.scale else None,
            layer.beta.value if layer.center else None,
            training=False,
            eps=layer.epsilon,
        )

    return call
