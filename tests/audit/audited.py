"""Audit inputs for tests and trials, from arrays and from folders of images, without a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.data.image_measures import measure, unpacked
from kbin.data.image_sources import FileImages

SIDE = 48


def audited_set(
    name: str,
    labels: np.ndarray,
    *,
    features: np.ndarray | None = None,
    miniatures: np.ndarray | None = None,
    facts: Mapping[str, np.ndarray] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
    paths: Sequence[str] | None = None,
) -> AuditedSet:
    """Returns a set of arrays; what is not given is made so that no two images are alike."""
    number = len(labels)
    rng = np.random.default_rng([number, *name.encode()])
    small = rng.integers(0, 256, (number, SIDE, SIDE, 3), np.uint8) if miniatures is None else miniatures
    names = np.array([f"{name}/{index:05d}.png" for index in range(number)] if paths is None else paths, dtype=np.str_)
    hashes = np.array([f"{name}-{index}" for index in range(number)], dtype=np.str_)
    return AuditedSet(
        name=name,
        sample_ids=names,
        paths=names,
        labels=np.asarray(labels, np.int64),
        content_hashes=hashes,
        pixel_hashes=hashes,
        miniatures=small,
        facts=facts or {},
        groups=groups,
        features=None if features is None else np.asarray(features, np.float32),
        probabilities=probabilities or {},
    )


def audit_inputs(*sets: AuditedSet, classes: Sequence[str] = ("cat", "dog"), **more: object) -> AuditInputs:
    """Returns the inputs of these sets; `more` are fields of `AuditInputs`."""
    return AuditInputs(tuple(classes), {one.name: one for one in sets}, **more)  # type: ignore[arg-type]


def measured_set(name: str, files: Sequence[Path], labels: np.ndarray, **more: object) -> AuditedSet:
    """Returns a set of image files, measured as a run's are; `more` are fields of `AuditedSet`."""
    images = FileImages(files)
    measures = unpacked(measure(images, range(len(files))))
    fields = {
        "name": name,
        "sample_ids": np.array([str(path) for path in files]),
        "paths": np.array([str(path) for path in files]),
        "labels": np.asarray(labels, np.int64),
        "content_hashes": np.array([images.content_hash(index) for index in range(len(files))]),
        "pixel_hashes": measures.pixel_hashes,
        "miniatures": measures.miniatures,
        "facts": measures.facts,
    }
    return AuditedSet(**(fields | more))  # type: ignore[arg-type]


def save_image(pixels: np.ndarray, path: Path, **options: object) -> Path:
    """Writes an image file, shape (height, width, 3) uint8, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
