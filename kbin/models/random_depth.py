"""Dropout and stochastic depth, switched off in frozen layers and on again: neither heeds `trainable`."""

from collections.abc import Iterator

import keras

# Where the rate is kept while it is off. A model read from its file does not know it: what was off there stays off.
_KEPT = "rate_in_training"


def switch_randomness(layer: keras.layers.Layer, is_on: bool) -> None:
    """Sets every dropout rate inside a layer to 0, or back to what it was.

    Args:
        layer: A layer, with whatever layers it holds.
        is_on: Whether its rates are to be those that it was built with.
    """
    for part, attribute in _rates(layer):
        rate = getattr(part, attribute)
        if is_on:
            setattr(part, attribute, getattr(part, _KEPT, rate))
        elif rate:
            setattr(part, _KEPT, rate)
            setattr(part, attribute, 0.0)


def _rates(layer: keras.layers.Layer) -> Iterator[tuple[keras.layers.Layer, str]]:
    for part in layer._flatten_layers():
        if isinstance(part, keras.layers.Dropout):
            yield part, "rate"
        elif hasattr(part, "drop_prob"):  # KerasHub's DropPath
            yield part, "drop_prob"
