"""Any npz is read rightly, or refused with a DataError."""

import io
import zipfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kbin.data.arrays import read_npz
from kbin.errors import DataError
from tests.fuzz.forms import damaged, forms, fuzz

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 3, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1])


def npz(compressed: bool, **content: np.ndarray) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **content)
    return stream.getvalue()


SOUND = [
    npz(compressed, images=IMAGES, labels=labels)
    for compressed in (False, True)
    for labels in (LABELS, np.array(list("abab")))
]


def check_message(message: str, path: Path) -> None:
    assert str(path) in message
    assert len(message) < 2_000


def read(path: Path, content: bytes) -> np.ndarray | None:
    """Returns the first image of the first set; None where the file is refused."""
    path.write_bytes(content)
    try:
        sets = read_npz(path)
    except DataError as error:
        check_message(str(error), path)
        return None
    for dataset in sets.values():
        assert len(dataset) == len(dataset.images)
        assert all(0 <= label < len(dataset.classes) for label in dataset.labels)
        for name in dataset.classes:
            name.encode()
    dataset = next(iter(sets.values()))
    return np.asarray(dataset.images.open(0))


@forms(short=80, long=1_500)
def test_damaged_archives_give_what_they_held_or_are_refused(tmp_path, cases):
    @fuzz(cases)
    @given(content=st.sampled_from(SOUND).flatmap(damaged))
    def check(content):
        first = read(tmp_path / "x.npz", content)
        assert first is None or np.array_equal(first, IMAGES[0])  # zip has checksums

    check()


@forms(short=60, long=1_000)
def test_sound_archives_of_damaged_arrays(tmp_path, cases):
    stream = io.BytesIO()
    np.save(stream, IMAGES)
    header = stream.getvalue()

    @fuzz(cases)
    @given(
        images=damaged(header[:128]), name=st.sampled_from(["images.npy", "images", "a/b_images.npy", "../images.npy"])
    )
    def check(images, name):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as file:
            file.writestr(name, images + header[128:])
            labels = io.BytesIO()
            np.save(labels, LABELS)
            file.writestr(name.replace("images", "labels"), labels.getvalue())
        read(tmp_path / "x.npz", content.getvalue())

    check()


@forms(short=60, long=1_000)
def test_arrays_of_any_shape_and_type(tmp_path, cases):
    kinds = arrays.scalar_dtypes() | arrays.unicode_string_dtypes() | arrays.byte_string_dtypes()
    names = st.sampled_from(["images", "labels", "train_images", "train_labels", "val_images", "val_labels"])
    any_array = kinds.flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    )
    likely = arrays.arrays(np.uint8, (2, 3, 3)) | arrays.arrays(np.int64, 2, elements=st.integers(0, 1))

    @fuzz(cases)
    @given(content=st.dictionaries(names, likely | any_array, max_size=4))
    def check(content):
        read(tmp_path / "x.npz", npz(False, **content))

    check()


def test_the_sound_archives_are_read(tmp_path):
    for content in SOUND:
        np.testing.assert_array_equal(read(tmp_path / "x.npz", content), IMAGES[0])
