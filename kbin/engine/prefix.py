"""Cut a classifier at its first trainable block: a frozen prefix that is computed once, and a tail that trains."""

import hashlib
from dataclasses import dataclass

import keras

from kbin.models.blocks import HEAD, PlacedLayer, nested_models, placed_layers
from kbin.models.classifiers import POOL


@dataclass(frozen=True)
class Cut:
    """The two parts of a classifier; both share layers and weights with the whole.

    Attributes:
        prefix: From raw images to the features; frozen, so it computes the same in every epoch.
        tail: From the features to the probabilities; what training changes.
        boundary: The tensor where it is cut: the prefix's output, and the tail's input. It is one of the whole
            model's, except where the cut goes through a nested backbone.
        first_depth: The depth of the first layer of the tail; None where only the head is left to train.
        also_below: Where set, the prefix gives vectors that begin with the mean over the image of what is below that
            depth, `num_also` numbers; the tail takes what follows.
    """

    prefix: keras.Model
    tail: keras.Model
    boundary: keras.KerasTensor
    first_depth: int | None
    also_below: int | None = None

    @property
    def num_also(self) -> int:
        """How many numbers of the prefix's output stand before what the tail takes."""
        return 0 if self.also_below is None else self.prefix.output.shape[-1] - self.boundary.shape[-1]

    @property
    def name(self) -> str:
        """Where the cut is, for people: the layer whose output the features are."""
        return self.boundary._keras_history.operation.name

    def fingerprint(self) -> str:
        """Returns a hash of where the cut is and of every weight below it."""
        also = "" if self.also_below is None else f" {self.also_below}"
        digest = hashlib.blake2b(f"{self.prefix.name} {self.first_depth}{also}".encode(), digest_size=16)
        for weight in self.prefix.weights:
            digest.update(keras.ops.convert_to_numpy(weight).tobytes())
        return digest.hexdigest()


def cut(model: keras.Model) -> Cut | None:
    """Cuts a classifier of `build_classifier` below everything that trains.

    Returns:
        The parts, or None where the whole network trains and nothing is left to compute once. The global pooling
        belongs to the prefix of a wholly frozen backbone, so that the features are vectors.
    """
    first_depth = first_trained_depth(model)
    if first_depth == 0:
        return None
    predictions = model.output
    if first_depth is None:
        features = model.get_layer(POOL).output
    elif not nested_models(model):
        features = output_below(model, first_depth)
    else:
        placed, outputs = placed_layers(model), _replayed_chain(model)
        features = outputs[_last_below(placed, first_depth).name]
        predictions = outputs[placed[-1].operation.name]
    return Cut(
        prefix=keras.Model(model.input, features, name=model.name),
        tail=keras.Model(features, predictions, name=model.name),
        boundary=features,
        first_depth=first_depth,
    )


def first_trained_depth(model: keras.Model) -> int | None:
    """Returns the depth of the lowest layer of the backbone that trains; None where only the head does."""
    return min((p.depth for p in placed_layers(model) if p.unit != HEAD and _trains(p.operation)), default=None)


def cut_below_head(model: keras.Model, also_below: int | None = None) -> Cut:
    """Cuts a trained classifier between backbone and head, whatever was trained: the features are what the head sees.

    Args:
        model: The classifier.
        also_below: A depth; what is below it, averaged over the image, then stands before these features.

    Raises:
        ValueError: The model has no pooling of the name that `build_classifier` gives it, or no such depth.
    """
    features = model.get_layer(POOL).output
    outputs = (
        features if also_below is None else keras.ops.concatenate([mean_below(model, also_below), features], axis=1)
    )
    return Cut(
        prefix=keras.Model(model.input, outputs, name=model.name),
        tail=keras.Model(features, model.output, name=model.name),
        boundary=features,
        first_depth=None,
        also_below=also_below,
    )


def mean_below(model: keras.Model, depth: int) -> keras.KerasTensor:
    """Returns the mean over the image of what is below a depth, shape (batch, channels).

    Raises:
        ValueError: There is no such depth, or what is there is no map of the image.
    """
    depths = {placed.depth for placed in placed_layers(model) if placed.unit != HEAD}
    if nested_models(model) or depth not in depths or depth == min(depths):
        raise ValueError(f"it has no place below depth {depth}")
    return mean_over_image(output_below(model, depth))


def mean_over_image(maps: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the means of maps, in the layout in which Keras works now, shape (batch, channels).

    Raises:
        ValueError: They are no maps.
    """
    if len(maps.shape) != 4:
        raise ValueError(f"shape {tuple(maps.shape)} is that of no maps")
    return keras.layers.GlobalAveragePooling2D()(maps)


def part_below(network: keras.Model, layer_name: str) -> keras.Model:
    """Returns the part of a classifier, or of its tail, from its input to what enters one of its layers.

    Not by way of `layer.input`, which may belong to another graph: the layers of a tail are those of the whole.
    """
    layer = network.get_layer(layer_name)
    nodes = (node for at_depth in network._nodes_by_depth.values() for node in at_depth)
    entering = next(node.input_tensors[0] for node in nodes if node.operation is layer)
    return keras.Model(network.input, entering)


def output_below(model: keras.Model, first_depth: int) -> keras.KerasTensor:
    """Returns the one tensor that goes from the units below a depth to those from there on."""
    return _last_below(placed_layers(model), first_depth).output


def _last_below(placed: list[PlacedLayer], first_depth: int) -> keras.Operation:
    return [p.operation for p in placed if p.depth < first_depth][-1]


def _replayed_chain(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Returns the output of every layer by name, in one flat graph: a nested one cannot be cut where it is.

    KerasHub's Swin is a chain of layers, and so is what stands around it. The layers and weights are the same; the
    model itself, whose file must hold the nested backbone, stays as it is.
    """
    x = model.input
    outputs = {}
    for placed in placed_layers(model):
        if not isinstance(placed.operation, keras.layers.InputLayer):
            x = outputs[placed.operation.name] = placed.operation(x)
    return outputs


def _trains(operation: keras.Operation) -> bool:
    return isinstance(operation, keras.layers.Layer) and bool(operation.trainable_weights)
