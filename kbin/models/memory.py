"""What one image takes in memory: itself, the layers' outputs, and the weights; and what a step of training takes."""

import math
from dataclasses import dataclass

import keras

from kbin.models.blocks import backbone_of, placed_layers
from kbin.models.parameters import parameter_table

_BYTES = 4  # float32
_MEGABYTE = 2**20
# A training step keeps some outputs twice, for the backward pass, and drops others at once: `step_memory` says how near
# this comes.
_STEP_FACTOR = 1.8
_FROZEN_OUTPUTS = 3  # at a time, of a part that only runs forward: what enters a layer, what leaves it, and a shortcut


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


@dataclass(frozen=True)
class StepMemory:
    """Memory of a training step in float32, in bytes.

    Attributes:
        weights_bytes: All weights.
        trained_bytes: The weights that train; a gradient takes as much again, and so does each of an optimizer's slots.
        image_bytes: For each image of the batch.
    """

    weights_bytes: int
    trained_bytes: int
    image_bytes: float

    def needed_bytes(self, batch_size: int, num_slots: int) -> float:
        """Returns what a step needs in all.

        Args:
            batch_size: Images.
            num_slots: Numbers that the optimizer keeps of each weight: 2 of Adam's kind, 1 of SGD with momentum.
        """
        return self.weights_bytes + self.trained_bytes * (1 + num_slots) + self.image_bytes * batch_size


def step_memory(model: keras.Model, first_unit: str | None, *, is_uncut: bool) -> StepMemory:
    """Estimates what a training step takes.

    Over the measured growth of anonymous memory in two steps of AdamW on a whole network (CPU, torch 2.13, 224 px in
    batches of 8 to 32, or 128 px of 64; n = 1 each) it is .97 to 1.03 for ResNet50, ResNet18, EfficientNetLite0,
    MobileNetV3Large and SmallCNN, 1.11 for EfficientNetB0 and 1.45 for ShuffleNetV2x1_0. SwinTiny's stages are one
    layer each, so its estimate is far too low.

    Args:
        model: A model of `kbin.build_classifier`.
        first_unit: The unit from which on the backbone trains; None where it is frozen whole.
        is_uncut: Whether images enter it, not stored features of its frozen part.
    """
    units = backbone_of(model).units
    first_depth = len(units) if first_unit is None else units.index(first_unit)
    frozen, trained, trained_weights = [0], 0, 0
    for placed in placed_layers(model):
        operation = placed.operation
        if isinstance(operation, keras.layers.InputLayer):
            continue
        outputs = [_numbers(tensor) for tensor in operation._inbound_nodes[0].output_tensors]
        if placed.depth < first_depth:
            frozen += outputs
            continue
        trained += sum(outputs)
        if isinstance(operation, keras.layers.Layer):
            trained_weights += sum(math.prod(weight.shape) for weight in operation.weights)
    numbers = _STEP_FACTOR * trained + _FROZEN_OUTPUTS * max(frozen) * is_uncut
    total = sum(math.prod(weight.shape) for weight in model.weights)
    return StepMemory(total * _BYTES, trained_weights * _BYTES, numbers * _BYTES)


def _numbers(tensor: keras.KerasTensor) -> int:
    """Numbers of one image; the first axis is the batch."""
    return math.prod(tensor.shape[1:])


def _megabytes(numbers: int) -> float:
    return numbers * _BYTES / _MEGABYTE
