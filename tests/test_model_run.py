from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from kbin.errors import IntegrityError
from kbin.model_run import _taken_up, check_saved
from kbin.unfinished import Kept
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


KEPT: dict[str, Any] = {"history": [{"epoch": 1}], "epoch": 1, "micro_batch": None, "seconds": {"training": 1.0}}


def test_a_trained_seed_whose_record_or_file_lacks_something_counts_as_not_trained(tmp_path: Path) -> None:
    model = calibrated_classifier("SmallCNN")
    path, sets = tmp_path / "model.keras", {"train": SimpleNamespace(data=range(4))}
    model.save(path)
    scores = {"set-0": np.zeros(4)}

    def taken(values: dict[str, Any], arrays: dict[str, np.ndarray], path: Path) -> object:
        return _taken_up(Kept(values, arrays), model, path, sets, 0)  # type: ignore[arg-type]

    assert taken(KEPT, scores, path) is not None
    for name in KEPT:
        assert taken({key: value for key, value in KEPT.items() if key != name}, scores, path) is None
    assert taken(KEPT, {}, path) is None
    assert taken(KEPT, {"set-0": np.zeros(3)}, path) is None
    assert taken(KEPT, scores, tmp_path / "none.keras") is None
    path.write_bytes(path.read_bytes()[:-100])
    assert taken(KEPT, scores, path) is None
