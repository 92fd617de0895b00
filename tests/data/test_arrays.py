import io
import zipfile

import numpy as np
import pytest

from kbin.data.arrays import read_npz
from kbin.data.datasets import UNSPLIT
from kbin.errors import DataError
from tests.payloads import PICKLES, Payload


@pytest.fixture
def write_npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "cells.npz", **arrays)
        return tmp_path / "cells.npz"

    return write


def images(number, dtype="uint8", shape=(4, 4)):
    return np.zeros((number, *shape), dtype)


def test_images_and_labels_alone_are_unsplit(write_npz):
    sets = read_npz(write_npz(images=images(3), labels=np.array([0, 1, 1])), ["cat", "dog"])
    assert list(sets) == [UNSPLIT]
    assert sets[UNSPLIT].class_counts() == {"cat": 1, "dog": 2}
    assert sets[UNSPLIT].paths.tolist() == ["cells.npz#0", "cells.npz#1", "cells.npz#2"]


def test_medmnist_names_make_sets_and_columns_of_labels_are_flattened(write_npz):
    sets = read_npz(
        write_npz(
            train_images=images(2),
            train_labels=np.array([[0], [1]], np.uint8),
            val_images=images(1),
            val_labels=np.array([[1]], np.uint8),
            centre_b_images=images(1),
            centre_b_labels=np.array([[0]], np.uint8),
            remarks=np.array(["not read"]),
        )
    )
    assert {name: dataset.labels.tolist() for name, dataset in sets.items()} == {
        "centre_b": [0],
        "train": [0, 1],
        "validation": [1],
    }
    assert sets["train"].classes == ("0", "1")
    assert sets["train"].paths.tolist() == ["cells.npz#train/0", "cells.npz#train/1"]
    assert sets["centre_b"].paths.tolist() == ["cells.npz#centre_b/0"]
    assert sets["validation"].images.location(0).endswith("cells.npz, val_images, image 0")


@pytest.mark.parametrize("dtype", ["U3", "S3"])
def test_labels_may_be_class_names(write_npz, dtype):
    dataset = read_npz(write_npz(images=images(2), labels=np.array(["dog", "cat"], dtype)))[UNSPLIT]
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [1, 0]


def test_ten_and_more_integer_classes_stay_in_counting_order(write_npz):
    dataset = read_npz(write_npz(images=images(11), labels=np.arange(11)))[UNSPLIT]
    assert dataset.classes[9:] == ("9", "10")
    assert dataset.labels.tolist() == list(range(11))


def test_whether_floats_end_at_1_is_decided_on_the_whole_file(write_npz):
    bright, dark = images(1, "float32") + 200, images(1, "float32") + 1
    both = {"train_labels": np.array([0]), "test_labels": np.array([1])}
    sets = read_npz(write_npz(train_images=bright, test_images=dark, **both))
    assert sets["test"].images.open(0).max() == 1
    sets = read_npz(write_npz(train_images=bright / 200, test_images=dark, **both))
    assert sets["test"].images.open(0).max() == 255


def test_integers_are_opened_as_stored(write_npz):
    dataset = read_npz(write_npz(images=images(2, "uint16", (4, 4, 3)) + 700, labels=np.array([0, 1])))[UNSPLIT]
    assert dataset.images.open(0).dtype == np.uint16
    assert dataset.images.open(0).max() == 700


LABELS = np.array([0, 1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": images(2)}, "has no array 'labels'. It has: images"),
        ({"train_images": images(2), "labels": LABELS}, "has no array 'images'"),
        ({"x": LABELS}, "holds no images"),
        ({"images": images(2, shape=(3, 4, 5)), "labels": LABELS}, r"shape \(2, 3, 4, 5\); allowed.*channels last"),
        ({"images": images(2, shape=(4,)), "labels": LABELS}, r"shape \(2, 4\)"),
        ({"images": images(2, "int64"), "labels": LABELS}, r"type int64; allowed.*astype\('uint8'\)"),
        ({"images": images(2, "f4") - 0.5, "labels": LABELS}, "values from -0.5 to -0.5; allowed: 0 to 1, or 0 to 255"),
        ({"images": images(2, "f4") * np.nan, "labels": LABELS}, "values from nan to nan"),
        ({"images": images(3), "labels": LABELS}, r"labels has shape \(2,\); allowed for 3 images: \(3,\) or \(3, 1\)"),
        ({"images": images(2), "labels": LABELS / 2}, "labels is of type float64"),
        ({"images": images(2), "labels": LABELS + 1}, "labels are 1, 2; integers must count the classes from 0"),
        ({"images": images(2), "labels": LABELS * 0}, "one class only, '0'"),
        ({"images": images(2), "labels": np.array(["cat", "cat"])}, "one class only, 'cat'"),
        (
            {"val_images": images(2), "val_labels": LABELS, "valid_images": images(2), "valid_labels": LABELS},
            "'val_images' and 'valid_images' both are the set 'validation'",
        ),
        (
            {"a_images": images(2), "a_labels": LABELS, "b_images": images(2), "b_labels": np.array(["x", "y"])},
            "some labels are class names and some are integers",
        ),
        ({"images": np.array([images(1), None], object), "labels": LABELS}, "pickled objects.*can run any code"),
        ({"images": images(2), "labels": np.array(["a", "b"], object)}, r"save class names as text"),
    ],
)
def test_faulty_arrays_are_refused(write_npz, arrays, message):
    with pytest.raises(DataError, match=message):
        read_npz(write_npz(**arrays))


@pytest.mark.parametrize("wrong", [2, -1])
def test_a_label_that_is_none_of_the_classes_is_refused(write_npz, wrong):
    path = write_npz(images=images(3), labels=np.array([0, 1, wrong]))
    with pytest.raises(DataError, match=f"label {wrong} is none of the 2 classes cat, dog.*from 0 to 1"):
        read_npz(path, ["cat", "dog"])
    named = write_npz(images=images(2), labels=np.array(["cat", "dgo"]))
    with pytest.raises(DataError, match=r"label 1: unknown label 'dgo'. Did you mean 'dog'"):
        read_npz(named, ["cat", "dog"])


def test_files_that_are_no_npz_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", images(1))
    (tmp_path / "text.npz").write_text("no arrays")
    (tmp_path / "empty.npz").touch()
    for name in ("one.npy", "text.npz", "empty.npz"):
        with pytest.raises(DataError, match=f"{name} is not an npz file. Save images and labels together"):
            read_npz(tmp_path / name)
    with pytest.raises(DataError, match=r"no\.npz does not exist"):
        read_npz(tmp_path / "no.npz")
    with pytest.raises(DataError, match="is a folder, not an npz file"):
        read_npz(tmp_path)


def test_a_damaged_npz_is_refused(write_npz):
    path = write_npz(images=images(4), labels=np.arange(4))
    content = bytearray(path.read_bytes())
    content[150:180] = b"x" * 30  # inside the first array
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as npz.*Write it again"):
        read_npz(path)


def with_header(path, key: str, header: str):
    """Writes an array whose header says something else than there is."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (2, 3, 3)})
    text = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{key}.npy", stream.getvalue()[:10] + text + bytes(18))
        labels = io.BytesIO()
        np.save(labels, np.array([0, 1]))
        file.writestr("labels.npy", labels.getvalue())
    return path


@pytest.mark.parametrize("shape", ["(2, 1000000, 1000000)", "(2, 3, 4)", "(10**9,)", "(-2, 3, 3)"])
def test_a_shape_that_the_file_does_not_hold_takes_no_memory(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    with pytest.raises(DataError, match=r"x\.npz cannot be read as npz: "):
        read_npz(with_header(tmp_path / "x.npz", "images", header))


def test_an_archive_that_unpacks_to_more_than_there_is_memory_is_refused_with_both_sizes(write_npz, monkeypatch):
    path = write_npz(images=np.zeros((2, 1000, 1000), np.uint8), labels=LABELS)
    monkeypatch.setattr("kbin.data.memory_limits.available_memory", lambda: 1_000_000)
    with pytest.raises(DataError, match=r"x?\.npz needs 0\.0 GB of memory, and 0\.0 GB are available.*as a folder"):
        read_npz(path)
    monkeypatch.setattr("kbin.data.memory_limits.available_memory", lambda: None)
    assert len(read_npz(path)[UNSPLIT]) == 2


def test_an_archive_with_a_pickle_is_refused_and_it_does_not_run(tmp_path):
    for name in ("npz", "torch's zip", "bare pickle"):
        PICKLES[name](tmp_path / "evil.npz", Payload(tmp_path / "ran"))
        with pytest.raises(DataError, match=r"pickled objects|not an npz file|holds no images"):
            read_npz(tmp_path / "evil.npz")
    assert not (tmp_path / "ran").exists()


def test_a_set_whose_name_leads_to_another_folder_is_refused(write_npz):
    path = write_npz(**{"../history_images": images(2), "../history_labels": LABELS})
    with pytest.raises(DataError, match=r"a set is called '\.\./history'. Give it a name of at most 60 letters"):
        read_npz(path)


@pytest.mark.parametrize("labels", [np.array([b"a", b"\xff"]), np.array(["a", "\ud800"])])
def test_class_names_that_are_no_text_are_refused(write_npz, labels):
    with pytest.raises(DataError, match="holds class names that are no text"):
        read_npz(write_npz(images=images(2), labels=labels))
