"""Every model of an experiment, built once before anything runs, so that faults show at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.data.sets import LoadedSets
from kbin.errors import ConfigError, unknown_name
from kbin.interruption import with_safe_points
from kbin.memory_plan import stage_memory
from kbin.model_run import build_configured
from kbin.models.memory import Memory, StepMemory, memory_table
from kbin.models.parameters import ParameterTable, parameter_table
from kbin.search.plan import SearchPlan


@dataclass(frozen=True)
class PlannedModel:
    """One model with what is known of it before it is trained."""

    config: ModelConfig
    parameters: ParameterTable
    memory: Memory
    learning_rate: float
    stage_memory: tuple[StepMemory, ...]


def plan_models(config: ExperimentConfig, loaded: LoadedSets, search: SearchPlan | None = None) -> list[PlannedModel]:
    """Builds every model once, with its weights, and counts its parameters.

    Args:
        config: Every setting resolved.
        loaded: The sets.
        search: What is searched; its combinations must fit the data, too.

    Raises:
        ConfigError: The settings do not fit the data.
        WeightsError: Weights cannot be had, or belong to another network.
    """
    _check_fit(config, loaded, config.models)
    if search is not None:
        _check_fit(config, loaded, [variant for model in config.models for variant in search.variants(model)])
    return [plan_model(model, config, len(loaded.classes)) for model in with_safe_points(config.models)]


def plan_model(model: ModelConfig, config: ExperimentConfig, num_classes: int) -> PlannedModel:
    """Builds a model once, and counts its parameters."""
    built = build_configured(model, num_classes, config.data.image_size, config.training.seeds[0])
    return PlannedModel(
        model,
        parameter_table(built),
        memory_table(built),
        _last_rate(model, config),
        stage_memory(built, model, config),
    )


def replan(planned: PlannedModel, model: ModelConfig, config: ExperimentConfig, num_classes: int) -> PlannedModel:
    """Returns the plan of a model with other settings; it is built again only where the network is another one.

    Args:
        planned: The model as it was.
        model: It with other settings.
        config: Every setting resolved.
        num_classes: Of the data.
    """
    if _network(model) != _network(planned.config):
        return plan_model(model, config, num_classes)
    return replace(planned, config=model, learning_rate=_last_rate(model, config))


def _network(model: ModelConfig) -> tuple[Any, ...]:
    return (model.backbone, model.weights, model.train_blocks, model.train_from, model.stages, model.head)


def _last_rate(model: ModelConfig, config: ExperimentConfig) -> float:
    last = model.steps[-1]
    return model.training_of(last, config.training).rate(last.trains_backbone)


def _check_fit(config: ExperimentConfig, loaded: LoadedSets, models: Iterable[ModelConfig]) -> None:
    """Refuses settings that the data cannot serve, before anything is computed."""
    classes = loaded.classes
    for model in models:
        if model.head.output == "sigmoid" and len(classes) > 2:
            raise ConfigError(f"model {model.id}: a sigmoid output tells two classes apart; here are {len(classes)}.")
        for stage in model.steps:
            _check_training(model.id or "", model.training_of(stage, config.training), loaded)


def _check_training(model_id: str, settings: TrainingConfig, loaded: LoadedSets) -> None:
    for name in settings.class_weight if isinstance(settings.class_weight, dict) else ():
        if name not in loaded.classes:
            raise ConfigError(f"training.class_weight: {unknown_name('class', name, loaded.classes)}")
    if settings.early_stopping is not None and "validation" not in loaded.sets:
        raise ConfigError(
            "training.early_stopping needs a validation set, and there is none: set data.split.validation, or leave "
            "early_stopping out."
        )
    if settings.warmup_epochs >= settings.epochs:
        raise ConfigError(
            f"model {model_id}: warmup_epochs is {settings.warmup_epochs}, but it trains for {settings.epochs} epochs "
            "(a stage has its own): the warm-up must leave at least one."
        )
    if settings.class_weight == "balanced" and settings.sampling != "none":
        raise ConfigError(
            f"model {model_id}: `class_weight: balanced` and `sampling: {settings.sampling}` both make up for unequal "
            "classes, and together they overdo it: choose one."
        )
