from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kbin.data.images import decode_batch
from kbin.deploy.estimator_images import estimator_images
from kbin.errors import EstimatorInputError

RED = np.full((2, 8, 8, 3), (200, 10, 30), np.uint8)


def decoded(given: object) -> np.ndarray:
    images = estimator_images(given)
    return decode_batch(images, np.arange(len(images)), 8)


def saved(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(RED))]
    for path, pixels in zip(paths, RED, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


@pytest.mark.parametrize(
    "given",
    [
        RED,
        RED.astype(np.int64),
        RED.astype(np.float32) + 0.3,
        RED.tolist(),
        list(RED),
        [Image.fromarray(one) for one in RED],
        [np.full((5, 9, 3), (200, 10, 30), np.uint8), RED[0]],
    ],
    ids=["uint8", "integers", "floats", "lists", "list of arrays", "Pillow", "sizes that differ"],
)
def test_arrays_lists_and_pillow_images_come_as_their_pixels(given):
    assert (decoded(given) == RED).all()


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pd.DataFrame, lambda paths: list(map(str, paths))])
def test_paths_come_as_their_pixels_in_any_kind_of_list(tmp_path, kind):
    assert (decoded(kind(saved(tmp_path))) == RED).all()


def test_grey_images_need_no_channel():
    assert (decoded(np.full((1, 8, 8), 77, np.uint8)) == 77).all()


def test_the_same_pixels_are_the_same_image_alone_in_a_list_and_in_an_array():
    alone, together = estimator_images([RED[0]]), estimator_images(RED)
    assert alone.content_hash(0) == together.content_hash(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((3, 4), np.uint8), r"X has shape \(3, 4\): give an array of shape \(images, height, width, 3\)"),
        (np.zeros((2, 3, 8, 8), np.uint8), r"X has shape \(2, 3, 8, 8\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), "give at least one image"),
        ([], "X has shape"),
        (np.zeros((1, 8, 8, 3), bool), "X is of type bool"),
        (RED * 1j, "X is of type complex"),
        (RED - 20.0, "X has values from -10.0 to 180.0; allowed: 0 to 255"),
        (RED.astype(np.uint16) * 257, "X has values from 2570 to 51400; allowed: 0 to 255"),
        (np.full((1, 8, 8, 3), np.nan), "allowed: 0 to 255, no NaN"),
        (RED / 255, "floats from 0 to 1, which would all be black: multiply them by 255"),
        ("cat.png", "X is one path, 'cat.png'"),
        (["none.png", "absent.png"], "2 of 2 paths lead to no file: none.png, absent.png"),
        ([RED[0], "cat.png"], "X is no images"),
        (None, "X"),
    ],
)
def test_what_is_no_images_is_a_value_error_that_says_what_is_allowed(given, message):
    with pytest.raises(EstimatorInputError, match=message) as told:
        estimator_images(given)
    assert isinstance(told.value, ValueError)
