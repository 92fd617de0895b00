"""Which trials can be heads that train together, and how they are grouped."""

from pathlib import Path

import numpy as np
import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.config.search import with_settings
from kbin.engine.inputs import ArrayInputs
from kbin.search import stacks
from kbin.search.cross_validation import FoldPlan, make_folds
from kbin.search.stacks import SharedFeatures, is_stackable, make_stacks
from kbin.search.trials import Scoring
from tests.experiment_texts import SMALLEST, loader
from tests.search.datasets import dataset


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], True),
        (["models.0.head={hidden_units: [8], dropout: 0.5, standardize: true}"], True),
        (["augment=[{layer: RandomFlip}]"], True),
        (["training.early_stopping=2"], True),
        (["models.0.train_blocks=1"], False),
        (["models.0.train_from=top"], False),
        (["models.0.stages=[{train_blocks: 0}, {train_blocks: 1}]"], False),
        (["models.0.weights=none"], False),  # another random backbone for each seed
        (["augment=[{layer: MixUp}]"], False),  # it would mix held-out images in
        (["augment=[{layer: RandomFlip}]", "engine.views=0"], False),
        (["engine.store=false"], False),
        (["training.precision=bfloat16"], False),
    ],
)
def test_only_heads_on_stored_features_of_a_pretrained_backbone_train_together(tmp_path, overrides, expected):
    config = loader(tmp_path)(SMALLEST, overrides)
    assert is_stackable(config.models[0], config) is expected


def test_every_trial_is_in_one_stack_with_heads_of_its_kind_and_one_fold(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(stacks, "heads_at_once", lambda shape, num_features, num_parts: 2)
    config = loader(tmp_path)(SMALLEST)
    settings = [
        {"training.learning_rate": 1e-3},
        {"head.hidden_units": [8]},
        {"training.learning_rate": 1e-2},
        {"training.optimizer": "sgd"},
        {"training.learning_rate": 1e-1},
    ]
    models = [(place, with_settings(config.models[0], one)) for place, one in enumerate(settings)]
    train = dataset([0, 1] * 20)
    folds = make_folds(train, FoldPlan(5, 1, 0, (0,)))
    names = [[f"{place} on {number}" for number in range(5)] for place in range(5)]
    scoring = Scoring(train.labels, train.classes, EvaluationConfig())
    shared = SharedFeatures(scoring, ArrayInputs(np.zeros((40, 3), np.float32)), None, 1)
    made = make_stacks(models, names, config, folds, shared)
    assert sorted(name for one in made for name in one.trial_ids) == sorted(name for row in names for name in row)
    assert {one.combinations for one in made} == {(0, 2), (4,), (1,), (3,)}
    for one in made:
        number = folds.index(one.fold)
        assert one.trial_ids == tuple(f"{place} on {number}" for place in one.combinations)
        rates = [head.training.learning_rate for head in one.heads]
        assert rates == [dict(models)[place].training.learning_rate or 1e-3 for place in one.combinations]
