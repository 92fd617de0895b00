"""Weights files -> a built backbone. Untrusted files are data: no pickle, and a file of another network is refused."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError

import keras
import numpy as np
import torch

from kbin.catalogue import Backbone
from kbin.errors import WeightsError
from kbin.models.efficientnet_lite import torch_names

_TORCH_CLASSIFIER = "_fc"  # in the file, but not part of a backbone

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
            if path.name.endswith((".pth", ".pt")):
                _load_state_dict(model, torch.load(path, map_location="cpu", weights_only=True))
            else:
                model.load_weights(path)
    except (
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        RuntimeError,
        UnpicklingError,
        OSError,
        EOFError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"{path} cannot be loaded into {backbone.name}: it is damaged, or holds the weights of another network "
            f"({reason[:200]})."
        ) from None
    if backbone.name == "EfficientNetB0":
        _fold_imagenet_scale(model, always=is_imagenet)


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


def _load_state_dict(model: keras.Model, state: Mapping[str, torch.Tensor]) -> None:
    """Copies a PyTorch state dict into EfficientNet-Lite0.

    EfficientNet-B0's has every tensor of Lite0's, in the same shapes, so what is left over counts too.
    """
    known = {module for _, module in torch_names()} | {_TORCH_CLASSIFIER}
    unknown = [name for name in state if name.rpartition(".")[0] not in known]
    if unknown:
        raise ValueError(f"EfficientNet-Lite0 has no tensor {unknown[0]}")
    for layer_name, module in torch_names():
        layer = model.get_layer(layer_name)
        layer.set_weights([transform(state[f"{module}.{key}"].numpy()) for key, transform in _TENSORS[type(layer)]])


def _unchanged(tensor: np.ndarray) -> np.ndarray:
    return tensor


_TENSORS: dict[type, tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...]] = {
    # torch keeps (out, in, height, width), Keras (height, width, in, out); depthwise: (height, width, channels, 1)
    keras.layers.Conv2D: (("weight", lambda tensor: tensor.transpose(2, 3, 1, 0)),),
    keras.layers.DepthwiseConv2D: (("weight", lambda tensor: tensor.transpose(2, 3, 0, 1)),),
    keras.layers.BatchNormalization: (
        ("weight", _unchanged),
        ("bias", _unchanged),
        ("running_mean", _unchanged),
        ("running_var", _unchanged),
    ),
}
