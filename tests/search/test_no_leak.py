"""Nothing of the held-out part reaches what is trained, standardised, weighted or chosen on a fold."""

import numpy as np
import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.config.training import TrainingConfig
from kbin.data.datasets import Dataset
from kbin.engine.inputs import ArrayInputs
from kbin.search.cross_validation import Fold, FoldPlan, make_folds
from kbin.search.stacks import HeadStack, SharedFeatures, run_stack
from kbin.search.trials import Scoring, TrialOutcome
from kbin.training.heads import HeadSettings, HeadShape
from tests.search.datasets import dataset

NUM_GROUPS, GROUP_SIZE, NUM_FEATURES = 60, 8, 32
HEAD = HeadSettings(TrainingConfig(learning_rate=1e-2, epochs=15, batch_size=32, class_weight="balanced"))
SHAPE = HeadShape((), "sigmoid", 2, True)


def tiles(seed: int) -> tuple[np.ndarray, Dataset]:
    """Features of copies that look like their tile; each tile's label is drawn at random, so nothing can be learned."""
    generator = np.random.default_rng(seed)
    tile = np.repeat(np.arange(NUM_GROUPS), GROUP_SIZE)
    centres = generator.normal(size=(NUM_GROUPS, NUM_FEATURES))
    features = centres[tile] + 0.3 * generator.normal(size=(len(tile), NUM_FEATURES))
    labels = generator.permutation(np.arange(NUM_GROUPS) % 2)[tile]
    return features.astype(np.float32), dataset(labels, [f"tile {number}" for number in tile])


def on_fold(fold: Fold, features: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> TrialOutcome:
    scoring = Scoring(labels, classes, EvaluationConfig())
    (outcome,) = run_stack(
        HeadStack((0,), ("trial",), SHAPE, (HEAD,), fold), SharedFeatures(scoring, ArrayInputs(features), None, 1)
    )
    return outcome


def outcomes(features: np.ndarray, train: Dataset, group: str | None) -> list[TrialOutcome]:
    folds = make_folds(train, FoldPlan(5, 1, 0, (0,), group))
    return [on_fold(fold, features, train.labels, train.classes) for fold in folds]


def mean_area(found: list[TrialOutcome]) -> float:
    return float(np.mean([one.metrics["roc_auc"] for one in found]))


def test_on_labels_drawn_at_random_per_tile_grouped_folds_are_at_a_half_and_plain_ones_are_not():
    grouped, plain = [], []
    for seed in range(6):
        features, train = tiles(seed)
        grouped.append(mean_area(outcomes(features, train, "group")))
        plain.append(mean_area(outcomes(features, train, None)))
    assert min(plain) > 0.7
    # Six draws of the labels: the mean lies within three of its standard errors of .5.
    error = np.std(grouped, ddof=1) / np.sqrt(len(grouped))
    assert error < 0.05
    assert abs(np.mean(grouped) - 0.5) < 3 * error


def test_on_random_labels_of_single_images_the_area_is_a_half():
    areas = []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        features = generator.normal(size=(400, NUM_FEATURES)).astype(np.float32)
        areas.append(mean_area(outcomes(features, dataset(generator.permutation([0, 1] * 200)), None)))
    error = np.std(areas, ddof=1) / np.sqrt(len(areas))
    assert abs(np.mean(areas) - 0.5) < max(3 * error, 0.03)


@pytest.mark.parametrize("validation", [None, 0.25])
def test_what_is_held_out_changes_neither_threshold_nor_the_other_folds_predictions(validation):
    features, train = tiles(0)
    folds = make_folds(train, FoldPlan(5, 1, 0, (0,), None, validation))
    fold = folds[2]
    poisoned = features.copy()
    poisoned[fold.held_out] *= 1000
    labels = train.labels.copy()
    labels[fold.held_out] = 1 - labels[fold.held_out]

    clean = on_fold(fold, features, train.labels, train.classes)
    assert on_fold(fold, poisoned, train.labels, train.classes).threshold == clean.threshold
    other = on_fold(fold, features, labels, train.classes)
    assert other.threshold == clean.threshold
    np.testing.assert_array_equal(other.held_out, clean.held_out)
    assert other.metrics["roc_auc"] == pytest.approx(1 - clean.metrics["roc_auc"])


def test_the_validation_part_is_never_trained_on():
    features, train = tiles(0)
    fold = make_folds(train, FoldPlan(5, 1, 0, (0,), "group", 0.25))[0]
    labels = train.labels.copy()
    labels[fold.validation] = 1 - labels[fold.validation]
    changed, same = (on_fold(fold, features, one, train.classes) for one in (labels, train.labels))
    np.testing.assert_array_equal(changed.held_out, same.held_out)
    assert changed.threshold != same.threshold
