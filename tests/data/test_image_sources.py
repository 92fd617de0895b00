import pickle

import numpy as np
import pytest

from kbin.data.image_sources import ArrayImages, FileImages, JoinedImages
from kbin.errors import DataError


def test_files_with_the_same_bytes_have_the_same_hash_and_others_do_not(tmp_path, write_image):
    files = [write_image(tmp_path / f"{index}.png", content) for index, content in enumerate([7, 7, 8])]
    hashes = [FileImages(files).content_hash(index) for index in range(3)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 32


def test_a_missing_file_is_named_when_it_is_hashed(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png cannot be read: no such file.*take it out"):
        FileImages([tmp_path / "gone.png"]).content_hash(0)


def test_arrays_of_equal_bytes_but_other_shapes_have_other_hashes():
    wide = ArrayImages(np.zeros((1, 2, 8), np.uint8), "a")
    high = ArrayImages(np.zeros((1, 8, 2), np.uint8), "b")
    assert wide.content_hash(0) != high.content_hash(0)


def test_the_hash_of_an_array_does_not_depend_on_its_layout_in_memory():
    planes = np.arange(48, dtype=np.uint8).reshape(1, 3, 4, 4)
    turned = planes.transpose(0, 2, 3, 1)
    assert ArrayImages(turned, "a").content_hash(0) == ArrayImages(turned.copy(), "b").content_hash(0)


def test_a_selection_keeps_the_place_of_each_image_in_messages():
    images = ArrayImages(np.arange(5, dtype=np.uint8).reshape(5, 1, 1), "cells.npz").select(np.array([4, 1]))
    assert [images.location(index) for index in range(2)] == ["cells.npz, image 4", "cells.npz, image 1"]
    assert images.open(0).item() == 4
    assert images.select(np.array([1])).location(0) == "cells.npz, image 1"


def test_floats_with_a_known_white_are_opened_as_bytes():
    # 0.5 of a white of 1 is 127.5, which rounds to the even 128; 51 of a white of 255 stays 51.
    assert ArrayImages(np.full((1, 1, 1), 0.5), "a", white=1.0).open(0).item() == 128
    assert ArrayImages(np.full((1, 1, 1), 51.0), "a", white=255.0).open(0).item() == 51


def test_joined_sources_count_through_and_keep_their_own_names(tmp_path, write_image):
    file = write_image(tmp_path / "a.png", 9)
    array = ArrayImages(np.array([3, 4], np.uint8).reshape(2, 1, 1), "cells.npz")
    joined = JoinedImages([FileImages([file]), array])
    assert len(joined) == 3
    assert joined.location(0) == str(file)
    assert joined.location(2) == "cells.npz, image 1"
    assert joined.open(1).item() == 3
    reversed_pair = joined.select(np.array([2, 0]))
    assert reversed_pair.content_hash(0) == array.content_hash(1)
    assert reversed_pair.location(1) == str(file)


def test_an_empty_source_may_be_joined():
    empty = ArrayImages(np.zeros((0, 2, 2), np.uint8), "empty")
    one = ArrayImages(np.zeros((1, 2, 2), np.uint8), "one")
    assert JoinedImages([empty, one, empty]).location(0) == "one, image 0"


def test_only_the_images_in_use_travel_to_another_process(tmp_path, write_image, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = FileImages([write_image(tmp_path / f"{index}.png", index).relative_to(tmp_path) for index in range(50)])
    array = ArrayImages(np.arange(10**6, dtype=np.uint8).reshape(100, 100, 100), "cells.npz", white=None)
    chosen = JoinedImages([files, array]).select(np.array([149, 3, 60, 1]))
    sent = pickle.dumps(chosen)
    assert len(sent) < 25_000
    monkeypatch.chdir("/")
    there = pickle.loads(sent)
    assert [there.location(index) for index in range(4)] == [
        "cells.npz, image 99",
        str(tmp_path / "3.png"),
        "cells.npz, image 10",
        str(tmp_path / "1.png"),
    ]
    assert [there.content_hash(index) for index in (0, 2)] == [array.content_hash(99), array.content_hash(10)]
    assert there.select(np.array([2])).location(0) == "cells.npz, image 10"
    assert len(pickle.loads(pickle.dumps(JoinedImages([files]).select(np.array([], np.int64))))) == 0
