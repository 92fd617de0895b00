"""Freezing by named block, and the proof that what is frozen did not move.

A frozen block is in inference mode as a whole. Two things would break that in Keras 3.15, whatever `training=` a layer
was called with: BatchNorm follows its moving statistics unless its own `trainable` is False (Keras issue 20285), and
Dropout ignores `trainable`, so stochastic depth goes on unless its rate is 0.
"""

import hashlib

import keras

from kbin.errors import IntegrityError
from kbin.models.blocks import backbone_of, placed_layers


def freeze_below(model: keras.Model, first_trainable_unit: str | None) -> None:
    """Freezes preprocessing and every block below a unit, and lets the rest train.

    Args:
        model: A classifier of `build_classifier`, or a backbone, not yet compiled.
        first_trainable_unit: A unit of the catalogue; None freezes the whole backbone.
    """
    units = backbone_of(model).units
    first_depth = len(units) if first_trainable_unit is None else units.index(first_trainable_unit)
    for placed in placed_layers(model):
        layer = placed.operation
        if not isinstance(layer, keras.layers.Layer):
            continue
        layer.trainable = placed.depth >= first_depth and not isinstance(layer, keras.layers.Normalization)
        if isinstance(layer, keras.layers.Dropout) and placed.depth < first_depth:
            layer.rate = 0


def frozen_fingerprints(model: keras.Model) -> dict[str, str]:
    """Returns a hash of every tensor that training must not change, by its path: weights and moving statistics.

    The moving statistics of a BatchNorm that trains are not among them.
    """
    return {
        weight.path: hashlib.blake2b(keras.ops.convert_to_numpy(weight).tobytes(), digest_size=16).hexdigest()
        for layer in model.layers
        if not layer.trainable
        for weight in layer.weights
    }


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
