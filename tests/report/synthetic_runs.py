"""Finished run folders without images or networks: scores are drawn, everything else is made as a run makes it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kbin.config.evaluation import EvaluationConfig
from kbin.results import SeedPredictions, evaluate_sets, evaluation_entry
from kbin.run_files import Predictions
from kbin.runs import RunDirectory
from tests.report.compared_runs import Letters, with_comparisons

TWO_CLASSES = ("functional", "defective")
NUM_EPOCHS = 3
_COMPUTED: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class SyntheticRun:
    """What a run should look like.

    Attributes:
        models: Model id -> how far the scores of the classes lie apart; 0 is guessing.
        sets: Set name -> number of images of each class.
        failed: Model id -> its error.
        one_answer: Models that give every image the same low score.
        shifted: Set name -> what is added to all its logits of the second class, so that a threshold does not fit it.
        depths: Model id -> its trained blocks; 1 where it is not named.
        evaluation: The section `evaluation`.
        letters: Set name -> metric -> model id -> letters, which say who is told apart; empty compares nothing.
    """

    models: Mapping[str, float] = field(default_factory=lambda: {"good": 2.0, "poor": 0.5})
    classes: Sequence[str] = TWO_CLASSES
    sets: Mapping[str, Sequence[int]] = field(
        default_factory=lambda: {"train": (20, 12), "validation": (12, 8), "test": (14, 10)}
    )
    seeds: Sequence[int] = (0, 1)
    failed: Mapping[str, str] = field(default_factory=dict)
    one_answer: Sequence[str] = ()
    shifted: Mapping[str, float] = field(default_factory=dict)
    depths: Mapping[str, int | str] = field(default_factory=dict)
    letters: Mapping[str, Letters] = field(default_factory=dict)
    notes: Sequence[str] = ()
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    paths: Sequence[str] = ("image.png",)

    def labels(self) -> dict[str, np.ndarray]:
        return {name: np.repeat(np.arange(len(counts)), counts) for name, counts in self.sets.items()}

    def write(self, folder: Path) -> RunDirectory:
        """Writes the folder, plots and page excepted."""
        run = RunDirectory(folder)
        run.begin("name: synthetic\n# <settings> & more\n")
        run.save_environment(
            {
                "python": "3.11",
                "device": "cpu",
                "packages": {"kbin": "0.1.0", "keras": "3.15.1"},
                "commit": None,
                "command": "kbin run a.yaml --set 'training.seeds=[0, 1]' && echo <done>",
                "seeds": list(self.seeds),
                "started": "2026-01-02T03:04:05+00:00",
            }
        )
        run.save_results(self.results(run))
        return run

    def results(self, run: RunDirectory | None = None) -> dict[str, Any]:
        """Returns results.json; with a run, its predictions and histories are written on the way."""
        # Scikit-learn needs a second for all metrics, and tests ask for the same ones again and again.
        if run is not None or repr(self) not in _COMPUTED:
            _COMPUTED[repr(self)] = self._computed(run)
        return copy.deepcopy(_COMPUTED[repr(self)])

    def _computed(self, run: RunDirectory | None) -> dict[str, Any]:
        rng = np.random.default_rng(7)
        done = [self._model(model_id, distance, rng, run) for model_id, distance in self.models.items()]
        failed = [
            _entry(name) | {"status": "failed", "error": error, "sets": {}} for name, error in self.failed.items()
        ]
        results = {
            "experiment": "synthetic",
            "positive": self.classes[1] if len(self.classes) == 2 else None,
            "classes": list(self.classes),
            "notes": list(self.notes),
            "sets": {
                name: {"n": sum(counts), "counts": dict(zip(self.classes, counts, strict=True))}
                for name, counts in self.sets.items()
            },
            **evaluation_entry(self.evaluation, self.labels(), self.classes),
            "seconds": 61.2,
            "models": done + failed,
        }
        return with_comparisons(results, self.letters) if self.letters else results

    def _model(
        self, model_id: str, distance: float, rng: np.random.Generator, run: RunDirectory | None
    ) -> dict[str, Any]:
        labels = self.labels()
        seeds = []
        for seed in self.seeds:
            probabilities = {
                name: self._scores(true, distance, rng, self.shifted.get(name, 0.0)) for name, true in labels.items()
            }
            if model_id in self.one_answer:
                probabilities = {name: np.full_like(scores, 0.25) for name, scores in probabilities.items()}
            seeds.append(SeedPredictions(seed, probabilities))
            if run is not None:
                self._save(run, model_id, seed, labels, probabilities)
        blocks = self.depths.get(model_id, 1)
        return _entry(model_id, blocks) | {
            "status": "done",
            "seconds": {"features": 12.5, "training": 3.25, "evaluation": 0.5},
            "epoch": [NUM_EPOCHS - 1 for _ in self.seeds],
            "sets": evaluate_sets(labels, self.classes, seeds, self.evaluation),
        }

    def _scores(self, true: np.ndarray, distance: float, rng: np.random.Generator, shift: float) -> np.ndarray:
        logits = rng.normal(size=(len(true), len(self.classes)))
        logits[np.arange(len(true)), true] += distance
        logits[:, 1] += shift
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return shares[:, 1] if len(self.classes) == 2 else shares

    def _save(
        self,
        run: RunDirectory,
        model_id: str,
        seed: int,
        labels: Mapping[str, np.ndarray],
        probabilities: Mapping[str, np.ndarray],
    ) -> None:
        for name, true in labels.items():
            scores = probabilities[name]
            several = scores.ndim == 2
            predictions = Predictions(
                sample_ids=np.array([f"{name}-{index}" for index in range(len(true))]),
                paths=np.array([self.paths[index % len(self.paths)] for index in range(len(true))]),
                y_true=np.array(self.classes)[true],
                y_score=scores.max(axis=1) if several else scores,
                probabilities=scores if several else None,
            )
            run.save_predictions(model_id, seed, name, predictions, self.classes)
        history = [{"epoch": e, "loss": 1 / e, "accuracy": 1 - 1 / (e + 1), "val_loss": 1.5 / e} for e in (1, 2, 3)]
        run.save_history(model_id, seed, history)


def _entry(model_id: str, train_blocks: int | str = 1) -> dict[str, Any]:
    trainable = {0: 1_281, 1: 1_281, 2: 5_000}.get(train_blocks, 12_345)
    return {
        "id": model_id,
        "backbone": "EfficientNetLite0",
        "weights": "none",
        "train_blocks": train_blocks,
        "learning_rate": 1e-4,
        "parameters": {"total": 12_345, "trainable": trainable, "non_trainable": 12_345 - trainable, "statistics": 77},
        "blocks": [
            {"block": "stem", "parameters": 11_064, "trainable": 0, "statistics": 77},
            {"block": "head", "parameters": 1_281, "trainable": 1_281, "statistics": 0},
        ],
    }
