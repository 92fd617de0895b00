"""A PyTorch state dict -> a network that kbin builds: every tensor has one place, or the file is refused."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch

from kbin.models import efficientnet_lite, resnet18, shufflenet_v2, swin

_Transform = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Source:
    """How a PyTorch project names the tensors of a network.

    Attributes:
        names: Yields (Keras layer, torch module) for every layer that has weights.
        classifier: The module of the classifier: in the file, but not part of a backbone.
    """

    names: Callable[[], Iterator[tuple[str, str]]]
    classifier: str


_SOURCES = {
    "EfficientNetLite0": _Source(efficientnet_lite.torch_names, "_fc"),
    "ResNet18": _Source(resnet18.torch_names, "fc"),
    "ShuffleNetV2x0_5": _Source(shufflenet_v2.torch_names, "fc"),
    "ShuffleNetV2x1_0": _Source(shufflenet_v2.torch_names, "fc"),
    "SwinTiny": _Source(swin.torch_names, "head"),
}

# What torch counts or works out, and no layer needs.
_WORKED_OUT = ("num_batches_tracked", "relative_position_index")


def load_state_dict(model: keras.Model, backbone_name: str, state: Mapping[str, torch.Tensor]) -> None:
    """Copies a state dict into a backbone; nothing is copied unless all of it fits.

    Args:
        model: The backbone's model, as `build_backbone` makes it.
        backbone_name: A name of the catalogue.
        state: Tensors by torch's names.

    Raises:
        ValueError: A tensor is missing, left over or of another shape; the message names it.
    """
    source = _SOURCES[backbone_name]
    places = {
        f"{module}.{key}": (variable, transform)
        for layer_path, module in source.names()
        for key, variable, transform in _tensors(_layer_at(model, layer_path))
    }
    for name in state:
        if name not in places and not _is_beside(name, source.classifier):
            raise ValueError(f"{backbone_name} has no tensor {name}")
    values = {}
    for name, (variable, transform) in places.items():
        if name not in state:
            raise ValueError(f"tensor {name} is missing")
        # The shape first: a tensor that repeats one number a billion times is small until it is converted.
        shape = transform(np.broadcast_to(np.float32(0), tuple(state[name].shape))).shape
        if shape != tuple(variable.shape):
            raise ValueError(f"tensor {name} has the shape {tuple(state[name].shape)}, of another network")
        values[name] = transform(state[name].detach().float().numpy())
    for name, (variable, _) in places.items():
        variable.assign(values[name])


def _is_beside(name: str, classifier: str) -> bool:
    module, _, key = name.rpartition(".")
    return module == classifier or key in _WORKED_OUT


def _layer_at(model: keras.Model, path: str) -> Any:
    """Follows a path such as `swin.stages.0.norm`: a layer of the model, then attributes and list items."""
    name, *parts = path.split(".")
    found: Any = model.get_layer(name)
    for part in parts:
        found = found[int(part)] if part.isdigit() else getattr(found, part)
    return found


def _tensors(layer: keras.layers.Layer) -> Iterator[tuple[str, keras.Variable, _Transform]]:
    """Yields (torch's key, Keras variable, transform) for each tensor of one layer."""
    for key, attribute, transform in _TENSORS[type(layer).__name__]:
        variable = getattr(layer, attribute)
        if variable is not None:  # a layer without bias
            yield key, variable, transform


def _unchanged(tensor: np.ndarray) -> np.ndarray:
    return tensor


def _kernel(tensor: np.ndarray) -> np.ndarray:
    """Torch keeps (out, in, height, width), Keras (height, width, in, out)."""
    return tensor.transpose(2, 3, 1, 0)


def _depthwise_kernel(tensor: np.ndarray) -> np.ndarray:
    """Torch keeps (channels, 1, height, width), Keras (height, width, channels, 1)."""
    return tensor.transpose(2, 3, 0, 1)


# Torch's key, Keras's attribute and the transform between them, by kind of layer.
_TENSORS: dict[str, tuple[tuple[str, str, _Transform], ...]] = {
    "Conv2D": (("weight", "kernel", _kernel), ("bias", "bias", _unchanged)),
    "DepthwiseConv2D": (("weight", "kernel", _depthwise_kernel), ("bias", "bias", _unchanged)),
    "BatchNormalization": (
        ("weight", "gamma", _unchanged),
        ("bias", "beta", _unchanged),
        ("running_mean", "moving_mean", _unchanged),
        ("running_var", "moving_variance", _unchanged),
    ),
    "Dense": (("weight", "kernel", np.transpose), ("bias", "bias", _unchanged)),
    "LayerNormalization": (("weight", "gamma", _unchanged), ("bias", "beta", _unchanged)),
    # KerasHub's, whose linear layers have pairs of their own.
    "WindowAttention": (("relative_position_bias_table",) * 2 + (_unchanged,),),
}
