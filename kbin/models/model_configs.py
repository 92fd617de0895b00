"""What a saved model may be made of: Keras's own plain layers, which is looked at before Keras makes anything.

A configuration names classes and functions, and Keras makes what it names. Layers that hold code (`Lambda`), open other
files (vocabularies, exported graphs) or bring another library's objects are no part of an image classifier, and neither
is a class that somebody registered.
"""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import keras

from kbin.models.model_calls import check_calls

_MOST_LEVELS = 60

# Folders and modules of Keras whose layers compute and do nothing else.
_PLAIN_LAYERS = tuple(
    f"keras.src.layers.{name}."
    for name in (
        "activations",
        "attention",
        "convolutional",
        "core.dense",
        "core.einsum_dense",
        "core.embedding",
        "core.identity",
        "core.input_layer",
        "core.masking",
        "merging",
        "normalization",
        "pooling",
        "preprocessing.image_preprocessing",
        "preprocessing.normalization",
        "preprocessing.rescaling",
        "regularization",
        "reshaping",
    )
)
_OPERATIONS = ("keras.src.ops.nn", "keras.src.ops.numpy")
_MODELS = {
    ("keras", "Functional"),
    ("keras", "Sequential"),
    ("keras.models", "Sequential"),
    ("keras.src.models.functional", "Functional"),
    ("keras.src.models.sequential", "Sequential"),
}
_PARTS = ("initializers", "regularizers", "constraints")
_FUNCTIONS = ("activations", *_PARTS, "losses", "metrics")
# KerasHub registers its classes under these names; Swin-Tiny is one nested layer of plain values.
_KERAS_HUB = {
    (
        "keras_hub.src.models.swin_transformer.swin_transformer_backbone",
        "SwinTransformerBackbone",
        "keras_hub>SwinTransformerBackbone",
    )
}
_SWIN_TINY = {
    "patch_size": 4,
    "embed_dim": 96,
    "depths": [2, 2, 6, 2],
    "num_heads": [3, 6, 12, 24],
    "window_size": 7,
    "mlp_ratio": 4.0,
    "qkv_bias": True,
    "patch_norm": True,
}
_SWIN_SIDES = range(224, 4097, 224)
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__")
# A type such as "S4000000000" would make gigabytes of one number.
_DTYPES = ("bfloat16", "bool", *(f"{kind}{bits}" for kind in ("float", "int", "uint") for bits in (8, 16, 32, 64)))
_KEYS = {
    "module",
    "class_name",
    "config",
    "registered_name",
    "shared_object_id",
    "build_config",
    "compile_config",
    "name",
    "inbound_nodes",
}


def check_model_config(config: Any) -> None:
    """Raises a ValueError that names what a model's configuration holds besides plain layers of Keras.

    Args:
        config: The parsed `config.json` of a `.keras` file; its own `compile_config` is not looked at, since kbin does
            not compile what it opens.
    """
    if not isinstance(config, dict) or (config.get("module"), config.get("class_name")) not in _MODELS:
        raise ValueError("it is no Functional or Sequential model of Keras")
    for one in _objects(config | {"compile_config": None}):
        _check_object(one)
    check_calls(config)


def _objects(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields every object with a class name, wherever it lies."""
    there: list[Any] = [config]
    for _ in range(_MOST_LEVELS):
        inner: list[Any] = []
        for one in there:
            if isinstance(one, dict):
                if "class_name" in one or "module" in one or "registered_name" in one:
                    yield one
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return
        there = inner
    raise ValueError("its configuration is nested too deeply")


def _check_object(one: dict[str, Any]) -> None:
    name, module, registered = str(one.get("class_name")), one.get("module"), one.get("registered_name")
    texts = [one.get("class_name"), *(text for text in (module, registered) if text is not None)]
    if not all(isinstance(text, str) for text in texts) or any(key not in _KEYS for key in one):
        raise ValueError(f"{_short(one)} is no object that Keras writes")
    if one.get("compile_config"):
        raise ValueError(f"a part of it, '{name}', brings a loss and an optimizer of its own")
    if name in _VALUES:
        _check_value(name, one)
    elif name == "function":
        _check_function(one)
    elif (module, name, registered) in _KERAS_HUB:
        _check_swin(one.get("config"))
    else:
        if registered not in (None, name):
            raise ValueError(f"'{_short(registered)}' is a class that somebody registered, not one of Keras's layers")
        if not _is_plain(module, name):
            raise ValueError(f"'{_short(module)}.{_short(name)}' is not one of Keras's plain layers")


def _check_swin(config: Any) -> None:
    """Raises a ValueError for another Swin than Swin-Tiny: KerasHub makes a layer's windows when it makes the layer."""
    if not isinstance(config, dict) or any(config.get(name) != value for name, value in _SWIN_TINY.items()):
        raise ValueError("its SwinTransformerBackbone is not Swin-Tiny")
    shape = config.get("image_shape")
    if not isinstance(shape, list) or shape[2:] != [3] or any(one not in _SWIN_SIDES for one in shape[:2]):
        raise ValueError(f"its SwinTransformerBackbone takes images of the shape {_short(shape)}")


def _check_value(name: str, one: dict[str, Any]) -> None:
    config = one.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if name in ("__keras_tensor__", "__tensor__", "__numpy__") and dtype not in _DTYPES:
        raise ValueError(f"a value has the type '{_short(dtype)}'")


def _check_function(one: dict[str, Any]) -> None:
    name = one.get("config")
    known = isinstance(name, str) and any(
        inspect.isfunction(vars(getattr(keras, place)).get(name)) for place in _FUNCTIONS
    )
    places = ("builtins", *(f"keras.{place}" for place in _FUNCTIONS))
    if not known or one.get("module") not in places or one.get("registered_name") not in (None, "function", name):
        raise ValueError(f"the function '{_short(one.get('module'))}.{_short(name)}' is not one of Keras's activations")


def _is_plain(module: Any, name: str) -> bool:
    """Returns whether Keras would find a plain layer, operation, initializer or the like under these names."""
    if (module, name) in _MODELS or (module, name) == ("keras", "DTypePolicy"):
        return True
    if module == "keras.layers":
        found = vars(keras.layers).get(name)
        return _is_kind(found, keras.layers.Layer) and f"{found.__module__}.".startswith(_PLAIN_LAYERS)
    if module in _OPERATIONS:
        found = vars(importlib.import_module(module)).get(name)
        return _is_kind(found, keras.Operation) and found.__module__ == module
    for place, base in zip(_PARTS, ("Initializer", "Regularizer", "Constraint"), strict=True):
        if module == f"keras.{place}":
            public = getattr(keras, place)
            return _is_kind(vars(public).get(name), getattr(public, base))
    return False


def _is_kind(found: Any, base: type) -> bool:
    return inspect.isclass(found) and issubclass(found, base)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
