"""What `kbin check --json` prints: the plan of an experiment as plain values."""

from dataclasses import asdict
from typing import Any

from kbin.config.experiment import ExperimentConfig
from kbin.experiment_plan import ExperimentPlan
from kbin.interruption import with_safe_points
from kbin.operating_point import threshold_origin
from kbin.planned_models import PlannedModel
from kbin.progress import Progress
from kbin.search.plan import SearchPlan


def plan_entry(config: ExperimentConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Returns the plan of an experiment as plain values, for programs.

    Args:
        config: Every setting resolved.
        progress: Where it is shown what takes long.

    Raises:
        KbinError: The data or the weights are wrong.
    """
    plan = ExperimentPlan(config, progress or Progress())
    loaded, training, search = plan.loaded, config.training, plan.search
    origin = threshold_origin(config.evaluation, plan.labels, loaded.classes)
    return {
        "experiment": config.name,
        "classes": list(loaded.classes),
        "positive": loaded.positive,
        "notes": [*loaded.notes, *(() if search is None else search.notes)],
        "sets": {name: {"n": len(data), "counts": data.class_counts()} for name, data in loaded.sets.items()},
        "training": training.model_dump(mode="json"),
        "threshold": None if origin is None else asdict(origin) | {"fixed": config.evaluation.threshold.fixed},
        "search": None if search is None else _search_entry(search),
        "models": [_model_entry(model, plan) for model in with_safe_points(plan.models)],
    }


def _search_entry(search: SearchPlan) -> dict[str, Any]:
    settings = search.settings
    return {
        "keys": list(settings.keys),
        "combinations": len(search.combinations),
        "folds": settings.folds,
        "repeats": settings.repeats,
        "trials_of_each_model": search.num_trials,
        "score": settings.score,
        "refit": settings.refit,
    }


def _model_entry(model: PlannedModel, plan: ExperimentPlan) -> dict[str, Any]:
    config, fault = model.config, plan.too_large(model)
    is_searched = plan.search is not None and config.search
    return {
        "id": config.id,
        "backbone": config.backbone,
        "weights": config.weights,
        "trained_part": config.trained_part,
        "learning_rate": model.learning_rate,
        "head": config.head.model_dump(mode="json"),
        "parameters": model.parameters.as_dict(),
        "blocks": [asdict(row) for row in model.parameters.rows],
        "memory": asdict(model.memory),
        "step_bytes": plan.needed_bytes(model),
        "too_large": fault,
        "head_trials": plan.num_heads(config) if is_searched else None,
        # A model that is too large is not tried: what its stages cost would be measured by a step.
        "stages": [] if fault is not None else [asdict(stage) for stage in plan.stage_costs(model)],
    }
