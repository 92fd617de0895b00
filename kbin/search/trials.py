"""A trial: one model with one combination of settings on one fold. Its id comes from the content of all three."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kbin import __version__
from kbin.config.evaluation import EvaluationConfig
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.data.datasets import Dataset, Labels
from kbin.evaluation.metrics import classification_metrics
from kbin.operating_point import ChoiceData, locked_threshold
from kbin.search.cross_validation import Fold

_PACKAGES = ("keras", "torch", "numpy", "pillow")
_NUMBERS = 1  # raised when training or scoring a trial changes the numbers, so that old trials are not used


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """What came of a trial.

    Attributes:
        id: The trial's.
        error: Why it failed; None where it did not.
        is_passing: Whether it failed for a file that could not be read, and may succeed when it is run again.
        epoch: The kept epoch, from 1.
        threshold: At which the metrics were computed.
        metrics: Of the held-out part; None where it does not define one.
        held_out: Probabilities, shape (n,) or (n, num_classes), float32.
    """

    id: str
    error: str | None = None
    is_passing: bool = False
    epoch: int | None = None
    threshold: float | None = None
    metrics: Mapping[str, float | None] | None = None
    held_out: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Scoring:
    """What the metrics of trials are computed with.

    Attributes:
        labels: Of the whole training set.
        classes: In label order.
        evaluation: The section `evaluation`.
    """

    labels: Labels
    classes: Sequence[str]
    evaluation: EvaluationConfig

    def outcome(
        self, trial_id: str, fold: Fold, epoch: int, held_out: np.ndarray, validation: np.ndarray | None
    ) -> TrialOutcome:
        """Returns the metrics of the held-out part, at the threshold that the fold's own validation part chose.

        Args:
            trial_id: The trial's.
            fold: Its fold.
            epoch: The kept epoch.
            held_out: Probabilities of the held-out part.
            validation: Those of the validation part; None where there is none.
        """
        part = fold.validation
        data = None if part is None or validation is None else ChoiceData(self.labels[part], validation)
        threshold = locked_threshold(self.evaluation, data)
        metrics = classification_metrics(self.labels[fold.held_out], held_out, self.classes, threshold)
        return TrialOutcome(
            trial_id, epoch=epoch, threshold=threshold, metrics=metrics.values, held_out=held_out.astype(np.float32)
        )


class TrialIds:
    """Names trials by content: the same settings on the same images give the same id, whatever they are called.

    Args:
        config: The experiment; its runtime resolved.
        train: The training set.
        num_views: Augmented views of each image; 0 where there are none.
    """

    def __init__(self, config: ExperimentConfig, train: Dataset, num_views: int):
        self._train = train
        self._common = {
            "numbers": _NUMBERS,
            "versions": [__version__, *(version(package) for package in _PACKAGES)],
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "num_views": num_views,
            "classes": list(train.classes),
            "image_size": config.data.image_size,
            "resize": config.data.resize,
            "augment": [layer.model_dump(mode="json") for layer in config.augment],
            "engine": config.engine.model_dump(mode="json"),
            "threshold": _threshold_settings(config.evaluation),
        }
        self._training = config.training

    def of_model(self, model: ModelConfig) -> str:
        """Returns the part of an id that a model with its settings gives."""
        stages = [
            model.training_of(stage, self._training).model_dump(mode="json", exclude={"seeds"})
            | {"trains": stage.trained_part}
            for stage in model.steps
        ]
        weights = Path(model.weights)
        described = {
            "backbone": model.backbone,
            "weights": _file_digest(weights, weights.stat().st_mtime_ns) if weights.is_file() else model.weights,
            "head": model.head.model_dump(mode="json"),
            "stages": stages,
        }
        return _digest(json.dumps(self._common | described, sort_keys=True).encode())

    def of_fold(self, fold: Fold) -> str:
        """Returns the part of an id that a fold gives: its images with their labels, in order, and its seed."""
        hashes, labels = self._train.content_hashes(), self._train.labels
        parts = [fold.train, np.empty(0, np.int64) if fold.validation is None else fold.validation, fold.held_out]
        text = [[f"{hashes[i]} {labels[i]}" for i in part] for part in parts]
        return _digest(json.dumps([fold.seed, *text]).encode())

    @staticmethod
    def joined(of_model: str, of_fold: str) -> str:
        """Returns the id of a trial."""
        return _digest(f"{of_model} {of_fold}".encode())


def _threshold_settings(evaluation: EvaluationConfig) -> dict[str, Any]:
    """Returns what decides on the threshold of a fold: not on what that of the final model is chosen."""
    settings = evaluation.threshold.model_dump(mode="json", exclude={"choose_on"})
    by_cost = evaluation.threshold.criterion == "cost" and evaluation.costs is not None
    return settings | ({"costs": evaluation.costs.model_dump(mode="json")} if by_cost and evaluation.costs else {})


def piece_id(trial_ids: Sequence[str]) -> str:
    """Returns the id of trials that are run together."""
    return _digest(" ".join(trial_ids).encode())


@lru_cache(maxsize=64)
def _file_digest(path: Path, changed: int) -> str:
    """Returns a hash of a file that was last changed at a time, in nanoseconds."""
    return _digest(path.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=10).hexdigest()
