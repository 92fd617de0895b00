"""The section `training`, and what single models and stages do differently from it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from kbin.config.fields import (
    CountFromZero,
    NumberFromZero,
    PositiveCount,
    PositiveNumber,
    Section,
    Seed,
    as_list,
    one_of,
)
from kbin.options import LOSSES, OPTIMIZERS, SAMPLINGS, SCHEDULES

Optimizer = Annotated[str, one_of("optimizer", OPTIMIZERS)]
Schedule = Annotated[str, one_of("schedule", SCHEDULES)]
Loss = Annotated[str, one_of("loss", LOSSES)]
Sampling = Annotated[str, one_of("sampling", SAMPLINGS)]
ClassWeight = Literal["balanced"] | dict[str, PositiveNumber]
Precision = Literal["float32", "bfloat16"]


class EarlyStoppingConfig(Section):
    """Stop when `monitor` on the validation set has not improved for `patience` epochs; the best epoch is kept."""

    patience: PositiveCount = 3
    monitor: Annotated[
        str, one_of("metric to monitor", ("loss", "accuracy", "precision", "recall", "f1", "roc_auc"))
    ] = "loss"


def _patience_alone(value: Any) -> Any:
    return {"patience": value} if isinstance(value, int) and not isinstance(value, bool) else value


EarlyStopping = Annotated[
    EarlyStoppingConfig | None,
    BeforeValidator(_patience_alone, json_schema_input_type=PositiveCount | EarlyStoppingConfig | None),
]


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is given twice")
    return seeds


class OwnTrainingConfig(Section):
    """What one model, or one stage of it, does differently from the section `training`.

    `null` switches early stopping or class weights off, and gives rates back to their defaults; elsewhere it changes
    nothing.
    """

    optimizer: Optimizer | None = None
    learning_rate: PositiveNumber | None = None
    backbone_learning_rate: PositiveNumber | None = None
    weight_decay: NumberFromZero | None = None
    batch_size: PositiveCount | None = None
    epochs: PositiveCount | None = None
    schedule: Schedule | None = None
    warmup_epochs: CountFromZero | None = None
    loss: Loss | None = None
    focal_gamma: NumberFromZero | None = None
    class_weight: ClassWeight | None = None
    sampling: Sampling | None = None
    early_stopping: EarlyStopping = None
    precision: Precision | None = None

    @model_serializer(mode="wrap")
    def _what_was_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what was not given: read again, a null would switch something off."""
        return {name: value for name, value in serialize(self).items() if name in self.model_fields_set}


CAN_BE_NULL = ("learning_rate", "backbone_learning_rate", "class_weight", "early_stopping")


class TrainingConfig(Section):
    """How the head, and the blocks that are not frozen, are trained.

    `learning_rate: null` stands for 1e-3 on a fixed backbone and 1e-4 where blocks train; `backbone_learning_rate` is
    that of the trained blocks where it is not the head's. The schedule begins after `warmup_epochs` in which the rate
    rises linearly. `sampling` draws as many images of every class in each epoch: `oversample` as of the largest,
    `undersample` as of the smallest. `precision: bfloat16` is that of the arithmetic of training steps; weights stay
    float32.
    """

    optimizer: Optimizer = "adamw"
    learning_rate: PositiveNumber | None = None
    backbone_learning_rate: PositiveNumber | None = None
    weight_decay: NumberFromZero = 0.004
    batch_size: PositiveCount = 32
    epochs: PositiveCount = 10
    schedule: Schedule = "constant"
    warmup_epochs: CountFromZero = 0
    loss: Loss = "cross_entropy"
    focal_gamma: NumberFromZero = 2.0
    class_weight: ClassWeight | None = None
    sampling: Sampling = "none"
    seeds: Annotated[
        tuple[Seed, ...],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=Seed | tuple[Seed, ...]),
        AfterValidator(_distinct),
    ] = (0, 1, 2)
    early_stopping: EarlyStopping = None
    precision: Precision = "float32"

    def changed_by(self, own: OwnTrainingConfig) -> "TrainingConfig":
        """Returns the settings in force where `own` differs from these."""
        given = {name: getattr(own, name) for name in OwnTrainingConfig.model_fields if name in own.model_fields_set}
        return self.model_copy(
            update={name: value for name, value in given.items() if value is not None or name in CAN_BE_NULL}
        )

    def rate(self, trains_backbone: bool) -> float:
        """Returns the learning rate in force."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-4 if trains_backbone else 1e-3
