"""Images for the tests, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kbin.data.datasets import ArrayImages, Dataset


@pytest.fixture
def write_image() -> Callable[..., Path]:
    """Writes an 8 x 8 grey image; another `content` is another image."""

    def write(path: Path, content: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), content).save(path)
        return path

    return write


@pytest.fixture
def image_folder(tmp_path: Path, write_image: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a folder of images, all different, from `{"train/cat": 3}`: folder and number of images."""

    def make(counts: dict[str, int], name: str = "data", first: int = 0) -> Path:
        content = first
        for folder, number in counts.items():
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for index in range(number):
                write_image(tmp_path / name / folder / f"{index}.png", content)
                content += 1
        return tmp_path / name

    return make


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    """Makes a dataset from labels; images with the same content number are identical."""

    def make(
        labels: list[int],
        contents: list[int] | None = None,
        classes: tuple[str, ...] = ("cat", "dog"),
        name: str = "cells.npz",
        **columns: list[str],
    ) -> Dataset:
        values = np.arange(len(labels)) if contents is None else np.array(contents)
        array = np.zeros((len(labels), 4, 4), dtype=np.uint16) + values[:, None, None].astype(np.uint16)
        return Dataset(
            paths=np.array([f"{name}#{index}" for index in range(len(labels))]),
            labels=np.array(labels, dtype=np.int64),
            classes=classes,
            images=ArrayImages(array, name),
            columns={key: np.array(cells) for key, cells in columns.items()},
        )

    return make
