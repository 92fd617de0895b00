"""Cut a classifier at its first trainable block: a frozen prefix that is computed once, and a tail that trains."""

import hashlib
from dataclasses import dataclass

import keras

from kbin.models.blocks import HEAD, placed_layers
from kbin.models.classifiers import POOL


@dataclass(frozen=True)
class Cut:
    """The two parts of a classifier; both share layers and weights with the whole.

    Attributes:
        prefix: From raw images to the features; frozen, so it computes the same in every epoch.
        tail: From the features to the probabilities; what training changes.
        boundary: The tensor of the whole model where it is cut: the prefix's output.
        first_depth: The depth of the first layer of the tail; None where only the head is left to train.
    """

    prefix: keras.Model
    tail: keras.Model
    boundary: keras.KerasTensor
    first_depth: int | None

    @property
    def name(self) -> str:
        """Where the cut is, for people: the layer whose output the features are."""
        return self.boundary._keras_history.operation.name

    def fingerprint(self) -> str:
        """Returns a hash of where the cut is and of every weight below it."""
        digest = hashlib.blake2b(f"{self.prefix.name} {self.first_depth}".encode(), digest_size=16)
        for weight in self.prefix.weights:
            digest.update(keras.ops.convert_to_numpy(weight).tobytes())
        return digest.hexdigest()


def cut(model: keras.Model) -> Cut | None:
    """Cuts a classifier of `build_classifier` below everything that trains.

    Returns:
        The parts, or None where the whole network trains and nothing is left to compute once. The global pooling
        belongs to the prefix of a wholly frozen backbone, so that the features are vectors.
    """
    placed = placed_layers(model)
    first_depth = min((p.depth for p in placed if p.unit != HEAD and _trains(p.operation)), default=None)
    if first_depth == 0:
        return None
    features = model.get_layer(POOL).output if first_depth is None else output_below(model, first_depth)
    return Cut(
        prefix=keras.Model(model.input, features, name=model.name),
        tail=keras.Model(features, model.output, name=model.name),
        boundary=features,
        first_depth=first_depth,
    )


def output_below(model: keras.Model, first_depth: int) -> keras.KerasTensor:
    """Returns the one tensor that goes from the units below a depth to those from there on."""
    return [p.operation for p in placed_layers(model) if p.depth < first_depth][-1].output


def _trains(operation: keras.Operation) -> bool:
    return isinstance(operation, keras.layers.Layer) and bool(operation.trainable_weights)
