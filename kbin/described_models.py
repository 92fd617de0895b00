"""model.json beside each trained model of a run: the last of its files."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from kbin.catalogue import find_backbone
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.data.datasets import Dataset
from kbin.environment import package_versions
from kbin.model_description import (
    DESCRIPTION,
    ImageInput,
    LockedThreshold,
    ModelDescription,
    TrainingData,
    UnlikeTraining,
)
from kbin.model_inputs import SetImages
from kbin.model_run import ModelRun
from kbin.novelty_files import read_novelty
from kbin.operating_point import ChoiceData, ThresholdOrigin, choice_data, fitted_temperature, threshold_origin
from kbin.run_files import MODEL, NOVELTY
from kbin.runs import RunDirectory


def save_description(
    run: RunDirectory,
    model: ModelConfig,
    done: ModelRun,
    threshold: float,
    config: ExperimentConfig,
    sets: Mapping[str, SetImages],
    out_of_fold: ChoiceData | None,
) -> None:
    """Writes model.json of one trained model.

    Args:
        run: The run's folder.
        model: The entry of `models`.
        done: Its training with one seed; its files are there.
        threshold: The one that is locked.
        config: Every setting resolved.
        sets: Evaluation sets by name.
        out_of_fold: What the folds of a search predict; None without a search.
    """
    labels = {name: one.data.labels for name, one in sets.items()}
    train = sets["train"].data
    folder = run.model_folder(model.id or "", done.seed)
    chosen_on = choice_data(config.evaluation, labels, done.probabilities, out_of_fold)
    temperature = fitted_temperature(config.evaluation, chosen_on)
    origin = threshold_origin(config.evaluation, labels, train.classes)
    backbone = find_backbone(model.backbone)
    description = ModelDescription(
        experiment=config.name,
        model=model.id or "",
        seed=done.seed,
        backbone=backbone.name,
        weights=Path(model.weights).name,
        classes=train.classes,
        positive=train.classes[-1] if len(train.classes) == 2 else None,
        output="sigmoid" if done.probabilities["train"].ndim == 1 else "softmax",
        input=ImageInput(
            size=config.data.image_size,
            resize=config.data.resize,
            preprocessing=f"in the model: {backbone.preprocessing}",
        ),
        threshold=None if origin is None else _locked(origin, threshold),
        temperature=None if temperature is None else temperature.value,
        unlike_training=_unlike_training(run, folder / NOVELTY),
        training_data=TrainingData(images=len(train), counts=train.class_counts(), fingerprint=fingerprint(train)),
        versions=package_versions(),
        sha256=_sha256(run.inside(folder / MODEL)),
    )
    run.write(folder / DESCRIPTION, description.as_text())


def fingerprint(data: Dataset) -> str:
    """Returns a hash of the images' content and their classes, whatever their order and names."""
    names = (data.classes[label] for label in data.labels)
    pairs = sorted(zip(data.content_hashes().tolist(), names, strict=True))
    return hashlib.blake2b("\n".join(" ".join(pair) for pair in pairs).encode(), digest_size=16).hexdigest()


def _locked(origin: ThresholdOrigin, value: float) -> LockedThreshold:
    return LockedThreshold(
        value=value, chosen_on=origin.chosen_on, criterion=origin.criterion, sensitivity=origin.sensitivity
    )


def _unlike_training(run: RunDirectory, path: Path) -> UnlikeTraining | None:
    if not run.has_file(path):
        return None
    measure = read_novelty(path)
    return UnlikeTraining(
        false_alarm_rate=measure.false_alarm_rate,
        held_out_images=measure.num_held_out,
        held_out=measure.held_out,
        sha256=_sha256(path),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
