"""Random augmentation of images: preprocessing layers of Keras and KerasCV, drawn again alike for the same seed.

KerasCV (extra `cv`) brings TensorFlow: it is imported only where one of its layers is named.
"""

import importlib.util
import inspect
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import keras
import numpy as np
import torch

from kbin.errors import ConfigError, MissingExtraError
from kbin.options import KERAS_CV, MIXING

_VALUE_RANGE = (0, 255)
_CLASSES_PAINTED = 4  # at a time, to bound memory


class Augmenter:
    """Preprocessing layers, one after the other.

    Args:
        settings: A mapping a layer: `layer` is its name in `keras.layers`, or `keras_cv.<name>`; the rest its
            arguments.

    Raises:
        ConfigError: A layer does not take these arguments.
        MissingExtraError: KerasCV is named but not installed.
    """

    def __init__(self, settings: Sequence[Mapping[str, Any]]):
        self._steps = [_Step(row) for row in settings]

    @property
    def version(self) -> str:
        """What the same seed gives the same images for: the versions of who draws, and the device."""
        versions = [keras.__version__, torch.__version__, "cuda" if torch.cuda.is_available() else "cpu"]
        if any(step.is_keras_cv for step in self._steps):
            import keras_cv  # late, both: extras
            import tensorflow as tf

            versions += [keras_cv.__version__, tf.__version__]
        return " ".join(versions)

    @property
    def mixes(self) -> bool:
        """Whether a layer mixes images with one another, and so their labels."""
        return any(step.mixes for step in self._steps)

    def augment(self, images: np.ndarray, seed: int) -> np.ndarray:
        """Augments a batch.

        Args:
            images: shape (n, height, width, 3), uint8.
            seed: Of everything that is drawn.

        Returns:
            The same shape, rounded to uint8, which is what every runtime takes.

        Raises:
            ConfigError: A layer changes the images' size.
        """
        values: np.ndarray = images.astype(np.float32)
        for position, step in enumerate(self._steps):
            values = step.apply(values, seed + position)
            if values.shape != images.shape:
                raise ConfigError(
                    f"augment: {step.name} makes images of shape {values.shape[1:]} from {images.shape[1:]}, but the "
                    "network takes one size."
                )
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def mix_labels(self, rows: np.ndarray, image_size: int, seed: int) -> np.ndarray:
        """Returns the labels that belong to the images which `augment` makes with the same seed.

        What a mixing layer draws depends on the number and size of the images, not on what they show. So images that
        are painted with their labels, a channel a class, are mixed alike, and a channel's mean is the share that is
        seen of its class. The layers' own labels would not do: KerasCV's CutMix counts what it cuts beyond the border.

        Args:
            rows: shape (n, num_classes), the share of each class.
            image_size: Side of the images in pixels.
            seed: As given to `augment`.
        """
        shares = []
        for start in range(0, rows.shape[1], _CLASSES_PAINTED):
            few = rows[:, None, None, start : start + _CLASSES_PAINTED].astype(np.float32)
            painted = np.tile(few, (1, image_size, image_size, 1))
            for position, step in enumerate(self._steps):
                if step.mixes:
                    painted = step.apply(painted, seed + position)
            shares.append(painted.mean(axis=(1, 2), dtype=np.float64))
        return np.hstack(shares).astype(np.float32)

    def check(self, image_size: int) -> None:
        """Tries the layers on two images: some find fault with an argument only then.

        Args:
            image_size: Side of the images in pixels.

        Raises:
            ConfigError: A layer fails, or changes the images' size.
        """
        images = np.random.default_rng(0).integers(0, 256, (2, image_size, image_size, 3), dtype=np.uint8)
        try:
            self.augment(images, seed=0)
        except ConfigError:
            raise
        except Exception as error:  # whatever a layer raises, an argument was wrong
            names = ", ".join(step.name for step in self._steps)
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(f"augment: {names} cannot be applied with these arguments ({reason}).") from None


class _Step:
    """One layer with its name."""

    def __init__(self, row: Mapping[str, Any]):
        self.name = row["layer"]
        self.mixes = self.name in MIXING
        self.is_keras_cv = self.name.startswith(KERAS_CV)
        self._layer = _build(self.name, {name: value for name, value in row.items() if name != "layer"})

    def apply(self, images: np.ndarray, seed: int) -> np.ndarray:
        if self.mixes and len(images) == 1:
            return images  # a single image has nothing to be mixed with
        self._reseed(seed)
        if not self.mixes:
            return _as_array(self._layer(images, training=True))
        no_labels = np.zeros((len(images), 1), np.float32)  # without any, mixing layers refuse to work
        return _as_array(self._layer({"images": images, "labels": no_labels}, training=True)["images"])

    def _reseed(self, seed: int) -> None:
        """Puts every random generator of the layer, and of the layers inside it, into a known state."""
        for part in self._layer._flatten_layers():
            for value in vars(part).values():
                if isinstance(value, keras.random.SeedGenerator):
                    value.state.assign(np.array([seed, 0], np.int64))
        if self.is_keras_cv:
            import tensorflow as tf  # late: it is there where KerasCV is

            tf.random.set_seed(seed)
            tf.random.get_global_generator().reset_from_seed(seed)


def _build(name: str, arguments: dict[str, Any]) -> keras.layers.Layer:
    is_keras_cv = name.startswith(KERAS_CV)
    module = _keras_cv_layers(name) if is_keras_cv else keras.layers
    kind = getattr(module, name.removeprefix(KERAS_CV))
    if "value_range" in inspect.signature(kind).parameters:
        if tuple(arguments.get("value_range", _VALUE_RANGE)) != _VALUE_RANGE:
            raise ConfigError(f"augment: {name}: kbin's images have values from 0 to 255: leave `value_range` out.")
        arguments = arguments | {"value_range": _VALUE_RANGE}
    try:
        return kind(**arguments)
    except Exception as error:  # layers raise what they like for a wrong argument
        shown = ", ".join(f"{key}: {value}" for key, value in arguments.items()) or "no arguments"
        where = name if is_keras_cv else f"keras.layers.{name}"
        raise ConfigError(f"augment: {where} does not take {shown} ({' '.join(str(error).split())[:200]}).") from None


def _keras_cv_layers(name: str) -> ModuleType:
    if importlib.util.find_spec("keras_cv") is None:
        raise MissingExtraError(
            f"`augment: {name}` needs KerasCV, which brings TensorFlow: `pip install 'kbin[cv]'`, or use a layer of "
            "Keras's own."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of KerasCV and TensorFlow, about themselves
        import keras_cv

    return keras_cv.layers


def _as_array(values: Any) -> np.ndarray:
    """KerasCV gives TensorFlow's tensors, Keras torch's."""
    return np.asarray(keras.ops.convert_to_numpy(values) if keras.ops.is_tensor(values) else values)
