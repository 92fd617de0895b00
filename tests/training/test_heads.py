"""Heads that train together, against the same heads trained by Keras one after the other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.inputs import ArrayInputs, Chosen
from kbin.errors import DataError
from kbin.models.classifiers import STANDARDIZE, build_head
from kbin.models.standardization import standardize_on
from kbin.training.heads import (
    HeadData,
    HeadOutcome,
    HeadSettings,
    HeadShape,
    can_be_stacked,
    heads_at_once,
    together_key,
    train_heads,
)
from kbin.training.trainer import Labelled, Trained, train

COUNT, NUM_FEATURES = 240, 24
SIGMOID = HeadShape((), "sigmoid", 2, standardize=False)
NAMES = ("a", "b", "c")


def made(num_classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns features, shape (COUNT, NUM_FEATURES), of unequal means and scales, and labels of unequal numbers."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(num_classes, COUNT, p=np.arange(1, num_classes + 1) / np.arange(1, num_classes + 1).sum())
    directions = generator.normal(0, 0.6, (num_classes, NUM_FEATURES))
    features = directions[labels] + generator.normal(0, 1, (COUNT, NUM_FEATURES))
    scales = generator.uniform(0.3, 2, NUM_FEATURES)
    return (features * scales + generator.uniform(0, 1, NUM_FEATURES)).astype(np.float32), labels


FEATURES, LABELS = made()
ORDER = np.random.default_rng(3).permutation(COUNT)
# 160 and 150 training samples: the last batch of the second part is smaller, and its epochs have as many steps.
PARTS = (
    HeadData(ORDER[:160], ORDER[160:210], ORDER[210:], seed=1),
    HeadData(ORDER[90:], ORDER[:60], ORDER[60:90], seed=2),
)


def settings(dropout: float = 0.0, **changes) -> HeadSettings:
    return HeadSettings(TrainingConfig(**{"learning_rate": 1e-2, "epochs": 3, **changes}), dropout)


def by_keras(
    shape: HeadShape,
    head: HeadSettings,
    part: HeadData,
    features: np.ndarray = FEATURES,
    labels: np.ndarray = LABELS,
    class_weights: np.ndarray | None = None,
    views: np.ndarray | None = None,
    num_views: int = 1,
) -> tuple[Trained, np.ndarray, np.ndarray]:
    """Returns what training was, and the probabilities of the part's held-out and validation samples."""
    model = build_head(
        features.shape[1],
        seed=part.seed,
        hidden_units=shape.hidden_units,
        dropout=head.dropout,
        standardize=shape.standardize,
        num_classes=shape.num_classes,
        output=shape.output,
    )
    if shape.standardize:
        standardize_on(model.get_layer(STANDARDIZE), features[part.train])
    inputs = ArrayInputs(features[part.train])
    if views is not None:
        rows = np.concatenate([view * len(features) + part.train for view in range(num_views)])
        inputs = ArrayInputs(views[rows])
    watched = Labelled(ArrayInputs(features[part.validation]), labels[part.validation])
    trained = train(
        model,
        Labelled(inputs, labels[part.train], num_views),
        watched,
        head.training,
        seed=part.seed,
        class_weights=class_weights,
    )
    answers = [model.predict(features[places], verbose=0) for places in (part.held_out, part.validation)]
    return trained, *(values[:, 0] if values.shape[1] == 1 else values for values in answers)


def together(
    shape: HeadShape, heads: Sequence[HeadSettings], parts: Sequence[HeadData] = PARTS, **changes
) -> list[list[HeadOutcome]]:
    features, labels = changes.pop("features", FEATURES), changes.pop("labels", LABELS)
    return train_heads(ArrayInputs(features), labels, NAMES[: shape.num_classes], shape, heads, parts, **changes)


def assert_as_by_keras(
    shape: HeadShape,
    heads: Sequence[HeadSettings],
    tolerance: float = 1e-4,
    class_weights: Callable[[HeadSettings, HeadData], np.ndarray | None] = lambda head, part: None,
    parts: Sequence[HeadData] = PARTS,
    **data,
) -> None:
    named = {name: data[name] for name in ("features", "labels") if name in data}
    views = {"views": ArrayInputs(data["views"]), "num_views": data["num_views"]} if "views" in data else {}
    for part, outcomes in zip(parts, together(shape, heads, parts, **named, **views), strict=True):
        for head, outcome in zip(heads, outcomes, strict=True):
            trained, held_out, validation = by_keras(
                shape, head, part, class_weights=class_weights(head, part), **data
            )
            assert np.ptp(held_out, axis=0).max() > 0.01
            assert outcome.error is None
            assert outcome.epoch == trained.epoch
            np.testing.assert_allclose(outcome.held_out, held_out, atol=tolerance, rtol=0)
            np.testing.assert_allclose(outcome.validation, validation, atol=tolerance, rtol=0)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_heads_without_hidden_layers_come_out_as_by_keras(optimizer, output):
    shape = HeadShape((), output, 2, standardize=True)
    heads = [settings(optimizer=optimizer, learning_rate=rate, weight_decay=0.02) for rate in (1e-4, 1e-3, 1e-2)]
    assert_as_by_keras(shape, heads)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_heads_with_hidden_layers_come_out_as_by_keras(optimizer):
    shape = HeadShape((8, 5), "sigmoid", 2, standardize=False)
    assert_as_by_keras(shape, [settings(optimizer=optimizer, learning_rate=rate) for rate in (1e-4, 1e-3)])
