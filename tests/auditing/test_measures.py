import numpy as np
import pytest
from PIL import Image

from kbin.auditing.measures import measured
from kbin.data.datasets import Dataset, FileImages
from kbin.data.image_measures import ROW_BYTES
from kbin.engine.feature_store import FeatureStore
from kbin.errors import BadImagesError
from kbin.progress import Progress


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", 10**9)


def dataset(folder, colours):
    folder.mkdir()
    files = []
    for index, colour in enumerate(colours):
        files.append(folder / f"{index}.png")
        Image.new("RGB", (10, 6), colour).save(files[-1])
    return Dataset(
        np.array([path.name for path in files]), np.zeros(len(files), np.int64), ("a", "b"), FileImages(files)
    )


def test_every_set_has_the_measures_of_its_own_images(store, tmp_path):
    sets = {"train": dataset(tmp_path / "train", ["red", "black"]), "test": dataset(tmp_path / "test", ["white"])}
    found = measured(sets, store, Progress())
    assert found["train"].facts["brightness"].tolist() == [76.0, 0.0]  # Pillow's L of pure red: 255 * .299
    assert found["test"].facts["brightness"].tolist() == [255.0]
    assert found["test"].facts["width"].tolist() == [10.0]
    assert (found["train"].miniatures[0] == [255, 0, 0]).all()


def test_an_image_is_measured_once_on_a_machine(store, tmp_path, monkeypatch):
    sets = {"train": dataset(tmp_path / "train", ["red", "red", "blue"])}
    first = measured(sets, store, Progress())
    monkeypatch.setattr("kbin.auditing.measures.measure", None)  # nothing is left to be measured
    again = measured(sets, FeatureStore(store.root, store.limit_bytes), Progress())
    np.testing.assert_array_equal(first["train"].pixel_hashes, again["train"].pixel_hashes)
    assert len(set(first["train"].pixel_hashes.tolist())) == 2


def test_where_the_store_has_no_room_images_are_measured_each_time(tmp_path):
    full = FeatureStore(tmp_path / "store", ROW_BYTES)
    sets = {"train": dataset(tmp_path / "train", ["red", "blue", "green"])}
    found = measured(sets, full, Progress())
    assert found["train"].facts["blue"].tolist() == [0.0, 255.0, 0.0]
    assert not any(entry.images for entry in full.entries())


def test_an_image_that_was_damaged_since_is_named(store, tmp_path):
    sets = {"train": dataset(tmp_path / "train", ["red", "blue"])}
    (tmp_path / "train" / "1.png").write_text("no image")
    with pytest.raises(BadImagesError, match=r"1 image cannot be read: .*1\.png .*Restore what was there"):
        measured(sets, store, Progress())
