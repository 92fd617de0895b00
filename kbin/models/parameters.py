"""The table of parameters by block."""

import math
from dataclasses import dataclass

import keras

from kbin.models.blocks import HEAD, PREPROCESSING, backbone_of, placed_layers


@dataclass(frozen=True)
class BlockParameters:
    """Parameters of one block.

    Attributes:
        block: Its name; "preprocessing" and "head" stand for what is around the backbone.
        parameters: Weights, without moving statistics.
        trainable: Those of them that training changes.
        statistics: Moving statistics of BatchNorm, and constants of Normalization layers.
    """

    block: str
    parameters: int
    trainable: int
    statistics: int


@dataclass(frozen=True)
class ParameterTable:
    """The parameters of a model, a row a block, bottom to top; `print` shows it as text."""

    rows: tuple[BlockParameters, ...]

    @property
    def total(self) -> int:
        """All weights, without moving statistics (as papers count)."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """The weights that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        """The weights that stay as they are, without moving statistics."""
        return self.total - self.trainable

    @property
    def statistics(self) -> int:
        """Moving statistics of BatchNorm, and constants of Normalization layers."""
        return sum(row.statistics for row in self.rows)

    def as_dict(self) -> dict[str, int]:
        """Returns the four sums by name."""
        names = ("total", "trainable", "non_trainable", "statistics")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        lines = [f"{'block':<18}{'parameters':>13}{'trainable':>13}{'statistics':>12}"]
        for row in (*self.rows, BlockParameters("total", self.total, self.trainable, self.statistics)):
            lines.append(f"{row.block:<18}{row.parameters:>13,}{row.trainable:>13,}{row.statistics:>12,}")
        return "\n".join(lines)


def parameter_table(model: keras.Model) -> ParameterTable:
    """Counts the parameters of each block.

    Args:
        model: A model of `kbin.build_classifier`, or one loaded from its file.

    Returns:
        A row a block, the preprocessing first and the head last; rows without any weight are left out.

    Raises:
        ConfigError: The model was not built by kbin.
    """
    backbone = backbone_of(model)
    names = [PREPROCESSING, *(block.name for block in backbone.blocks), HEAD]
    counts = {name: [0, 0, 0] for name in names}
    for placed in placed_layers(model):
        if isinstance(placed.operation, keras.layers.Layer):
            name = placed.unit if placed.unit in (PREPROCESSING, HEAD) else backbone.block_of(placed.unit)
            counts[name] = [a + b for a, b in zip(counts[name], _count(placed.operation), strict=True)]
    return ParameterTable(tuple(BlockParameters(name, *counts[name]) for name in names if any(counts[name])))


def _count(layer: keras.layers.Layer) -> tuple[int, int, int]:
    """Returns parameters, trainable ones, and statistics of one layer."""
    statistics = _size(_statistics(layer))
    return _size(layer.weights) - statistics, _size(layer.trainable_weights), statistics


def _statistics(layer: keras.layers.Layer) -> list[keras.Variable]:
    if isinstance(layer, keras.layers.BatchNormalization):
        return [layer.moving_mean, layer.moving_variance]
    if isinstance(layer, keras.layers.Normalization):
        return list(layer.weights)
    return []


def _size(weights: list[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
