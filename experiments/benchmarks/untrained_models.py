"""Folders of models as a run leaves them, without a run: they are as fast, and compute as much, as trained ones."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from kbin.evaluation.novelty import fit_novelty
from kbin.model_description import DESCRIPTION, ModelDescription
from kbin.models.classifiers import POOL
from kbin.novelty_files import novelty_bytes
from kbin.run_files import MODEL, NOVELTY

_REFERENCES = 1_000


def model_folder(folder: Path, network: Any, size: int) -> Path:
    """Writes model.keras, model.json and unlike_training.npz of a classifier of two classes with a sigmoid.

    Args:
        folder: Is made.
        network: As `build_classifier` gives it.
        size: Of its images, in pixels.
    """
    folder.mkdir(parents=True)
    network.save(folder / MODEL)
    num_features = network.get_layer(POOL).output.shape[-1]
    features = np.random.default_rng(0).random((_REFERENCES, num_features), np.float32)
    measure = fit_novelty(features, np.arange(_REFERENCES), None, is_fitted=False)
    if measure is None:
        raise AssertionError("a thousand groups have a measure")
    (folder / NOVELTY).write_bytes(novelty_bytes(measure))
    described = {
        "experiment": "untrained",
        "model": network.name,
        "seed": 0,
        "backbone": network.name,
        "weights": "none",
        "classes": ["a", "b"],
        "positive": "b",
        "output": "sigmoid",
        "input": {"size": size, "resize": "stretch"},
        "threshold": {"value": 0.5, "chosen_on": "half"},
        "unlike_training": {
            "false_alarm_rate": measure.false_alarm_rate,
            "held_out_images": measure.num_held_out,
            "held_out": measure.held_out,
            "sha256": _sha256(folder / NOVELTY),
        },
        "training_data": {"images": _REFERENCES, "counts": {}, "fingerprint": ""},
        "versions": {},
        "sha256": _sha256(folder / MODEL),
    }
    (folder / DESCRIPTION).write_text(ModelDescription.model_validate(described).as_text(), encoding="utf-8")
    return folder


def calibrated(network: Any, images: np.ndarray) -> Any:
    """Sets the statistics of every BatchNorm to those of some images: without it, random weights answer all alike.

    Args:
        network: Changed in place.
        images: shape (n, height, width, 3), 0 to 255.
    """
    import keras  # late: kbin chooses its backend first

    norms = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    before = [(one.momentum, one.trainable) for one in norms]
    for one in norms:
        one.momentum, one.trainable = 0.0, True
    network(images.astype(np.float32), training=True)
    for one, (momentum, trainable) in zip(norms, before, strict=True):
        one.momentum, one.trainable = momentum, trainable
    return network


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
