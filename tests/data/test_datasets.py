import os
import threading
from dataclasses import replace

import numpy as np
import pytest

from kbin.data.datasets import concatenate
from kbin.errors import DataError


def test_a_selection_takes_everything_along_in_the_given_order(make_dataset):
    chosen = make_dataset([0, 1, 1], patient=["a", "b", "c"]).select(np.array([2, 0]))
    assert chosen.paths.tolist() == ["cells.npz#2", "cells.npz#0"]
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.columns["patient"].tolist() == ["c", "a"]
    assert chosen.images.location(0) == "cells.npz, image 2"


def test_class_counts_name_every_class_in_order_even_an_absent_one(make_dataset):
    assert make_dataset([1, 1, 1]).class_counts() == {"cat": 0, "dog": 3}


def test_content_hashes_are_computed_once_and_follow_a_selection(make_dataset, monkeypatch):
    dataset = make_dataset([0, 1, 0], contents=[5, 6, 5])
    hashes = dataset.content_hashes()
    assert hashes[0] == hashes[2] != hashes[1]
    monkeypatch.setattr(type(dataset.images), "content_hash", lambda *_: pytest.fail("hashed again"))
    assert dataset.content_hashes().tolist() == hashes.tolist()
    assert dataset.select(np.array([1])).content_hashes().tolist() == [hashes[1]]
    assert concatenate([dataset, dataset]).content_hashes().tolist() == [*hashes, *hashes]


def test_unequal_lengths_are_refused(make_dataset):
    with pytest.raises(ValueError, match=r"equally many; got \[1, 2\]"):
        replace(make_dataset([0, 1]), labels=np.array([0]))


def test_data_of_two_roots_can_be_joined_and_sample_ids_stay_unique(make_dataset):
    joined = concatenate([make_dataset([0, 1], cell=["x", "y"]), make_dataset([1], cell=["z"], patient=["p"])])
    assert joined.labels.tolist() == [0, 1, 1]
    assert joined.sample_ids.tolist() == ["cells.npz#0", "cells.npz#1", "cells.npz#0 (2)"]
    assert list(joined.columns) == ["cell"]
    assert joined.columns["cell"].tolist() == ["x", "y", "z"]


def test_data_of_other_classes_cannot_be_joined(make_dataset):
    with pytest.raises(ValueError, match="the classes differ"):
        concatenate([make_dataset([0]), make_dataset([0], classes=("dog", "cat"))])


def test_one_image_that_cannot_be_read_ends_the_hashing_of_all(make_dataset, monkeypatch):
    dataset = make_dataset([0, 1] * 20_000)
    read, go_on = [], threading.Event()

    def content_hash(index: int) -> str:
        read.append(index)
        if index == 0:
            raise DataError("image 0 cannot be read")
        assert go_on.wait(10)
        return str(index)

    monkeypatch.setattr(dataset.images, "content_hash", content_hash)
    threading.Timer(0.2, go_on.set).start()
    with pytest.raises(DataError, match="image 0"):
        dataset.content_hashes()
    assert len(read) <= 64 * (1 + 2 * (os.cpu_count() or 1))  # they are read in pieces of 64


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["p", "p", "p (2)"], ["p", "p (2)", "p (2) (2)"]),
        (["p (2)", "p", "p", "p"], ["p (2)", "p", "p (3)", "p (4)"]),
        (["caf\udce9.png", "caf\\udce9.png"], ["caf\\udce9.png", "caf\\udce9.png (2)"]),
    ],
)
def test_no_two_images_share_a_sample_id_whatever_their_names(make_dataset, paths, ids):
    dataset = replace(make_dataset([0] * len(paths)), paths=np.array(paths))
    assert dataset.sample_ids.tolist() == ids
