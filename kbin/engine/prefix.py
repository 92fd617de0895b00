"""Cut a classifier at its first trainable block: a frozen prefix that is computed once, and a tail that trains."""

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
        name: The layer whose output that is.
    """

    prefix: keras.Model
    tail: keras.Model
    boundary: keras.KerasTensor
    name: str


def cut(model: keras.Model) -> Cut | None:
    """Cuts a classifier of `build_classifier` below everything that trains.

    Returns:
        The parts, or None where the whole network trains and nothing is left to compute once. The global pooling
        belongs to the prefix of a wholly frozen backbone, so that the features are vectors.
    """
    placed = placed_layers(model)
    trained = [p.depth for p in placed if p.unit != HEAD and _trains(p.operation)]
    first_depth = min(trained, default=None)
    if first_depth == 0:
        return None
    below = [p.operation for p in placed if first_depth is None or p.depth < first_depth]
    if first_depth is None:
        names = [operation.name for operation in below]
        below = below[: names.index(POOL) + 1]
    features = below[-1].output
    return Cut(
        prefix=keras.Model(model.input, features, name=f"{model.name}_prefix"),
        tail=keras.Model(features, model.output, name=model.name),
        boundary=features,
        name=below[-1].name,
    )


def _trains(operation: keras.Operation) -> bool:
    return isinstance(operation, keras.layers.Layer) and bool(operation.trainable_weights)
