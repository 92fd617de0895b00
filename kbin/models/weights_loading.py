"""Weights files -> a built backbone. Untrusted files are data: no pickle, and a file of another network is refused."""

import math
import warnings
from pathlib import Path

import keras
import numpy as np

from kbin.catalogue import Backbone
from kbin.errors import WeightsError
from kbin.models.hdf5_files import check_hdf5
from kbin.models.state_dicts import load_state_dict
from kbin.models.torch_files import read_state_dict

_STATE_DICTS = (".pth", ".pt", ".safetensors")

_SPARE_BYTES = 2**24

# keras.applications scales EfficientNet's input by 1 / sqrt(std) once more, in a layer that it only builds for
# `weights="imagenet"` (keras.applications.efficientnet, its comment on tensorflow issue 49930).
_IMAGENET_STD = np.array([0.229, 0.224, 0.225])


def load_backbone_weights(model: keras.Model, backbone: Backbone, path: Path, is_imagenet: bool) -> None:
    """Loads a weights file into a backbone.

    Args:
        model: The backbone's model, as `build_backbone` makes it.
        backbone: Its catalogue row.
        path: The file.
        is_imagenet: Whether it is the file that `keras.applications` publishes.

    Raises:
        WeightsError: The file cannot be read, or belongs to another network; the model may be partly loaded then.
    """
    if not path.name.endswith(backbone.weights_suffixes):
        raise WeightsError(
            f"{path} is not a kind of weights file that {backbone.name} reads: {', '.join(backbone.weights_suffixes)}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Keras and torch warn of in a wrong file, they also raise
            most_bytes = most_weight_bytes(model)
            if path.stat().st_size > most_bytes:
                raise ValueError(f"it has {path.stat().st_size / 1e6:,.0f} MB, more than this network may take")
            if path.name.endswith(_STATE_DICTS):
                load_state_dict(model, backbone.name, read_state_dict(path))
            else:
                check_hdf5(path.read_bytes(), most_bytes)
                model.load_weights(path)
    except Exception as error:  # Keras, torch, h5py and safetensors raise nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"{path} cannot be loaded into {backbone.name}: it is damaged, or holds the weights of another network "
            f"({reason[:200]})."
        ) from None
    if backbone.name == "EfficientNetB0":
        _fold_imagenet_scale(model, always=is_imagenet)


def most_weight_bytes(model: keras.Model) -> int:
    """Returns the bytes that a file with the weights of a model may declare.

    Four times what the weights take leaves room for float64, for the state of an optimizer and for a classifier.
    """
    return 4 * sum(4 * math.prod(one.shape) for one in model.variables) + _SPARE_BYTES


def _fold_imagenet_scale(model: keras.Model, always: bool) -> None:
    """Puts the extra scaling of Keras's ImageNet EfficientNet into its Normalization layer.

    So the graph is the same for every kind of weights. A file of one's own needs it too if it was trained from Keras's
    ImageNet weights, which its variance shows.
    """
    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, count = normalization.get_weights()
    if always or np.allclose(variance, _IMAGENET_STD**2, rtol=1e-3):
        normalization.set_weights([mean, variance * _IMAGENET_STD.astype(variance.dtype), count])
        normalization.finalize_state()
