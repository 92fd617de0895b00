"""Random augmentation of the input: stock Keras layers, as views that can be computed once and stored."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kbin.engine.inputs import Inputs
from kbin.errors import ConfigError


class Augmenter:
    """Keras preprocessing layers, one after the other, that give the same images again for the same seed.

    Args:
        settings: A mapping a layer: `layer` is its name in `keras.layers`, the rest its arguments.

    Raises:
        ConfigError: A layer does not take these arguments.
    """

    def __init__(self, settings: Sequence[Mapping[str, Any]]):
        self._layers = [_build(row) for row in settings]

    def augment(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Augments a batch.

        Args:
            images: shape (n, height, width, 3), uint8.
            seed: Of everything that is drawn.

        Returns:
            The same shape, rounded to uint8, which is what every runtime takes.
        """
        values: Any = images.astype(np.float32)
        for position, layer in enumerate(self._layers):
            _reseed(layer, seed + position)
            values = layer(values, training=True)
        return np.clip(np.rint(keras.ops.convert_to_numpy(values)), 0, 255).astype(np.uint8)


class AugmentedViews:
    """Several augmented views of every image: position `view * len(images) + index`.

    Args:
        images: The images, shape (height, width, 3), uint8 each.
        hashes: shape (len(images),), their content hashes; with the view they seed what is drawn, batch by batch.
        augmenter: The layers.
        num_views: Views of each image.
    """

    def __init__(self, images: Inputs, hashes: np.ndarray, augmenter: Augmenter, num_views: int):
        self._images, self._augmenter, self.num_views = images, augmenter, num_views
        self.hashes = np.array([f"{name}-{view}" for view in range(num_views) for name in hashes])

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the views at `indices`; the same indices give the same images."""
        digest = hashlib.blake2b("".join(self.hashes[indices]).encode(), digest_size=4).digest()
        return self._augmenter.augment(self._images.take(indices % len(self._images)), int.from_bytes(digest, "big"))


def _build(row: Mapping[str, Any]) -> keras.layers.Layer:
    arguments = {name: value for name, value in row.items() if name != "layer"}
    try:
        return getattr(keras.layers, row["layer"])(**arguments)
    except (TypeError, ValueError) as error:
        shown = ", ".join(f"{name}: {value}" for name, value in arguments.items()) or "no arguments"
        reason = " ".join(str(error).split())
        raise ConfigError(f"augment: keras.layers.{row['layer']} does not take {shown} ({reason[:200]}).") from None


def _reseed(layer: keras.layers.Layer, seed: int) -> None:
    """Puts every random generator of a layer, and of the layers inside it, into a known state."""
    for part in layer._flatten_layers():
        for value in vars(part).values():
            if isinstance(value, keras.random.SeedGenerator):
                value.state.assign(np.array([seed, 0], np.int64))
