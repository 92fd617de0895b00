"""The one model that a path leads to."""

import hashlib
from pathlib import Path

import pytest

from kbin.deploy.model_folder import open_model_folder
from kbin.errors import ModelFileError
from kbin.model_description import DESCRIPTION, ModelDescription
from tests.test_model_description import described


def a_model_folder(folder: Path, content: bytes = b"weights") -> Path:
    """Makes a folder in which all but the model itself is right."""
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(content)
    text = ModelDescription.model_validate(described(sha256=hashlib.sha256(content).hexdigest())).as_text()
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "given",
    ["run", "run/models", "run/models/fixed", "run/models/fixed/seed-3", "run/models/fixed/seed-3/model.keras"],
)
def test_a_folder_above_leads_to_the_one_model_in_it(tmp_path, given):
    folder = a_model_folder(tmp_path / "run/models/fixed/seed-3")

    found = open_model_folder(tmp_path / given)

    assert found.path == folder
    assert found.description.classes == ("good", "bad")


def test_of_several_models_none_is_chosen_and_all_are_named(tmp_path):
    for seed in (0, 1):
        a_model_folder(tmp_path / f"run/models/fixed/seed-{seed}")

    with pytest.raises(ModelFileError, match="holds 2 models") as told:
        open_model_folder(tmp_path / "run")

    assert str(tmp_path / "run/models/fixed/seed-1") in str(told.value)


def test_a_model_that_is_not_the_described_one_is_refused(tmp_path):
    folder = a_model_folder(tmp_path / "seed-0")
    (folder / "model.keras").write_bytes(b"another")

    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        open_model_folder(folder)


@pytest.mark.parametrize(("missing", "message"), [("model.keras", "has no model.keras"), (DESCRIPTION, "has no model")])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, missing, message):
    folder = a_model_folder(tmp_path / "seed-0")
    (folder / missing).unlink()

    with pytest.raises(ModelFileError, match=message):
        open_model_folder(folder)


@pytest.mark.parametrize(("given", "message"), [("nowhere", "does not exist"), (".", "holds no model.keras")])
def test_a_place_without_a_model_is_told_so(tmp_path, given, message):
    with pytest.raises(ModelFileError, match=message):
        open_model_folder(tmp_path / given)
