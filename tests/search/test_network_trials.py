"""A trial of a network sees nothing of its held-out part."""

from pathlib import Path

import numpy as np
import pytest

from kbin.config.experiment import ExperimentConfig
from kbin.data.datasets import ArrayImages, Dataset
from kbin.search.cross_validation import Fold, FoldPlan, make_folds
from kbin.search.network_trials import NetworkTrial, SharedImages, run_network
from kbin.search.trials import Scoring, TrialOutcome
from tests.experiment_texts import SMALLEST, loader

OVERRIDES = (
    "models=[{id: top, backbone: EfficientNetLite0, weights: packaged, train_blocks: 1}]",
    "data.image_size=32",
    "training={epochs: 3, batch_size: 8, learning_rate: 1e-3, class_weight: balanced, early_stopping: 1}",
    "engine.runtime=torch",
)


LABELS = np.array([0, 1, 1] * 16)
PIXELS = (
    np.random.default_rng(0)
    .normal(90 + 60 * LABELS[:, None, None, None], 40, (48, 32, 32, 3))
    .clip(0, 255)
    .astype(np.uint8)
)


def images(pixels: np.ndarray = PIXELS, labels: np.ndarray = LABELS) -> Dataset:
    names = np.array([f"{number}.png" for number in range(48)])
    return Dataset(names, labels, ("cat", "dog"), ArrayImages(pixels, "images.npz"))


def outcome(config: ExperimentConfig, train: Dataset, fold: Fold) -> TrialOutcome:
    shared = SharedImages(Scoring(train.labels, train.classes, config.evaluation), config, train, 0, 1)
    (one,) = run_network(NetworkTrial(0, "trial", config.models[0], fold), shared)
    return one


@pytest.fixture
def config(tmp_path: Path) -> ExperimentConfig:
    return loader(tmp_path)(SMALLEST, OVERRIDES)


@pytest.fixture
def fold() -> Fold:
    return make_folds(images(), FoldPlan(3, 1, 0, (0,), None, 0.25))[1]


def flipped(positions: np.ndarray) -> np.ndarray:
    labels = LABELS.copy()
    labels[positions] = 1 - labels[positions]
    return labels


def test_other_labels_of_the_held_out_part_change_neither_predictions_nor_threshold(config, fold):
    clean, other = (outcome(config, one, fold) for one in (images(), images(labels=flipped(fold.held_out))))
    np.testing.assert_array_equal(other.held_out, clean.held_out)
    assert other.threshold == clean.threshold
    assert other.metrics["roc_auc"] == pytest.approx(1 - clean.metrics["roc_auc"])


def test_other_images_of_the_held_out_part_do_not_change_threshold_or_epoch(config, fold):
    pixels = PIXELS.copy()
    pixels[fold.held_out] = 255 - pixels[fold.held_out]
    clean, other = (outcome(config, one, fold) for one in (images(), images(pixels)))
    assert (other.threshold, other.epoch) == (clean.threshold, clean.epoch)
    assert np.abs(other.held_out - clean.held_out).max() > 0.01


def test_labels_of_the_training_part_count(config, fold):
    clean, other = (outcome(config, one, fold) for one in (images(), images(labels=flipped(fold.train))))
    assert np.abs(other.held_out - clean.held_out).max() > 0.01
