"""The parameters of an estimator -> the settings of a model and its training, as an experiment file has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.data.images import RESIZERS
from kbin.errors import ConfigError, EstimatorInputError, unknown_name

_HEAD = ("hidden_units", "dropout", "standardize")
_MODEL = ("backbone", "weights", "train_blocks")
_TRAINING = ("epochs", "learning_rate", "batch_size", "optimizer", "weight_decay", "class_weight", "early_stopping")
_RUNTIMES, _PRECISIONS = ("auto", "torch", "openvino"), ("float32", "bfloat16")


@dataclass(frozen=True)
class FittedSettings:
    """What a fitted estimator predicts with, whatever its parameters are set to later.

    Attributes:
        model: The model.
        image_size: Side in pixels.
        resize: How images come to it.
        runtime: Of the frozen part: "auto", "torch" or "openvino".
        precision: Of the frozen part.
        store: Whether features are stored.
    """

    model: ModelConfig
    image_size: int
    resize: str
    runtime: str
    precision: str
    store: bool


def fitted_settings(parameters: Mapping[str, Any]) -> FittedSettings:
    """Returns the settings of the model and its engine.

    Args:
        parameters: All of the estimator.

    Raises:
        EstimatorInputError: A value is not allowed.
    """
    given = _plain(parameters)
    model = {name: given[name] for name in _MODEL if given[name] is not None}
    config = _checked(ModelConfig, model | {"head": {name: given[name] for name in _HEAD}})
    size = given["image_size"]
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise EstimatorInputError(f"image_size is {size!r}; allowed: a side in pixels.")
    for name, known in (("resize", tuple(RESIZERS)), ("runtime", _RUNTIMES), ("precision", _PRECISIONS)):
        if given[name] not in known:
            raise EstimatorInputError(f"{name}: {unknown_name('value', str(given[name]), known)}")
    if not isinstance(given["store"], bool):
        raise EstimatorInputError(f"store is {given['store']!r}; allowed: True, False.")
    if isinstance(config.train_blocks, tuple):
        raise EstimatorInputError(f"train_blocks is {given['train_blocks']!r}: give one depth; a grid tries several.")
    one = config.expanded()[0]
    return FittedSettings(one, size, given["resize"], given["runtime"], given["precision"], given["store"])


def training_settings(parameters: Mapping[str, Any], classes: Sequence[Any]) -> TrainingConfig:
    """Returns the settings of the training; class weights by the classes' names.

    Args:
        parameters: All of the estimator.
        classes: The labels in order.

    Raises:
        EstimatorInputError: A value is not allowed.
    """
    given = {name: value for name, value in _plain(parameters).items() if name in _TRAINING}
    weights = given["class_weight"]
    if isinstance(weights, Mapping):
        unknown = [label for label in weights if label not in classes]
        if unknown:
            raise EstimatorInputError(
                f"class_weight has the label {unknown[0]!r}; y has {', '.join(map(str, classes))}."
            )
        given["class_weight"] = {str(label): weight for label, weight in weights.items()}
    return _checked(TrainingConfig, given)


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values as Python's own: a search draws NumPy's numbers."""
    return {name: _plain_value(value) for name, value in parameters.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, Mapping):
        return {_plain_value(label): _plain_value(one) for label, one in value.items()}
    return value


def _checked(section: Any, given: Mapping[str, Any]) -> Any:
    try:
        return section.model_validate(given)
    except ValidationError as error:
        raise EstimatorInputError("; ".join(map(_fault_text, error.errors(include_url=False)))) from None
    except ConfigError as error:
        raise EstimatorInputError(str(error)) from None


def _fault_text(fault: Mapping[str, Any]) -> str:
    name = next((str(part) for part in fault["loc"] if part != "head"), "parameters")
    if fault["type"] == "value_error":
        return f"{name}: {fault['ctx']['error']}"
    return f"{name} is {fault['input']!r}: {fault['msg']}"
