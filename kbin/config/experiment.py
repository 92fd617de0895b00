"""One whole experiment file: `data`, `models`, `training`, and the small sections around them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from kbin.catalogue import find_backbone
from kbin.config.data import DataConfig
from kbin.config.evaluation import EvaluationConfig, check_costs
from kbin.config.fields import Flag, FolderName, Section, one_of
from kbin.config.models import ModelConfig
from kbin.config.search import SearchConfig, searches_depth
from kbin.config.tracking import TrackingConfig
from kbin.config.training import TrainingConfig
from kbin.errors import ConfigError
from kbin.options import AUGMENTATIONS


class AugmentationConfig(BaseModel):
    """One layer that augments training images; further keys are its arguments.

    The name is one of `keras.layers`, or `keras_cv.<Layer>` of KerasCV (extra `cv`).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    layer: Annotated[str, one_of("augmentation layer", AUGMENTATIONS)]


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


class ExperimentConfig(Section):
    """One experiment: every setting resolved."""

    name: FolderName
    data: DataConfig
    models: Annotated[tuple[ModelConfig, ...], Field(min_length=1)]
    training: TrainingConfig = TrainingConfig()
    augment: tuple[AugmentationConfig, ...] = ()
    engine: EngineConfig = EngineConfig()
    search: SearchConfig | None = None
    evaluation: EvaluationConfig = EvaluationConfig()  # after what it may need: data, models, search
    audit: Flag = False
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="before")
    @classmethod
    def _no_depth_in_the_name_where_it_is_searched(cls, settings: Any) -> Any:
        """A model's default id says how much of it is trained, which a search of depths would make untrue."""
        search = settings.get("search") if isinstance(settings, dict) else None
        models = settings.get("models") if isinstance(settings, dict) else None
        if not isinstance(search, dict) or not isinstance(models, list) or not searches_depth(search):
            return settings
        named = [
            {"id": f"{one['backbone']}-searched"} | one
            if isinstance(one, dict) and isinstance(one.get("backbone"), str) and one.get("search", True)
            else one
            for one in models
        ]
        return settings | {"models": named}

    @field_validator("models")
    @classmethod
    def _that_take_the_images(cls, models: tuple[ModelConfig, ...], info: ValidationInfo) -> tuple[ModelConfig, ...]:
        data = info.data.get("data")
        if data is None:
            return models
        try:
            for model in models:
                find_backbone(model.backbone).check_image_size(data.image_size)
        except ConfigError as error:
            raise ValueError(f"{error} Set `data.image_size`.") from None
        return models

    @field_validator("models")
    @classmethod
    def _one_model_a_depth(cls, models: tuple[ModelConfig, ...]) -> tuple[ModelConfig, ...]:
        spread = tuple(one for model in models for one in model.expanded())
        ids = [model.id for model in spread]
        twice = sorted({name for name in ids if name is not None and ids.count(name) > 1})
        if twice:
            raise ValueError(f"two models have the id {', '.join(twice)}: give each an `id` of its own")
        return spread

    @field_validator("search")
    @classmethod
    def _that_the_models_allow(cls, search: SearchConfig | None, info: ValidationInfo) -> SearchConfig | None:
        models = info.data.get("models", ())
        if search is not None and models and not any(model.search for model in models):
            raise ValueError("every model says `search: false`: leave the section out, or search one of them")
        for model in models:
            if search is not None and model.search:
                search.check_model(model)
        return search

    @field_validator("evaluation")
    @classmethod
    def _that_data_and_search_allow(cls, evaluation: EvaluationConfig, info: ValidationInfo) -> EvaluationConfig:
        data = info.data.get("data")
        if evaluation.costs is not None and data is not None and data.classes is not None:
            check_costs(evaluation, data.classes)
        if not evaluation.uses_out_of_fold or "search" not in info.data or "models" not in info.data:
            return evaluation
        if info.data["search"] is None:
            raise ValueError(
                "`choose_on: out_of_fold` needs a section `search`, whose folds predict what they held out "
                "(`search: {}` is enough); or choose on the validation set"
            )
        without = [str(model.id) for model in info.data["models"] if not model.search]
        if without:
            raise ValueError(
                f"`choose_on: out_of_fold` needs a search of every model, and `search: false` stands at "
                f"{', '.join(without)}: take it away, or choose on the validation set"
            )
        return evaluation

    def quick(self) -> Self:
        """Returns the same experiment as a minute's trial: few images, two epochs, one seed, one epoch a stage."""
        training = self.training.model_copy(
            update={"epochs": min(2, self.training.epochs), "seeds": self.training.seeds[:1], "warmup_epochs": 0}
        )
        data = self.data.model_copy(update={"limit": min(64, self.data.limit or 64)})
        return self.model_copy(
            update={
                "name": f"{self.name}-quick",
                "training": training,
                "models": tuple(_quick_model(model) for model in self.models),
                "data": data,
                "search": self.search and self.search.quick(),
            }
        )


def _quick_model(model: ModelConfig) -> ModelConfig:
    return model.model_copy(
        update={
            "training": model.training.model_copy(update={"epochs": None, "warmup_epochs": None}),
            "stages": tuple(stage.model_copy(update={"epochs": 1, "warmup_epochs": None}) for stage in model.stages),
        }
    )
