"""The whole story of one experiment, top to bottom."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from kbin.catalogue import NONE
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.data.sets import LoadedSets, load_sets
from kbin.engine.augmentation import Augmenter
from kbin.engine.augmented_views import StoredViews
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine
from kbin.engine.inputs import ImageInputs
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores, describe_environment
from kbin.errors import ConfigError, DataError, KbinError
from kbin.execution import Execution, open_execution
from kbin.experiment_file import dump_experiment
from kbin.explain.augmented_samples import augmented_samples
from kbin.feature_shards import compute_features
from kbin.model_inputs import Augmentation, SetImages
from kbin.model_run import ModelRun, run_model
from kbin.model_stages import Setting
from kbin.planned_models import PlannedModel, plan_models
from kbin.progress import Progress
from kbin.report.plots import draw_plots
from kbin.report.rendering import write_report
from kbin.results import SeedPredictions, evaluate_sets
from kbin.runs import RunDirectory


def run_experiment(config: ExperimentConfig, out: Path, progress: Progress, cluster: str | None = None) -> int:
    """Runs an experiment into a folder.

    Args:
        config: Every setting resolved.
        out: The run's folder.
        progress: Where a person sees what happens.
        cluster: The address of a Dask scheduler that computes with; None computes here alone.

    Returns:
        The exit code: 0 done, 1 at least one model failed while the others are there.

    Raises:
        KbinError: The settings, data or weights are wrong, the folder holds another experiment, or the cluster cannot
            be used.
    """
    run = RunDirectory(out)
    settings = dump_experiment(config)
    if run.is_finished(settings):
        progress.say(f"{out} already holds the finished results of this experiment; remove it to run anew.")
        if not run.report_path.is_file():  # interrupted between the last two files
            write_report([run])
        return _exit_code(run.results()["models"])
    with open_execution(cluster) as execution:
        return _run_on(execution, config, run, progress)


def _run_on(execution: Execution, config: ExperimentConfig, run: RunDirectory, progress: Progress) -> int:
    start = time.perf_counter()
    loaded = load_sets(config.data)
    for line in describe_sets(loaded):
        progress.say(line)
    planned = plan_models(config, loaded)
    engine, sets = open_engine(config, progress), images_of_sets(loaded, config)
    augmented = augmentation(config, sets["train"])
    # Only now: a fault that is mended in the file must not leave a folder of another experiment.
    run.begin(dump_experiment(config))
    environment = describe_environment(_device())
    run.save_environment(environment | {"seeds": list(config.training.seeds), "started": _now()})

    if augmented is not None:
        run.save_picture("augmented", augmented_samples(sets["train"], augmented))
    _compute_features_remotely(execution, config, sets, engine, augmented, progress)
    setting = Setting(config.training, engine, augmented, run, progress)
    entries = [_run_all_seeds(model, config, sets, setting) for model in planned]
    results = {
        "experiment": config.name,
        "positive": loaded.positive,
        "classes": list(loaded.classes),
        "notes": list(loaded.notes),
        "sets": {name: {"n": len(data), "counts": data.class_counts()} for name, data in loaded.sets.items()},
        "seconds": round(time.perf_counter() - start, 3),
        "models": entries,
    }
    draw_plots(run, results)
    run.save_results(results)
    write_report([run])
    return _exit_code(entries)


def _compute_features_remotely(
    execution: Execution,
    config: ExperimentConfig,
    sets: Mapping[str, SetImages],
    engine: FeatureEngine | None,
    augmented: Augmentation | None,
    progress: Progress,
) -> None:
    """Has the workers of a cluster compute what training will find stored; views of images are computed here."""
    if not execution.is_remote or engine is None or (augmented is not None and augmented.views is None):
        return
    for model in config.models:
        try:
            # Pretrained weights are the same for every seed.
            for seed in config.training.seeds if model.weights == NONE else config.training.seeds[:1]:
                compute_features(model, seed, sets, engine, execution, progress)
        except KbinError:
            raise
        except Exception as error:  # of this model: training it here either meets the same, or does not need it
            progress.say(f"{model.id}: the cluster could not compute its features ({error}).")


def _exit_code(entries: Sequence[Mapping[str, Any]]) -> int:
    return 1 if any(entry["status"] == "failed" for entry in entries) else 0


def describe_sets(loaded: LoadedSets) -> list[str]:
    """Returns a line a set with its images by class, and what loading had to say."""
    positive = f", positive: {loaded.positive}" if loaded.positive else ""
    lines = [f"classes: {', '.join(loaded.classes)}{positive}"]
    width = max(len(name) for name in loaded.sets)
    for name, data in loaded.sets.items():
        counts = ", ".join(f"{count:,} {label}" for label, count in data.class_counts().items())
        lines.append(f"  {name:<{width}}  {len(data):>7,} images: {counts}")
    return lines + [f"note: {note}" for note in loaded.notes]


def open_engine(config: ExperimentConfig, progress: Progress) -> FeatureEngine | None:
    """Returns what computes and stores features; None where the uncut models are trained.

    Raises:
        MissingExtraError: The runtime that the experiment names is not installed.
    """
    settings = config.engine
    if not settings.store:
        return None
    return FeatureEngine(
        FeatureStore.of_this_machine(),
        runtime_name(settings.runtime),
        settings.precision,
        config.data.resize,
        progress,
    )


def augmentation(config: ExperimentConfig, train: SetImages) -> Augmentation | None:
    """Returns how training images are augmented; None where they are not.

    Args:
        config: Every setting resolved.
        train: The training set.

    Raises:
        ConfigError: A layer does not take its arguments.
    """
    if not config.augment:
        return None
    rows = [layer.model_dump(mode="json") for layer in config.augment]
    augmenter = Augmenter(rows)
    augmenter.check(config.data.image_size)
    # An epoch takes one view of each image: more than the longest training has epochs would never be seen.
    epochs = max(sum(m.training_of(s, config.training).epochs for s in m.steps) for m in config.models)
    num_views = min(config.engine.views, epochs)
    hashes = train.data.content_hashes()
    views = StoredViews(train.images, hashes, augmenter, num_views) if num_views else None
    return Augmentation(augmenter, json.dumps(rows), views, num_views)


def images_of_sets(loaded: LoadedSets, config: ExperimentConfig) -> dict[str, SetImages]:
    """Returns every set with its images, decoded by all cores when they are needed."""
    threads = available_cores()
    return {
        name: SetImages(data, ImageInputs(data.images, config.data.image_size, config.data.resize, threads))
        for name, data in loaded.sets.items()
    }


def _run_all_seeds(
    planned: PlannedModel,
    config: ExperimentConfig,
    sets: Mapping[str, SetImages],
    setting: Setting,
) -> dict[str, Any]:
    """Returns the entry of one model in results.json; a failure is recorded, and the other models go on."""
    model = planned.config
    entry: dict[str, Any] = {
        "id": model.id,
        "backbone": model.backbone,
        "weights": Path(model.weights).name,
        "train_blocks": model.trained_part,
        "stages": _stages(model, config.training),
        "learning_rate": planned.learning_rate,
        "parameters": planned.parameters.as_dict(),
        "blocks": [vars(row) for row in planned.parameters.rows],
        "memory": {name: round(value, 3) for name, value in vars(planned.memory).items()},
    }
    setting.progress.say(
        f"{model.id}: {planned.parameters.trainable:,} of {planned.parameters.total:,} parameters train"
    )
    try:
        runs = [run_model(model, sets, setting, seed) for seed in config.training.seeds]
    except (DataError, ConfigError):
        raise  # a fault of the input concerns every model
    except Exception as error:
        setting.progress.say(f"{model.id} failed: {error}")
        return entry | {"status": "failed", "error": f"{type(error).__name__}: {error}", "sets": {}}
    labels = {name: one.data.labels for name, one in sets.items()}
    seeds = [SeedPredictions(one.seed, one.probabilities) for one in runs]
    return entry | {
        "status": "done",
        "seconds": _summed_seconds(runs),
        "epoch": [one.trained.epoch for one in runs],
        "sets": evaluate_sets(labels, sets["train"].data.classes, seeds, config.evaluation.threshold),
    }


def _stages(model: ModelConfig, training: TrainingConfig) -> list[dict[str, Any]]:
    """Returns what each stage trains, how long and at what rate; nothing for a model that has one."""
    settings = [model.training_of(stage, training) for stage in model.stages]
    return [
        {"train_blocks": stage.trained_part, "epochs": one.epochs, "learning_rate": one.learning_rate}
        for stage, one in zip(model.stages, settings, strict=True)
    ]


def _summed_seconds(runs: Sequence[ModelRun]) -> dict[str, float]:
    return {stage: round(sum(one.seconds[stage] for one in runs), 3) for stage in runs[0].seconds}


def _device() -> str:
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "cpu"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
