"""One model under all its seeds -> its entry in results.json."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.described_models import save_description
from kbin.engine.memory_errors import memory_explained, release_memory
from kbin.errors import CONCERNS_EVERY_MODEL
from kbin.explain.gallery import save_gallery
from kbin.explain.input_numbers import save_input_numbers
from kbin.memory_plan import check_memory
from kbin.model_identity import model_identity
from kbin.model_inputs import SetImages
from kbin.model_run import ModelRun, run_model
from kbin.model_stages import Setting
from kbin.operating_point import ChoiceData
from kbin.planned_models import PlannedModel
from kbin.results import SeedPredictions, evaluate_sets
from kbin.runs import RunDirectory
from kbin.storage_faults import refuse_full_disk
from kbin.unfinished import Kept, UnfinishedModel


def run_all_seeds(
    planned: PlannedModel,
    config: ExperimentConfig,
    sets: Mapping[str, SetImages],
    setting: Setting,
    run: RunDirectory,
    out_of_fold: ChoiceData | None = None,
) -> dict[str, Any]:
    """Trains and evaluates a model seed by seed; a failure is recorded, and the other models go on.

    What an interrupted run finished of it is taken up.

    Args:
        planned: The model.
        config: Every setting resolved.
        sets: Evaluation sets by name.
        setting: What the models have in common.
        run: Where histories, models and predictions go.
        out_of_fold: What the folds of a search predict with these settings; None without a search.
    """
    model, entry = planned.config, described(planned, config.training)
    setting.progress.say(
        f"{model.id}: {planned.parameters.trainable:,} of {planned.parameters.total:,} parameters train"
    )
    groups = set_groups(config, sets)
    identity = model_identity(model, config, sets, setting, groups, out_of_fold)
    unfinished = UnfinishedModel(run, model.id or "", identity)
    finished = unfinished.entry().read()
    if finished is not None:
        setting.progress.say("  finished already")
        return dict(finished.values["entry"])
    release_memory()  # what a model that failed held
    try:
        if any(unfinished.seed(seed).trained().read() is None for seed in config.training.seeds):
            check_memory(planned.stage_memory, model, config)
        runs = [
            _run_seed(model, sets, setting, run, seed, unfinished, groups.get("train"))
            for seed in config.training.seeds
        ]
        labels = {name: one.data.labels for name, one in sets.items()}
        seeds = [SeedPredictions(one.seed, one.probabilities) for one in runs]
        evaluated = evaluate_sets(labels, sets["train"].data.classes, seeds, config.evaluation, out_of_fold, groups)
    except CONCERNS_EVERY_MODEL:
        raise
    except Exception as error:
        refuse_full_disk(error)
        return entry | failure(model, error, setting)
    thresholds = [one["threshold"] for one in evaluated["train"]["per_seed"]]
    for done, threshold in zip(runs, thresholds, strict=True):
        save_description(run, model, done, threshold, config, sets, out_of_fold)
    save_gallery(run, model.id or "", runs[0], sets, thresholds[0], setting.progress)
    save_input_numbers(run, model, runs[0].model, sets["train"], setting.progress)
    entry |= {
        "status": "done",
        "seconds": _summed_seconds(runs),
        "epoch": [one.trained.epoch for one in runs],
        **_micro_batches(runs),
        "sets": evaluated,
    }
    files = [path for seed in config.training.seeds for path in run.seed_files(model.id or "", seed)]
    unfinished.entry().write(Kept({"entry": entry}, {}), files)
    return entry


def _micro_batches(runs: Sequence[ModelRun]) -> dict[str, list[int | None]]:
    """Returns how many images each seed's gradients were computed for at a time, where memory ran out for one."""
    sizes = [one.trained.micro_batch for one in runs]
    return {} if not any(sizes) else {"micro_batches": sizes}


def _run_seed(
    model: ModelConfig,
    sets: Mapping[str, SetImages],
    setting: Setting,
    run: RunDirectory,
    seed: int,
    unfinished: UnfinishedModel,
    groups: np.ndarray | None,
) -> ModelRun:
    """Runs one seed; of the first only, the model itself stays in memory, for its gallery."""
    done = run_model(model, sets, setting, run, seed, unfinished.seed(seed), groups)
    return done if seed == setting.training.seeds[0] else replace(done, model=None)


def set_groups(config: ExperimentConfig, sets: Mapping[str, SetImages]) -> dict[str, np.ndarray]:
    """Returns the groups of each set's images, shape (n,); sets that do not know them all are left out.

    Args:
        config: Every setting resolved; `data.split.group` names the column.
        sets: Evaluation sets by name.
    """
    column = config.data.split.group
    if column is None:
        return {}
    known = {name: one.data.columns[column] for name, one in sets.items() if column in one.data.columns}
    return {name: groups for name, groups in known.items() if (groups != "").all()}


def group_notes(config: ExperimentConfig, sets: Mapping[str, SetImages], groups: Mapping[str, np.ndarray]) -> list[str]:
    """Returns a sentence on the sets whose images count as independent although the experiment knows of groups.

    Args:
        config: Every setting resolved.
        sets: Evaluation sets by name.
        groups: As `set_groups` returns them.
    """
    without = [name for name in sets if name not in groups]
    if config.data.split.group is None or not without:
        return []
    return [
        f"The images of {', '.join(without)} have no '{config.data.split.group}', or not all of them: they count as "
        "independent there, and if they are not, intervals are too narrow and differences are found that are none."
    ]


def described(planned: PlannedModel, training: TrainingConfig) -> dict[str, Any]:
    """Returns what is known of a model before it is trained."""
    model = planned.config
    return {
        "id": model.id,
        "backbone": model.backbone,
        "weights": Path(model.weights).name,
        "train_blocks": model.trained_part,
        "stages": _stages(model, training),
        "learning_rate": planned.learning_rate,
        "parameters": planned.parameters.as_dict(),
        "blocks": [vars(row) for row in planned.parameters.rows],
        "memory": {name: round(value, 3) for name, value in vars(planned.memory).items()},
    }


def failure(model: ModelConfig, error: Exception, setting: Setting) -> dict[str, Any]:
    """Says that a model failed, and returns what its entry says of it."""
    error = memory_explained(error)
    setting.progress.say(f"{model.id} failed: {error}")
    return {"status": "failed", "error": f"{type(error).__name__}: {error}", "sets": {}}


def _stages(model: ModelConfig, training: TrainingConfig) -> list[dict[str, Any]]:
    """Returns what each stage trains, how long and at what rate; nothing for a model that has one."""
    settings = [model.training_of(stage, training) for stage in model.stages]
    return [
        {"train_blocks": stage.trained_part, "epochs": one.epochs, "learning_rate": one.learning_rate}
        for stage, one in zip(model.stages, settings, strict=True)
    ]


def _summed_seconds(runs: Sequence[ModelRun]) -> dict[str, float]:
    return {stage: round(sum(one.seconds[stage] for one in runs), 3) for stage in runs[0].seconds}
