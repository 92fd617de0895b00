"""What one image takes in memory: itself, the outputs of the layers, and the weights."""

import math
from dataclasses import dataclass

import keras

from kbin.models.blocks import placed_layers
from kbin.models.parameters import parameter_table

_BYTES = 4  # float32
_MEGABYTE = 2**20


@dataclass(frozen=True)
class Memory:
    """Memory for one image in float32, in MB of 2^20 bytes.

    Attributes:
        input_mb: The image.
        activations_mb: What every layer and operation returns, once, padded and reshaped tensors too; no gradients.
            A layer that holds others counts by its own output alone: each stage of KerasHub's Swin.
        weights_mb: The weights, without moving statistics.
    """

    input_mb: float
    activations_mb: float
    weights_mb: float


def memory_table(model: keras.Model) -> Memory:
    """Counts the memory of a model.

    Args:
        model: A model of `kbin.build_classifier`, or one loaded from its file.

    Raises:
        ConfigError: The model was not built by kbin.
    """
    numbers = sum(
        _numbers(tensor)
        for placed in placed_layers(model)
        if not isinstance(placed.operation, keras.layers.InputLayer)
        for tensor in placed.operation._inbound_nodes[0].output_tensors
    )
    return Memory(
        input_mb=_megabytes(_numbers(model.input)),
        activations_mb=_megabytes(numbers),
        weights_mb=_megabytes(parameter_table(model).total),
    )


def _numbers(tensor: keras.KerasTensor) -> int:
    """Numbers of one image; the first axis is the batch."""
    return math.prod(tensor.shape[1:])


def _megabytes(numbers: int) -> float:
    return numbers * _BYTES / _MEGABYTE
