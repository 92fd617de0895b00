import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kbin.data.folder import read_folder
from kbin.engine.augmentation import Augmenter
from kbin.engine.inputs import ImageInputs
from kbin.explain.augmented_samples import augmented_samples
from kbin.model_inputs import Augmentation, SetImages
from tests.image_folders import write_images


@pytest.fixture
def train(tmp_path: Path) -> SetImages:
    write_images(tmp_path / "images", {"train/dark": 4, "train/bright": 4})
    data = read_folder(tmp_path / "images", ("dark", "bright"))["train"]
    return SetImages(data, ImageInputs(data.images, 32, "stretch"))


def tile(png: bytes, line: int, column: int) -> np.ndarray:
    """A picture of the grid: 160 pixels, below it a caption of 18, 6 apart, 78 from the left."""
    left, top = 78 + column * 166, 6 + line * 184
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[top : top + 160, left : left + 160]


def test_the_first_row_is_the_originals_with_classes_in_turn_and_the_others_are_views(train: SetImages) -> None:
    settings = [{"layer": "RandomInvert", "factor": [1.0, 1.0]}]
    png = augmented_samples(train, Augmentation(Augmenter(settings), "", None, 0))
    brightness = [[tile(png, line, column).mean() for column in range(6)] for line in range(5)]
    # dark, bright, dark ...; inverted in every view
    for line, sign in enumerate([1, -1, -1, -1, -1]):
        differences = sign * np.diff(brightness[line])
        assert np.all(differences[::2] > 0)
        assert np.all(differences[1::2] < 0)


def test_mixed_images_are_drawn_mixed(train: SetImages) -> None:
    """A half of one image and a half of another: classes of brightness 70 and 170 give some near 120."""
    png = augmented_samples(train, Augmentation(Augmenter([{"layer": "MixUp", "alpha": 50.0}]), "", None, 0))
    brightness = [tile(png, line, column).mean() for line in range(1, 5) for column in range(6)]
    assert any(105 < value < 135 for value in brightness)
    assert all(value < 90 or value > 150 for value in (tile(png, 0, column).mean() for column in range(6)))
