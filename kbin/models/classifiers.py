"""Backbone + head = a plain `keras.Model` of stock layers, frozen by block."""

from collections.abc import Sequence

import keras
from keras import layers

from kbin.catalogue import find_backbone
from kbin.errors import ConfigError
from kbin.models.builders import build_backbone
from kbin.models.freezing import freeze_below

_HEAD = "head_"
POOL, STANDARDIZE = f"{_HEAD}pool", f"{_HEAD}standardize"


def build_classifier(  # noqa: PLR0913 - the one public builder; every argument has a default and a name
    backbone: str,
    *,
    weights: str = "",
    train_blocks: int | str = 0,
    train_from: str | None = None,
    hidden_units: Sequence[int] = (),
    dropout: float = 0.0,
    standardize: bool = False,
    num_classes: int = 2,
    output: str | None = None,
    image_size: int = 224,
) -> keras.Model:
    """Builds a classifier on a pretrained backbone.

    The model takes raw RGB 0-255, shape (batch, image_size, image_size, 3), and returns probabilities: shape (batch, 1)
    for a sigmoid output, (batch, num_classes) for softmax. It is made of stock layers, so `keras.saving.load_model`
    opens its file anywhere. (SwinTiny is the exception: its layers are KerasHub's, which must be installed to open its
    file, and the file does not keep what is frozen.) Frozen blocks stay in inference mode through anybody's `fit`.

    Args:
        backbone: A name of the catalogue (`kbin backbones`).
        weights: "packaged", "imagenet", "none" or a file's path; by default what the backbone has.
        train_blocks: How many of the top blocks are trained: 0 (none) to all, or "all".
        train_from: A block or finer cut point from which on the backbone is trained; in place of `train_blocks`.
        hidden_units: Sizes of the head's hidden layers (ReLU).
        dropout: Rate of the dropout after each hidden layer, or before the output where there is none.
        standardize: Put a Normalization layer under the head; adapt it to the training features before `fit`.
        num_classes: Two or more.
        output: "sigmoid" (two classes) or "softmax"; by default sigmoid for two classes, softmax for more.
        image_size: Side of the images in pixels.

    Returns:
        The model, not compiled, named after its backbone.

    Raises:
        ConfigError: A name or number is not allowed.
        MissingExtraError: The backbone's layers, or its packaged weights, are not installed.
        WeightsError: The weights cannot be had, or belong to another network.
    """
    first_trainable = find_backbone(backbone).first_trainable_unit(train_blocks, train_from)
    output = _output_kind(output, num_classes)
    body = build_backbone(backbone, weights, image_size)
    x = layers.GlobalAveragePooling2D(name=POOL)(body.output)
    x = head_layers(
        x,
        hidden_units=hidden_units,
        dropout=dropout,
        standardize=standardize,
        num_classes=num_classes,
        output=output,
    )
    model = keras.Model(body.input, x, name=backbone)
    freeze_below(model, first_trainable)
    return model


def build_head(
    num_features: int,
    *,
    seed: int,
    hidden_units: Sequence[int] = (),
    dropout: float = 0.0,
    standardize: bool = False,
    num_classes: int = 2,
    output: str | None = None,
) -> keras.Model:
    """Builds a head alone, on features; its initial weights are those that Keras draws from `seed`.

    Args:
        num_features: Of each sample.
        seed: Given to `keras.utils.set_random_seed`, which changes the global generators.
        hidden_units: As in `build_classifier`, like the arguments that follow.
        dropout: Rate.
        standardize: Put a Normalization layer first.
        num_classes: Two or more.
        output: "sigmoid" or "softmax".

    Returns:
        The model, not compiled: shape (batch, num_features) to (batch, 1) or (batch, num_classes).
    """
    output = _output_kind(output, num_classes)
    keras.utils.set_random_seed(seed)
    features = keras.Input((num_features,))
    outputs = head_layers(
        features,
        hidden_units=hidden_units,
        dropout=dropout,
        standardize=standardize,
        num_classes=num_classes,
        output=output,
    )
    return keras.Model(features, outputs, name="head")


def head_layers(
    features: keras.KerasTensor,
    *,
    hidden_units: Sequence[int],
    dropout: float,
    standardize: bool,
    num_classes: int,
    output: str,
) -> keras.KerasTensor:
    """Puts a head's layers on features and returns the probabilities.

    Args:
        features: shape (batch, num_features).
        hidden_units: As in `build_classifier`, like the arguments that follow.
        dropout: Rate.
        standardize: Put a Normalization layer first.
        num_classes: Two or more.
        output: "sigmoid" or "softmax".
    """
    x = features
    if standardize:
        x = layers.Normalization(name=STANDARDIZE)(x)
    for number, units in enumerate(hidden_units, start=1):
        x = layers.Dense(units, activation="relu", name=f"head_dense_{number}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"head_dropout_{number}")(x)
    if dropout and not hidden_units:
        x = layers.Dropout(dropout, name="head_dropout")(x)
    num_outputs = 1 if output == "sigmoid" else num_classes
    return layers.Dense(num_outputs, activation=output, name="head_output")(x)


def first_head_layer(network: keras.Model) -> str:
    """Returns the name of the first layer above the pooling, which a classifier and its tail both have."""
    return next(layer.name for layer in network.layers if layer.name.startswith(_HEAD) and layer.name != POOL)


def _output_kind(output: str | None, num_classes: int) -> str:
    if num_classes < 2:
        raise ConfigError(f"num_classes is {num_classes}; a classifier needs at least 2.")
    output = output or ("sigmoid" if num_classes == 2 else "softmax")
    if output not in ("sigmoid", "softmax"):
        raise ConfigError(f"output is '{output}'; allowed: sigmoid (two classes), softmax.")
    if output == "sigmoid" and num_classes > 2:
        raise ConfigError(f"a sigmoid output tells two classes apart, but num_classes is {num_classes}: use softmax.")
    return output
