"""Training the tail on stored features gives what training the uncut model gives."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kbin.config.training import TrainingConfig
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages, predict_inputs
from kbin.engine.inputs import ArrayInputs
from kbin.engine.prefix import cut
from kbin.models.freezing import check_frozen, frozen_fingerprints
from kbin.progress import Progress
from kbin.training.trainer import Labelled, train
from tests.float64 import float64
from tests.networks import calibrated_classifier, random_images

__all__ = ["float64"]

SIZE = 64
IMAGES = random_images(64, SIZE)
LABELS = np.arange(64) % 2
# Batches of the size that the feature pass has: torch computes an image in the same way to the bit only within those.
# At a rate of 1e-3 a random ResNet50 saturates, and every test on it passes.
SETTINGS = TrainingConfig(epochs=3, batch_size=32, seeds=(0,), learning_rate=1e-4)


def classifier(backbone: str, train_blocks: int) -> keras.Model:
    return calibrated_classifier(backbone, SIZE, seed=1, train_blocks=train_blocks, hidden_units=(8,), dropout=0.3)


def trained_uncut(backbone: str, train_blocks: int) -> np.ndarray:
    model = classifier(backbone, train_blocks)
    before = frozen_fingerprints(model)
    train(model, Labelled(ArrayInputs(IMAGES), LABELS), None, SETTINGS, seed=5)
    check_frozen(model, before)
    return predict_inputs(model, ArrayInputs(IMAGES), 8)


def trained_cut(backbone: str, train_blocks: int, store: Path, runtime: str) -> np.ndarray:
    """Trains the tail on stored features, and predicts with the whole model from raw images."""
    model = classifier(backbone, train_blocks)
    parts = cut(model)
    assert parts is not None
    engine = FeatureEngine(FeatureStore(store, 10**9), runtime, "float32", "stretch", Progress())
    hashes = np.array([str(index) for index in range(len(IMAGES))])
    features = engine.features(parts, {"train": HashedImages(hashes, ArrayInputs(IMAGES))})["train"]
    train(parts.tail, Labelled(features, LABELS), None, SETTINGS, seed=5)
    return predict_inputs(model, ArrayInputs(IMAGES), 8)


@pytest.mark.parametrize("train_blocks", [0, 1])
@pytest.mark.parametrize("backbone", ["ResNet50", "EfficientNetB0", "MobileNetV3Large"])
class TestCutAndUncutTraining:
    @pytest.mark.usefixtures("float64")
    def test_agree_to_1e_8_in_float64(self, backbone: str, train_blocks: int, tmp_path: Path) -> None:
        uncut = trained_uncut(backbone, train_blocks)
        assert np.ptp(uncut) > 0.01
        np.testing.assert_allclose(trained_cut(backbone, train_blocks, tmp_path, "torch"), uncut, atol=1e-8, rtol=0)

    def test_agree_to_1e_3_in_float32_on_torch(self, backbone: str, train_blocks: int, tmp_path: Path) -> None:
        uncut = trained_uncut(backbone, train_blocks)
        assert np.ptp(uncut) > 0.01
        np.testing.assert_allclose(trained_cut(backbone, train_blocks, tmp_path, "torch"), uncut, atol=1e-3, rtol=0)


def test_training_moves_the_predictions_by_more_than_the_tolerance(tmp_path: Path) -> None:
    untrained = predict_inputs(classifier("EfficientNetB0", 1), ArrayInputs(IMAGES), 8)
    assert np.abs(trained_cut("EfficientNetB0", 1, tmp_path, "torch") - untrained).max() > 0.02
