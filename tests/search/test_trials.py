"""A trial's id: the same content gives the same id, and whatever changes the result another one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kbin.config.experiment import ExperimentConfig
from kbin.search.cross_validation import FoldPlan, make_folds
from kbin.search.trials import TrialIds, piece_id
from tests.experiment_texts import SMALLEST, loader
from tests.search.datasets import dataset

TRAIN = dataset([0, 1] * 20)
FOLD = make_folds(TRAIN, FoldPlan(5, 1, 0, (0,), None, 0.25))[0]


def loaded(folder: Path, *overrides: str) -> ExperimentConfig:
    return loader(folder)(SMALLEST, overrides)


def trial_id(config: ExperimentConfig, train=TRAIN, fold=FOLD, num_views: int = 0) -> str:
    ids = TrialIds(config, train, num_views)
    return ids.joined(ids.of_model(config.models[0]), ids.of_fold(fold))


@pytest.mark.parametrize(
    "override",
    [
        "training.learning_rate=0.5",
        "training.epochs=3",
        "training.class_weight=balanced",
        "training.optimizer=sgd",
        "models.0.training={weight_decay: 0.1}",
        "models.0.head={dropout: 0.5}",
        "models.0.head={hidden_units: [8]}",
        "models.0.train_blocks=1",
        "models.0.weights=none",
        "data.image_size=128",
        "data.resize=crop",
        "augment=[{layer: RandomFlip}]",
        "engine.precision=bfloat16",
        "engine.runtime=torch",
        "engine.store=false",
        "evaluation.threshold=0.3",
    ],
)
def test_a_setting_that_changes_the_result_changes_the_id(tmp_path, override):
    assert trial_id(loaded(tmp_path, override)) != trial_id(loaded(tmp_path))


@pytest.mark.parametrize("override", ["name=other", "models.0.id=other", "training.seeds=[5]", "search={folds: 3}"])
def test_a_name_does_not_change_the_id(tmp_path, override):
    assert trial_id(loaded(tmp_path, override)) == trial_id(loaded(tmp_path))


def test_images_labels_and_seed_of_the_fold_change_the_id(tmp_path):
    config = loaded(tmp_path)
    same = trial_id(config)
    swapped = replace(FOLD, train=FOLD.validation, validation=FOLD.train)
    others = [
        trial_id(config, fold=replace(FOLD, seed=1)),
        trial_id(config, fold=swapped),
        trial_id(config, fold=replace(FOLD, validation=None)),
        trial_id(config, fold=replace(FOLD, held_out=FOLD.held_out[:-1])),
        trial_id(config, fold=replace(FOLD, train=FOLD.train[::-1])),
        trial_id(config, train=dataset([1, 0] * 20)),
        trial_id(config, train=dataset([0, 1] * 20, contents=np.arange(40) + 1)),
        trial_id(config, num_views=2),
    ]
    assert len({same, *others}) == 9


def test_the_place_of_a_fold_among_the_others_does_not_change_the_id(tmp_path):
    config = loaded(tmp_path)
    assert trial_id(config, fold=replace(FOLD, number=4, repeat=2)) == trial_id(config)


def test_the_content_of_a_weights_file_counts_and_not_its_name(tmp_path):
    for name, content in {"a": b"1", "b": b"1", "c": b"2"}.items():
        (tmp_path / f"{name}.safetensors").write_bytes(content)
    text = SMALLEST.replace("EfficientNetLite0", "ResNet18")
    ids = [
        trial_id(loader(tmp_path)(text, [f"models.0.weights={tmp_path / name}.safetensors"]))
        for name in ("a", "b", "c")
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_piece_is_named_after_its_trials():
    assert piece_id(["a", "b"]) == piece_id(["a", "b"]) != piece_id(["b", "a"])
