"""model.json may come from a stranger: what does not agree with itself is refused in a sentence."""

import json
from typing import Any

import pytest

from kbin.errors import ModelFileError
from kbin.model_description import DESCRIPTION, ModelDescription, read_description


def described(**changes: Any) -> dict[str, Any]:
    """Returns what a model.json of two classes holds."""
    return {
        "format": 1,
        "experiment": "cells",
        "model": "fixed",
        "seed": 0,
        "backbone": "SmallCNN",
        "weights": "none",
        "classes": ["good", "bad"],
        "positive": "bad",
        "output": "sigmoid",
        "input": {"size": 32, "resize": "stretch"},
        "threshold": {"value": 0.4, "chosen_on": "validation", "criterion": "youden"},
        "training_data": {"images": 10, "counts": {"good": 6, "bad": 4}, "fingerprint": "ab"},
        "versions": {"keras": "3.15.1"},
        "sha256": "0" * 64,
    } | changes


def test_what_is_written_is_read_again(tmp_path):
    description = ModelDescription.model_validate(described(temperature=1.5))
    (tmp_path / DESCRIPTION).write_text(description.as_text(), encoding="utf-8")

    again = read_description(tmp_path)

    assert again == description
    assert again.input.layout == "NHWC"
    assert again.input.range == (0, 255)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positive": "good"}, "the last one is the positive one"),
        ({"classes": ["bad", "bad"]}, "there twice"),
        ({"classes": ["a", "b", "c"], "positive": None, "threshold": None}, "sigmoid output has two"),
        ({"threshold": None}, "two classes have a threshold"),
        ({"classes": ["a", "b", "c"], "positive": None, "output": "softmax"}, "more have none"),
        ({"format": 2}, "format"),
        ({"sha256": "../../etc"}, "sha256"),
        ({"input": {"size": 10**9, "resize": "stretch"}}, "input.size"),
        ({"temperature": 0}, "temperature"),
    ],
)
def test_a_description_that_does_not_agree_with_itself_is_refused(tmp_path, changes, reason):
    (tmp_path / DESCRIPTION).write_text(json.dumps(described(**changes)), encoding="utf-8")

    with pytest.raises(ModelFileError, match=reason):
        read_description(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b'{"format": NaN}', b"[]"])
def test_what_is_no_description_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / DESCRIPTION).write_bytes(content)

    with pytest.raises(ModelFileError, match=r"model\.json is damaged"):
        read_description(tmp_path)


def test_a_folder_without_one_is_told_where_there_are_some(tmp_path):
    with pytest.raises(ModelFileError, match=r"runs/<name>/models/<id>/seed-<n>"):
        read_description(tmp_path)
