"""Freezing by named block, and the proof that what is frozen did not move.

A frozen block is in inference mode as a whole. Two things would break that in Keras 3.15, whatever `training=` a layer
was called with: BatchNorm follows its moving statistics unless its own `trainable` is False (Keras issue 20285), and
Dropout ignores `trainable`, so stochastic depth goes on unless its rate is 0.
"""

import hashlib

import keras

from kbin.errors import IntegrityError
from kbin.models.blocks import backbone_of, placed_layers
from kbin.models.random_depth import switch_randomness


def freeze_below(model: keras.Model, first_trainable_unit: str | None) -> None:
    """Freezes preprocessing and every block below a unit, and lets the rest train.

    Called again with another unit it moves the border: what trains again has its dropout rates back.

    Args:
        model: A classifier of `build_classifier`, or a backbone, not yet compiled.
        first_trainable_unit: A unit of the catalogue; None freezes the whole backbone.
    """
    units = backbone_of(model).units
    first_depth = len(units) if first_trainable_unit is None else units.index(first_trainable_unit)
    for placed in placed_layers(model):
        layer = placed.operation
        if isinstance(layer, keras.layers.Layer):
            is_frozen = placed.depth < first_depth
            layer.trainable = not is_frozen and not isinstance(layer, keras.layers.Normalization)
            switch_randomness(layer, is_on=not is_frozen)


def frozen_fingerprints(model: keras.Model) -> dict[str, str]:
    """Returns a hash of every tensor that training must not change, by its path: weights and moving statistics.

    The moving statistics of a BatchNorm that trains are not among them.
    """
    return {
        weight.path: hashlib.blake2b(keras.ops.convert_to_numpy(weight).tobytes(), digest_size=16).hexdigest()
        for layer in _layers(model)
        if not layer.trainable
        for weight in layer.weights
    }


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [placed.operation for placed in placed_layers(model) if isinstance(placed.operation, keras.layers.Layer)]


def check_frozen(model: keras.Model, before: dict[str, str]) -> None:
    """Compares every frozen tensor with its hash from before training.

    Raises:
        IntegrityError: One moved; the message names it.
    """
    after = frozen_fingerprints(model)
    moved = [path for path, fingerprint in before.items() if after.get(path) != fingerprint]
    if moved:
        raise IntegrityError(
            f"{len(moved)} frozen tensors of {model.name} changed during training, {moved[0]} among them: "
            "the results are not those of a frozen backbone. This is a fault of kbin or Keras; please report it."
        )
