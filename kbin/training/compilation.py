"""Loss, optimizer and learning rate of a classifier, from the settings."""

from typing import Any

import keras
import torch

from kbin.config.training import TrainingConfig
from kbin.models.blocks import HEAD, backbone_of
from kbin.training.two_rates import TwoRateAdam, TwoRateAdamW, TwoRateSGD

_NORMALIZATION = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


def compile_classifier(model: keras.Model, settings: TrainingConfig, steps_per_epoch: int) -> None:
    """Compiles a model, or the tail of one, for targets in the shape of its output.

    Args:
        model: A classifier with a sigmoid or softmax output.
        settings: The settings in force, learning rate included.
        steps_per_epoch: Batches of an epoch, for the schedule.
    """
    loss = _loss(model, settings)
    if settings.precision != "float32":
        loss = InFloat32(loss)
    model.compile(optimizer=_optimizer(model, settings, steps_per_epoch), loss=loss, metrics=[class_accuracy])


class InFloat32(keras.losses.Loss):
    """A loss that torch's autocast leaves alone: on a GPU it refuses binary cross-entropy of probabilities.

    Args:
        loss: The loss.
    """

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(name=loss.name)
        self._loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Computes the loss outside autocast, from outputs made float32."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        with torch.autocast(device, enabled=False):
            return self._loss(y_true, keras.ops.cast(y_pred, "float32"), sample_weight)


def class_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Returns whether the most probable class is the one with the largest share; Keras's rounds outputs only.

    Args:
        y_true: shape (n, num_outputs), shares of classes, mixed ones too.
        y_pred: shape (n, num_outputs), probabilities.
    """
    if y_pred.shape[-1] == 1:
        same = keras.ops.equal(keras.ops.reshape(y_true, (-1,)) >= 0.5, keras.ops.reshape(y_pred, (-1,)) >= 0.5)
        return keras.ops.cast(same, keras.config.floatx())
    same = keras.ops.equal(keras.ops.argmax(y_true, axis=-1), keras.ops.argmax(y_pred, axis=-1))
    return keras.ops.cast(same, keras.config.floatx())


def _loss(model: keras.Model, settings: TrainingConfig) -> keras.losses.Loss:
    """Every loss takes shares of classes, so that mixed images have one too."""
    is_binary = model.output.shape[-1] == 1
    if settings.loss == "squared_error":
        return keras.losses.MeanSquaredError()
    if settings.loss == "focal":
        gamma = settings.focal_gamma
        # Lin et al. 2017 (arXiv 1708.02002), equation 4; the balance of classes is `class_weight`'s business.
        return (
            keras.losses.BinaryFocalCrossentropy(gamma=gamma)
            if is_binary
            else keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma)
        )
    return keras.losses.BinaryCrossentropy() if is_binary else keras.losses.CategoricalCrossentropy()


def _optimizer(model: keras.Model, settings: TrainingConfig, steps_per_epoch: int) -> keras.Optimizer:
    head_rate = settings.rate(trains_backbone=True)
    rate = learning_rate_schedule(head_rate, settings, steps_per_epoch)
    decay = settings.weight_decay or None
    optimizer: Any
    if settings.backbone_learning_rate is None:
        optimizer = {
            "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=decay),
            "adam": lambda: keras.optimizers.Adam(rate),
            "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay),
        }[settings.optimizer]()
    else:
        optimizer = {
            "adamw": lambda: TwoRateAdamW(rate, weight_decay=decay),
            "adam": lambda: TwoRateAdam(rate),
            "sgd": lambda: TwoRateSGD(rate, momentum=0.9, weight_decay=decay),
        }[settings.optimizer]()
        optimizer.set_slow_variables(_backbone_weights(model), settings.backbone_learning_rate / head_rate)
    normalization = [
        weight for layer in _layers(model) if isinstance(layer, _NORMALIZATION) for weight in layer.weights
    ]
    if optimizer.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_list=normalization)
    return optimizer


def learning_rate_schedule(rate: float, settings: TrainingConfig, steps_per_epoch: int) -> Any:
    """Returns a rate or a schedule: a linear rise over the warm-up, then constant or half a cosine down to 0.

    Args:
        rate: The largest learning rate; the schedule is linear in it.
        settings: Schedule, warm-up and epochs.
        steps_per_epoch: Batches of an epoch.
    """
    warmup = settings.warmup_epochs * steps_per_epoch
    first = rate / max(1, warmup)  # a step at rate 0 would be a step lost
    if settings.schedule == "cosine":
        decay = max(1, settings.epochs * steps_per_epoch - warmup)
        if not warmup:
            return keras.optimizers.schedules.CosineDecay(rate, decay)
        return keras.optimizers.schedules.CosineDecay(first, decay, warmup_target=rate, warmup_steps=warmup)
    if not warmup:
        return rate
    return keras.optimizers.schedules.PolynomialDecay(first, warmup, end_learning_rate=rate, power=1.0)


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return list(model._flatten_layers(include_self=False))


def _backbone_weights(model: keras.Model) -> list[keras.Variable]:
    backbone_of(model)  # only models of kbin have a head that is known by its layers' names
    return [
        weight for layer in model.layers if not layer.name.startswith(f"{HEAD}_") for weight in layer.trainable_weights
    ]
