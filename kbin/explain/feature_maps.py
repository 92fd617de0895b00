"""The last feature map of a classifier, and the network cut there: what Grad-CAM needs to know of a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from kbin.errors import ConfigError

_SMALLEST_SIDE = 2  # cells: one cell says no place
_PROBABILITIES = ("sigmoid", "softmax")


@dataclass(frozen=True)
class MapNetwork:
    """A classifier cut at its last feature map; the parts share layers and weights with it.

    Attributes:
        below: From images to the map, shape (batch, height, width, channels).
        above: From the map to what enters the last layer.
        last: The last layer without its sigmoid or softmax: from there to the scores, shape (batch, num_outputs).
    """

    below: keras.Model
    above: keras.Model
    last: keras.layers.Layer


def cut_at_map(model: keras.Model) -> MapNetwork:
    """Cuts a classifier at its last feature map; the model stays as it is.

    Args:
        model: A functional model, channels last.

    Raises:
        ConfigError: It has no feature map that shows places (see `why_no_map`).
    """
    found = _cut(model)
    if isinstance(found, str):
        raise ConfigError(f"Grad-CAM needs a feature map: {found}.")
    return found


def why_no_map(model: keras.Model) -> str | None:
    """Returns why a model has no feature map that shows places; None where it has one."""
    found = _cut(model)
    return found if isinstance(found, str) else None


def _cut(model: keras.Model) -> MapNetwork | str:
    graph = getattr(model, "_functional", None) or model  # of a Sequential
    if not isinstance(graph, keras.Model) or not hasattr(graph, "_nodes_by_depth"):
        return f"'{model.name}' is no functional model, so its layers cannot be looked at one by one"
    if len(graph.outputs) != 1 or len(graph.outputs[0].shape) != 2:
        return f"'{model.name}' does not end in one output of shape (batch, classes)"
    tensor = _last_map(graph)
    if tensor is None:
        return f"no layer of '{model.name}' gives a map of shape (batch, height, width, channels)"
    sides = tuple(tensor.shape[1:3])
    if None not in sides and min(sides) < _SMALLEST_SIDE:
        return f"the last feature map of '{model.name}' has {sides[0]} x {sides[1]} cells, too few to show a place"
    output = graph.outputs[0]
    entering, last = _without_probabilities(graph, output)
    try:
        return MapNetwork(keras.Model(graph.input, tensor), keras.Model(tensor, entering), last)
    except ValueError:  # Keras: the graph is disconnected
        return f"not everything in '{model.name}' goes through its last feature map"


def _last_map(graph: keras.Model) -> keras.KerasTensor | None:
    """Returns the last tensor with places; where a pooled vector is kept as 1 x 1 pixels, what was pooled."""
    tensor = next((node.output_tensors[0] for node in _from_the_output(graph) if _is_map(node)), None)
    if tensor is None or tuple(tensor.shape[1:3]) != (1, 1):
        return tensor
    node = _node_of(tensor, graph)
    while len(node.input_tensors) == 1:
        if "Global" in type(node.operation).__name__:
            return node.input_tensors[0]
        node = _node_of(node.input_tensors[0], graph)
    return tensor


def _from_the_output(graph: keras.Model) -> Iterator[Any]:
    """Yields the model's own nodes, the output's first: a layer that several models share has other nodes besides."""
    for depth in sorted(graph._nodes_by_depth):
        yield from graph._nodes_by_depth[depth]


def _is_map(node: Any) -> bool:
    return not node.is_input and len(node.output_tensors) == 1 and len(node.output_tensors[0].shape) == 4


def _node_of(tensor: keras.KerasTensor, graph: keras.Model) -> Any:
    return next(node for node in _from_the_output(graph) if any(tensor is made for made in node.output_tensors))


def _without_probabilities(
    graph: keras.Model, output: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.layers.Layer]:
    """Returns what enters the last layer, and that layer without its sigmoid or softmax.

    What ends in anything else gives its outputs as they are: they are taken for scores.
    """
    node = _node_of(output, graph)
    layer = node.operation
    if not isinstance(layer, keras.layers.Layer) or len(node.input_tensors) != 1:
        return output, keras.layers.Identity()
    entering = node.input_tensors[0]
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    if isinstance(layer, keras.layers.Softmax) or (
        isinstance(layer, keras.layers.Activation) and activation in _PROBABILITIES
    ):
        return entering, keras.layers.Identity()
    if activation not in _PROBABILITIES:
        return output, keras.layers.Identity()
    # A layer of its own: the model's keeps its activation.
    plain = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    plain.build(tuple(entering.shape))
    plain.set_weights(layer.get_weights())
    return entering, plain
