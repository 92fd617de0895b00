"""Which block each layer of a model belongs to: by name and graph order, never by index."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras

from kbin.catalogue import BACKBONES, Backbone
from kbin.errors import ConfigError

PREPROCESSING, HEAD = "preprocessing", "head"


@dataclass(frozen=True)
class PlacedLayer:
    """A layer or operation of a model with the unit of the backbone that it belongs to.

    Attributes:
        operation: A Keras layer, or an operation such as a flip.
        unit: A unit of the catalogue, or `PREPROCESSING` or `HEAD`.
        depth: The unit's position, bottom to top; preprocessing is -1, the head comes last.
    """

    operation: keras.Operation
    unit: str
    depth: int


def backbone_of(model: keras.Model) -> Backbone:
    """Returns the catalogue row of the backbone in `model`, which bears its name.

    Raises:
        ConfigError: The model was not built by `kbin.build_classifier`.
    """
    for backbone in BACKBONES:
        if backbone.name == model.name:
            return backbone
    raise ConfigError(
        f"the model '{model.name}' has no blocks that kbin knows: build it with kbin.build_classifier, "
        f"whose models bear a backbone's name ({', '.join(backbone.name for backbone in BACKBONES)})."
    )


def placed_layers(model: keras.Model) -> list[PlacedLayer]:
    """Returns every layer of a classifier or backbone with its unit, in graph order; of a nested model its layers.

    A layer's name begins with its unit's. Keras numbers some layers through (`re_lu_3`, `activation_7`): those
    belong to the topmost unit among their inputs.
    """
    units = backbone_of(model).units
    depth_of: dict[str, int] = {}
    placed = []
    for operation in _in_graph_order(model):
        unit = _named_unit(operation.name, units)
        if unit == HEAD:
            depth = len(units)
        elif unit is not None:
            depth = units.index(unit)
        else:
            depth = max((depth_of[source] for source in _sources(operation) if source in depth_of), default=-1)
        depth_of[operation.name] = depth
        placed.append(PlacedLayer(operation, _unit_at(depth, units), depth))
    return placed


def _unit_at(depth: int, units: tuple[str, ...]) -> str:
    if depth < 0:
        return PREPROCESSING
    return units[depth] if depth < len(units) else HEAD


def _named_unit(name: str, units: tuple[str, ...]) -> str | None:
    matches = [unit for unit in (*units, HEAD) if name == unit or name.startswith(f"{unit}_")]
    return max(matches, key=len, default=None)


def nested_models(model: keras.Model) -> list[keras.Model]:
    """Returns the models that are layers of a model: KerasHub's backbones."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]


def _in_graph_order(model: keras.Model) -> Iterator[keras.Operation]:
    """Inputs before outputs, as `operations` of a functional model is sorted; nested models give what they hold."""
    for operation in model.operations:
        if isinstance(operation, keras.Model):
            yield from (inner for inner in operation.operations if not isinstance(inner, keras.layers.InputLayer))
        else:
            yield operation


def _sources(operation: keras.Operation) -> list[str]:
    """Returns the names of the operations whose outputs enter `operation`."""
    return [
        tensor._keras_history.operation.name for node in operation._inbound_nodes[:1] for tensor in node.input_tensors
    ]
