"""Folders of trained models as `kbin run` leaves them, made by hand."""

import hashlib
from pathlib import Path
from typing import Any

import keras

from kbin.model_description import DESCRIPTION, ModelDescription
from tests.networks import calibrated_classifier
from tests.test_model_description import described


def folder_of(network: keras.Model, folder: Path, **changes: Any) -> Path:
    """Saves a model with a description that fits it, but for what is changed."""
    folder.mkdir(parents=True)
    network.save(folder / "model.keras")
    digest = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()
    size = network.input_shape[1]
    values = described(backbone=network.name, input={"size": size, "resize": "stretch"}, sha256=digest) | changes
    (folder / DESCRIPTION).write_text(ModelDescription.model_validate(values).as_text(), encoding="utf-8")
    return folder


def small_folder(folder: Path, **changes: Any) -> Path:
    """Returns the folder of a small network of two classes whose predictions spread."""
    return folder_of(calibrated_classifier("SmallCNN", hidden_units=(8,), standardize=True), folder, **changes)
