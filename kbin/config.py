"""The experiment file's contents as frozen, typed settings; `experiment_file` reads them from YAML."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kbin.catalogue import AUGMENTATIONS, LOSSES, NONE, OPTIMIZERS, SCHEDULES, Backbone, find_backbone
from kbin.errors import ConfigError, unknown_name

RESERVED_SETS = ("train", "validation", "test")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Count = Annotated[int, Field(strict=True, ge=0)]
PositiveCount = Annotated[int, Field(strict=True, ge=1)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NumberFromZero = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, lt=1)]
Probability = Annotated[float, Field(strict=True, gt=0, lt=1)]
Flag = Annotated[bool, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # numpy's generators take no more


def _one_of(kind: str, known: tuple[str, ...]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(unknown_name(kind, name, known))
        return name

    return AfterValidator(check)


def _folder_name(name: str) -> str:
    if not _FOLDER_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} becomes a folder's name: use at most 100 letters, digits, '.', '_' and '-', "
            "starting with a letter or digit"
        )
    return name


def _from_experiment_file(path: Path, info: ValidationInfo) -> Path:
    """Makes a path of the experiment file absolute: it is relative to the file."""
    folder = (info.context or {}).get("folder")
    try:
        return path.expanduser() if folder is None else (Path(folder) / path.expanduser()).resolve()
    except (RuntimeError, OSError) as error:  # ~nobody, a link to itself
        raise ValueError(f"'{path}' is not a path: {error}") from None


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


FolderName = Annotated[str, AfterValidator(_folder_name)]
DataPath = Annotated[Path, AfterValidator(_from_experiment_file)]
Where = dict[str, Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...])]]
SourceName = Literal["folder", "csv", "npz", "elpv", "cifar10"]


class Section(BaseModel):
    """A part of the experiment file: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class SplitConfig(Section):
    """How the sets that the source lacks are made; shares are of the images that are split."""

    test: Share | None = 0.25
    validation: Share | None = 0.15
    seed: Seed = 0
    group: str | None = None


class SourceConfig(Section):
    """Where images and labels come from.

    `path` is a folder, a CSV file, an npz file, or CIFAR-10's binary archive; `groups` is a CSV with the columns
    file and group; `columns` names the CSV's own headings (`{path: file, label: diagnosis}`).
    """

    path: DataPath | None = None
    columns: dict[str, str] = {}
    groups: DataPath | None = None
    where: Where = {}
    probability_threshold: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.5

    def _check_path(self, source: SourceName | None) -> None:
        if source in ("folder", "csv", "npz") and self.path is None:
            raise ValueError(f"source '{source}' needs a `path`")
        if source == "elpv" and self.path is not None:
            raise ValueError("source 'elpv' comes from the package elpv-dataset and takes no `path`")
        if self.columns and source != "csv":
            raise ValueError("`columns` belongs to source 'csv'")


class TestSetConfig(SourceConfig):
    """One more named test set: a part of another set (`of`, `where`), or data of its own (`source`)."""

    of: str | None = None
    source: SourceName | None = None
    use: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.of is None) == (self.source is None):
            raise ValueError("give either `of` (a part of another set) or `source` (data of its own)")
        if self.of is not None and (not self.where or self.path or self.groups or self.use):
            raise ValueError(f"a part of '{self.of}' is chosen by `where: {{column: value}}` alone")
        self._check_path(self.source)
        return self


class DataConfig(SourceConfig):
    """The images: source, classes, size, splits, and further test sets.

    `limit` is the largest number of images to use of each set (`--quick` sets it). `overlap: drop` takes training
    images that are also in another set out of the training set; `refuse` stops.
    """

    source: SourceName
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    positive: Annotated[str | None, Field(validate_default=True)] = None
    image_size: Annotated[int, Field(strict=True, ge=32, le=2048)] = 224
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    split: SplitConfig = SplitConfig()
    test_sets: dict[FolderName, TestSetConfig] = {}
    overlap: Literal["refuse", "drop"] = "refuse"
    limit: Annotated[int, Field(strict=True, ge=4)] | None = None

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if classes is not None and len(set(classes)) < len(classes):
            raise ValueError(f"a class is named twice: {', '.join(classes)}")
        return classes

    @field_validator("positive")
    @classmethod
    def _fits_classes(cls, positive: str | None, info: ValidationInfo) -> str | None:
        classes = info.data.get("classes")
        if classes is None:
            return positive
        if len(classes) > 2 and positive is not None:
            raise ValueError(f"`positive` belongs to two classes; here are {len(classes)}: leave it out")
        if len(classes) == 2 and positive is None:
            raise ValueError(f"`positive` is missing: which of {classes[0]}, {classes[1]} is the positive class?")
        if len(classes) == 2 and positive not in classes:
            raise ValueError(unknown_name("class", str(positive), classes))
        return positive

    @field_validator("test_sets")
    @classmethod
    def _new_names(cls, test_sets: dict[str, TestSetConfig]) -> dict[str, TestSetConfig]:
        for name in RESERVED_SETS:
            if name in test_sets:
                raise ValueError(f"'{name}' is a set that every experiment has: give the new set another name")
        return test_sets

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_path(self.source)
        return self


class HeadConfig(Section):
    """What is put on the backbone.

    Hidden layers, dropout, features standardised on the training set, and the output: `sigmoid` (two classes) or
    `softmax`; by default whichever fits the number of classes.
    """

    hidden_units: tuple[PositiveCount, ...] = ()
    dropout: Share = 0.0
    standardize: Flag = False
    output: Literal["sigmoid", "softmax"] | None = None


def _depths(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("an empty list of depths: give at least one")
    for depth in _as_list(value):
        if depth != "all" and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
            raise ValueError(f"got {depth!r}; allowed: a number of blocks from 0, 'all', or a list of these")
    return tuple(value) if isinstance(value, list | tuple) else value


Depth = Annotated[int, Field(ge=0)] | Literal["all"]


class ModelTrainingConfig(Section):
    """What one model does differently from the section `training`: blocks want another rate and length than a head."""

    optimizer: Annotated[str, _one_of("optimizer", OPTIMIZERS)] | None = None
    learning_rate: PositiveNumber | None = None
    weight_decay: NumberFromZero | None = None
    batch_size: PositiveCount | None = None
    epochs: PositiveCount | None = None
    schedule: Annotated[str, _one_of("schedule", SCHEDULES)] | None = None


class ModelConfig(Section):
    """One model: a backbone, its weights, how much of it is trained, and its head."""

    backbone: str
    id: FolderName | None = None
    weights: Annotated[str, Field(validate_default=True)] = ""
    train_blocks: Annotated[
        int | str | tuple[int | str, ...],
        BeforeValidator(_depths, json_schema_input_type=Depth | tuple[Depth, ...]),
    ] = 0
    train_from: str | None = None
    head: HeadConfig = HeadConfig()
    training: ModelTrainingConfig = ModelTrainingConfig()

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, name: str) -> str:
        try:
            return find_backbone(name).name
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @field_validator("weights")
    @classmethod
    def _to_be_had(cls, weights: str, info: ValidationInfo) -> str:
        name = info.data.get("backbone")
        return weights if name is None else _resolved_weights(weights, find_backbone(name), info)

    @field_validator("train_blocks", "train_from")
    @classmethod
    def _known_block(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None or "backbone" not in info.data:
            return value
        backbone = find_backbone(info.data["backbone"])
        try:
            if info.field_name == "train_from":
                backbone.first_trainable_unit(0, value)
            else:
                for depth in _as_list(value):
                    backbone.first_trainable_unit(depth)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _one_depth(self) -> Self:
        if self.train_from is not None and self.train_blocks != 0:
            raise ValueError("give `train_blocks` or `train_from`, not both")
        return self

    def expanded(self) -> tuple["ModelConfig", ...]:
        """Returns one model a depth, each with an id."""
        several = isinstance(self.train_blocks, list | tuple)
        models = []
        for depth in _as_list(self.train_blocks):
            name = f"{self.id or self.backbone}-{_depth_name(depth, self.train_from)}"
            if self.id and not several:
                name = self.id
            models.append(self.model_copy(update={"train_blocks": depth, "id": name}))
        return tuple(models)

    @property
    def depth(self) -> int | str:
        """How many blocks are trained, once several depths have been spread over several models."""
        if isinstance(self.train_blocks, tuple):
            raise TypeError("this model stands for several: use `expanded`")
        return self.train_blocks

    @property
    def trains_backbone(self) -> bool:
        """Whether any block of the backbone is trained."""
        return self.train_from is not None or self.train_blocks != 0


def _depth_name(depth: int | str, train_from: str | None) -> str:
    if train_from is not None:
        return f"from-{train_from}"
    return {0: "fixed", 1: "1-block", "all": "all"}.get(depth, f"{depth}-blocks")


def _resolved_weights(weights: str, backbone: Backbone, info: ValidationInfo) -> str:
    if not weights:
        return backbone.weights[0]
    if weights in backbone.weights:
        return weights
    path = _from_experiment_file(Path(weights), info)
    if weights in ("packaged", "imagenet", NONE) or not path.suffix:
        allowed = ", ".join((*backbone.weights, f"a file ({', '.join(backbone.weights_suffixes)})"))
        raise ValueError(f"`weights: {weights}` is not to be had for {backbone.name}; allowed: {allowed}")
    if not path.name.endswith(backbone.weights_suffixes):
        raise ValueError(
            f"{backbone.name} reads weights from {', '.join(backbone.weights_suffixes)} files, not from '{path.name}'"
        )
    if not os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long
        raise ValueError(f"no weights file at {path}")
    return str(path)


class EarlyStoppingConfig(Section):
    """Stop when `monitor` on the validation set has not improved for `patience` epochs; the best epoch is kept."""

    patience: PositiveCount = 3
    monitor: Annotated[
        str, _one_of("metric to monitor", ("loss", "accuracy", "precision", "recall", "f1", "roc_auc"))
    ] = "loss"


def _patience_alone(value: Any) -> Any:
    return {"patience": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is given twice")
    return seeds


class TrainingConfig(Section):
    """How the head, and the blocks that are not frozen, are trained.

    `learning_rate: null` stands for 1e-3 on a fixed backbone and 1e-4 where blocks train.
    """

    optimizer: Annotated[str, _one_of("optimizer", OPTIMIZERS)] = "adamw"
    learning_rate: PositiveNumber | None = None
    weight_decay: NumberFromZero = 0.004
    batch_size: PositiveCount = 32
    epochs: PositiveCount = 10
    loss: Annotated[str, _one_of("loss", LOSSES)] = "cross_entropy"
    class_weight: Literal["balanced"] | dict[str, PositiveNumber] | None = None
    seeds: Annotated[
        tuple[Seed, ...],
        Field(min_length=1),
        BeforeValidator(_as_list, json_schema_input_type=Seed | tuple[Seed, ...]),
        AfterValidator(_seeds),
    ] = (0, 1, 2)
    early_stopping: Annotated[
        EarlyStoppingConfig | None,
        BeforeValidator(_patience_alone, json_schema_input_type=PositiveCount | EarlyStoppingConfig | None),
    ] = None
    schedule: Annotated[str, _one_of("schedule", SCHEDULES)] = "constant"

    def for_model(self, model: ModelConfig) -> "TrainingConfig":
        """Returns the settings in force for `model`."""
        own = {name: value for name, value in model.training if value is not None}
        return self.model_copy(update=own)

    def learning_rate_for(self, model: ModelConfig) -> float:
        """Returns the learning rate in force for `model`."""
        rate = self.for_model(model).learning_rate
        if rate is not None:
            return rate
        return 1e-4 if model.trains_backbone else 1e-3


class AugmentationConfig(BaseModel):
    """One layer of `keras.layers` that augments training images; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    layer: Annotated[str, _one_of("augmentation layer", AUGMENTATIONS)]


class EngineConfig(Section):
    """How the frozen part is run: `store: true` computes it once, `false` trains the uncut model.

    `runtime: auto` is OpenVINO on a CPU where it is installed (extra `fast`), else torch. `precision` is that of the
    frozen part's arithmetic. With augmentation the frozen part sees `views` augmented views of every training image;
    `views: 0` draws new ones in every epoch and trains the uncut model.
    """

    runtime: Literal["auto", "torch", "openvino"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    store: Flag = True
    views: Annotated[int, Field(strict=True, ge=0, le=1000)] = 8


def _threshold_alone(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class ThresholdConfig(Section):
    """The operating point: a fixed probability, or chosen on the validation set by a criterion."""

    fixed: Probability | None = None
    choose_on: Literal["validation"] = "validation"
    criterion: Annotated[str, _one_of("criterion", ("youden", "f1", "accuracy"))] = "youden"


class EvaluationConfig(Section):
    """How predictions are judged."""

    threshold: Annotated[
        ThresholdConfig,
        BeforeValidator(_threshold_alone, json_schema_input_type=Probability | ThresholdConfig),
    ] = ThresholdConfig()


class ExperimentConfig(Section):
    """One experiment: every setting resolved."""

    name: FolderName
    data: DataConfig
    models: Annotated[tuple[ModelConfig, ...], Field(min_length=1)]
    training: TrainingConfig = TrainingConfig()
    augment: tuple[AugmentationConfig, ...] = ()
    engine: EngineConfig = EngineConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @field_validator("models")
    @classmethod
    def _one_model_a_depth(cls, models: tuple[ModelConfig, ...]) -> tuple[ModelConfig, ...]:
        spread = tuple(one for model in models for one in model.expanded())
        ids = [model.id for model in spread]
        twice = sorted({name for name in ids if name is not None and ids.count(name) > 1})
        if twice:
            raise ValueError(f"two models have the id {', '.join(twice)}: give each an `id` of its own")
        return spread

    def quick(self) -> Self:
        """Returns the same experiment as a minute's trial: few images, two epochs, one seed."""
        training = self.training.model_copy(
            update={"epochs": min(2, self.training.epochs), "seeds": self.training.seeds[:1]}
        )
        models = tuple(
            model.model_copy(update={"training": model.training.model_copy(update={"epochs": None})})
            for model in self.models
        )
        data = self.data.model_copy(update={"limit": min(64, self.data.limit or 64)})
        return self.model_copy(
            update={"name": f"{self.name}-quick", "training": training, "models": models, "data": data}
        )
