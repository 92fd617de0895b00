from pathlib import Path

import keras
import numpy as np
import pytest

from kbin.errors import IntegrityError
from kbin.model_run import check_saved
from tests.networks import calibrated_classifier, random_images

IMAGES = random_images(4, 32)


@pytest.fixture
def model() -> keras.Model:
    return calibrated_classifier("MobileNetV3Large")


def scores_of(model: keras.Model) -> np.ndarray:
    return np.asarray(model.predict_on_batch(IMAGES))[:, 0]


def test_a_saved_model_that_predicts_what_was_trained_passes(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    check_saved(tmp_path / "model.keras", model, IMAGES, scores_of(model), "float32")


def test_a_file_of_other_weights_is_found(model: keras.Model, tmp_path: Path) -> None:
    calibrated_classifier("MobileNetV3Large", seed=1).save(tmp_path / "model.keras")
    with pytest.raises(IntegrityError, match=r"opened again, it predicts other probabilities"):
        check_saved(tmp_path / "model.keras", model, IMAGES, scores_of(model), "float32")


def test_a_whole_model_that_is_not_the_trained_tail_is_found(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    with pytest.raises(IntegrityError, match=r"as one model, it predicts other probabilities"):
        check_saved(tmp_path / "model.keras", model, IMAGES, scores_of(model) + 0.01, "float32")


def test_scores_of_features_in_bfloat16_may_differ_by_hundredths(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    check_saved(tmp_path / "model.keras", model, IMAGES, scores_of(model) + 0.04, "bfloat16")
