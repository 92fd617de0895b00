"""The columns of a row, by hand."""

from typing import Any

import numpy as np
import pytest

from kbin.deploy.predicted_images import Naming, threshold_in_force
from kbin.deploy.prediction_pass import PredictedBatch
from kbin.errors import KbinError
from kbin.model_description import ModelDescription
from tests.test_model_description import described


def description(**changes: Any) -> ModelDescription:
    return ModelDescription.model_validate(described(**changes))


def of_three(*classes: str) -> ModelDescription:
    return description(classes=classes, positive=None, threshold=None, output="softmax")


def rows(naming: Naming, probabilities: list[list[float]], ratios: list[float] | None = None) -> list[dict[str, Any]]:
    items = [(f"{index}.png", "good") for index in range(len(probabilities))]
    values = None if ratios is None else np.array(ratios)
    return list(naming.rows(PredictedBatch(items, [""] * len(items), np.array(probabilities), values)))


def test_the_label_is_positive_from_the_threshold_on():
    found = rows(Naming(description(), 0.4, False), [[0.39], [0.4], [0.9]])

    assert [one["label"] for one in found] == ["good", "bad", "bad"]
    assert [one["probability"] for one in found] == [0.39, 0.4, 0.9]
    assert list(found[0]) == ["path", "probability", "label", "error"]


def test_of_a_softmax_of_two_the_positive_class_counts():
    (found,) = rows(Naming(description(output="softmax"), 0.4, False), [[0.55, 0.45]])

    assert (found["probability"], found["label"]) == (0.45, "bad")


def test_a_temperature_of_two_halves_the_logit():
    (found,) = rows(Naming(description(temperature=2.0), 0.4, False), [[0.8]])

    assert found["calibrated_probability"] == pytest.approx(2 / 3)  # odds of 4 become 2
    assert (found["probability"], found["label"]) == (0.8, "bad")


def test_above_the_limit_an_image_is_marked():
    found = rows(Naming(description(), 0.4, True), [[0.5], [0.5], [0.5]], [0.2, 1.0, 1.01])

    assert [one["training_distance"] for one in found] == [0.2, 1.0, 1.01]
    assert [one["unlike_training"] for one in found] == [False, False, True]


def test_of_more_classes_the_likeliest_is_the_answer_and_each_has_a_column():
    naming = Naming(of_three("a", "error", "path"), None, False, has_truth=True)
    (found,) = rows(naming, [[0.2, 0.5, 0.3]])

    assert found == {
        "path": "0.png", "y_true": "good", "probability": 0.5, "label": "error", "error": "",
        "a": 0.2, "class error": 0.5, "class path": 0.3,
    }  # fmt: skip


def test_bad_images_keep_their_place_among_the_sound_ones():
    batch = PredictedBatch([("0", ""), ("1", ""), ("2", "")], ["", "torn", ""], np.array([[0.1], [0.9]]), None)

    found = list(Naming(description(), 0.4, False).rows(batch))

    assert [(one["path"], one["probability"], one["error"]) for one in found] == [
        ("0", 0.1, ""), ("1", None, "torn"), ("2", 0.9, ""),
    ]  # fmt: skip


@pytest.mark.parametrize("given", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(given):
    with pytest.raises(KbinError, match="it must be a probability, from 0 to 1"):
        threshold_in_force(description(), given)


def test_the_locked_threshold_holds_where_none_is_given():
    assert threshold_in_force(description(), None) == 0.4
    assert threshold_in_force(description(), 0.0) == 0.0
    assert threshold_in_force(of_three("a", "b", "c"), None) is None
