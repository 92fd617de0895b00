"""The section `models`: backbones with their weights, depths, stages and heads."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from kbin.catalogue import BACKBONES, NONE, Backbone, find_backbone
from kbin.config.fields import Flag, FolderName, PositiveCount, Section, Share, as_list, from_experiment_file
from kbin.config.training import OwnTrainingConfig, TrainingConfig
from kbin.errors import ConfigError


class HeadConfig(Section):
    """What is put on the backbone.

    Hidden layers, dropout, features standardised on the training set, and the output: `sigmoid` (two classes) or
    `softmax`; by default whichever fits the number of classes.
    """

    hidden_units: tuple[PositiveCount, ...] = ()
    dropout: Share = 0.0
    standardize: Flag = False
    output: Literal["sigmoid", "softmax"] | None = None


def _checked_depth(value: Any) -> Any:
    if value != "all" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"got {value!r}; allowed: a number of blocks from 0, 'all', or a list of these")
    return value


def _depths(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("an empty list of depths: give at least one")
    depths = [_checked_depth(depth) for depth in as_list(value)]
    if len(set(depths)) < len(depths):
        raise ValueError(f"a depth is given twice: {', '.join(map(str, depths))}")
    return tuple(value) if isinstance(value, list | tuple) else value


_OneDepth = Annotated[int, Field(ge=0)] | Literal["all"]
Depth = Annotated[int | str, BeforeValidator(_checked_depth, json_schema_input_type=_OneDepth)]
Depths = Annotated[
    int | str | tuple[int | str, ...],
    BeforeValidator(_depths, json_schema_input_type=_OneDepth | tuple[_OneDepth, ...]),
]


class StageConfig(OwnTrainingConfig):
    """One stage of gradual unfreezing: what is trained in it, and how."""

    train_blocks: Depth = 0
    train_from: str | None = None

    @model_validator(mode="after")
    def _one_depth(self) -> Self:
        if self.train_from is not None and self.train_blocks != 0:
            raise ValueError("give `train_blocks` or `train_from`, not both")
        return self

    @property
    def trains_backbone(self) -> bool:
        """Whether any block of the backbone is trained."""
        return self.train_from is not None or self.train_blocks != 0

    @property
    def trained_part(self) -> int | str:
        """What is trained, as it was written: a number of blocks, "all", or a cut point."""
        return self.train_from or self.train_blocks


class ModelConfig(Section):
    """One model: a backbone, its weights, how much of it is trained, and its head.

    `stages` train it in several steps, each with a depth and settings of its own, in place of `train_blocks`.
    `search: false` trains it as it is written, beside models whose settings the section `search` chooses.
    """

    backbone: str
    id: FolderName | None = None
    weights: Annotated[str, Field(validate_default=True)] = ""
    train_blocks: Depths = 0
    train_from: str | None = None
    stages: tuple[StageConfig, ...] = ()
    head: HeadConfig = HeadConfig()
    training: OwnTrainingConfig = OwnTrainingConfig()
    search: Flag = True

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

    @field_validator("train_blocks", "train_from", "stages")
    @classmethod
    def _known_blocks(cls, value: Any, info: ValidationInfo) -> Any:
        if "backbone" not in info.data:
            return value
        backbone = find_backbone(info.data["backbone"])
        try:
            if info.field_name == "train_from":
                backbone.first_trainable_unit(0, value)
            for one in as_list(value) if info.field_name != "train_from" else ():
                if isinstance(one, StageConfig):
                    backbone.first_trainable_unit(one.train_blocks, one.train_from)
                else:
                    backbone.first_trainable_unit(one)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="before")
    @classmethod
    def _whole_where_nothing_is_pretrained(cls, settings: Any) -> Any:
        """A backbone without pretrained weights is trained whole unless something else is asked for."""
        if not isinstance(settings, dict) or "train_blocks" in settings or settings.get("stages"):
            return settings
        if settings.get("train_from") is not None:
            return settings
        is_pretrained = all(row.weights[0] != NONE for row in BACKBONES if row.name == settings.get("backbone"))
        return settings if is_pretrained else settings | {"train_blocks": "all"}

    @model_validator(mode="after")
    def _one_way_to_unfreeze(self) -> Self:
        given = [name for name in ("train_blocks", "train_from", "stages") if getattr(self, name) not in (0, None, ())]
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(f'`{name}`' for name in given)}, not both")
        return self

    def expanded(self) -> tuple["ModelConfig", ...]:
        """Returns one model a depth, each with an id."""
        several = isinstance(self.train_blocks, list | tuple)
        models = []
        for depth in as_list(self.train_blocks):
            name = f"{self.id or self.backbone}-{'gradual' if self.stages else _depth_name(depth, self.train_from)}"
            if self.id and not several:
                name = self.id
            models.append(self.model_copy(update={"train_blocks": depth, "id": name}))
        return tuple(models)

    @property
    def steps(self) -> tuple[StageConfig, ...]:
        """The stages in which it is trained: one where none are given."""
        if self.stages:
            return self.stages
        if isinstance(self.train_blocks, tuple):
            raise TypeError("this model stands for several: use `expanded`")
        return (StageConfig(train_blocks=self.train_blocks, train_from=self.train_from),)

    @property
    def trained_part(self) -> int | str:
        """What is trained in the end."""
        return self.steps[-1].trained_part

    def training_of(self, stage: StageConfig, training: TrainingConfig) -> TrainingConfig:
        """Returns the settings in force in a stage, learning rate included.

        Args:
            stage: One of `steps`.
            training: The section `training`.
        """
        settings = training.changed_by(self.training).changed_by(stage)
        return settings.model_copy(update={"learning_rate": settings.rate(stage.trains_backbone)})


def _depth_name(depth: int | str, train_from: str | None) -> str:
    if train_from is not None:
        return f"from-{train_from}"
    return {0: "fixed", 1: "1-block", "all": "all"}.get(depth, f"{depth}-blocks")


def _resolved_weights(weights: str, backbone: Backbone, info: ValidationInfo) -> str:
    if not weights:
        return backbone.weights[0]
    if weights in backbone.weights:
        return weights
    path = from_experiment_file(Path(weights), info)
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
