import io
import sys
import tarfile

import numpy as np
import pooch
import pytest

from kbin.data.cifar10 import ARCHIVE, CLASSES, FOLDER, read_cifar10
from kbin.errors import DataError

FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def batch(labels: list[int]) -> bytes:
    """Records whose red, green and blue planes are filled with 1, 2 and 3, but for a first red pixel of 9."""
    planes = np.repeat(np.array([1, 2, 3], np.uint8), 1024)
    planes[0] = 9
    return b"".join(bytes([label]) + planes.tobytes() for label in labels)


@pytest.fixture
def folder(tmp_path):
    """The unpacked archive, with one image of each class in every batch."""
    for name in FILES:
        (tmp_path / FOLDER).mkdir(exist_ok=True)
        (tmp_path / FOLDER / name).write_bytes(batch(list(range(10))))
    return tmp_path / FOLDER


@pytest.fixture
def archive(tmp_path, folder):
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as tar:
        tar.add(folder, arcname=FOLDER)
    return tmp_path / ARCHIVE


def test_the_archive_the_folder_and_its_parent_give_the_same(archive, folder):
    found = [read_cifar10(path) for path in (archive, folder, folder.parent)]
    for sets in found:
        assert {name: len(dataset) for name, dataset in sets.items()} == {"train": 50, "test": 10}
        assert sets["test"].classes == CLASSES
        assert sets["test"].labels.tolist() == list(range(10))
        assert sets["train"].paths[[0, 10, 49]].tolist() == [
            "data_batch_1.bin#0",
            "data_batch_2.bin#0",
            "data_batch_5.bin#9",
        ]


def test_planes_become_channels(folder):
    image = read_cifar10(folder)["test"].images.open(4)
    assert image.shape == (32, 32, 3)
    assert image[0, 0].tolist() == [9, 2, 3]
    assert image[31, 31].tolist() == [1, 2, 3]


def test_any_classes_can_be_taken_in_any_order(folder):
    sets = read_cifar10(folder, ["truck", "airplane"])
    assert sets["train"].class_counts() == {"truck": 5, "airplane": 5}
    assert sets["test"].labels.tolist() == [1, 0]
    assert sets["test"].paths.tolist() == ["test_batch.bin#0", "test_batch.bin#9"]
    assert sets["test"].images.location(1) == "test_batch.bin, image 9"


def test_an_unknown_class_is_refused_with_the_nearest(folder):
    with pytest.raises(DataError, match=r"unknown class 'automobil'. Did you mean 'automobile'"):
        read_cifar10(folder, ["airplane", "automobil"])
    with pytest.raises(DataError, match="one class only, 'cat'"):
        read_cifar10(folder, ["cat"])


def test_the_pickled_archive_is_never_read(tmp_path):
    pickled = tmp_path / "cifar-10-python.tar.gz"
    pickled.touch()
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "data_batch_1").touch()
    for path in (pickled, tmp_path / "unpacked"):
        with pytest.raises(DataError, match=r"which is pickled; .*kbin reads the binary archive"):
            read_cifar10(path)


def test_missing_and_damaged_files_are_named(folder, tmp_path):
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_3\.bin\. kbin reads the binary archive"):
        read_cifar10(folder)
    (folder / "data_batch_3.bin").write_bytes(batch([1])[:-1])
    with pytest.raises(DataError, match=r"data_batch_3\.bin: 3072 bytes are not a whole number of records"):
        read_cifar10(folder)
    (folder / "data_batch_3.bin").write_bytes(batch([10]))
    with pytest.raises(DataError, match="label 10 is not from 0 to 9"):
        read_cifar10(folder)
    with pytest.raises(DataError, match="nowhere does not exist"):
        read_cifar10(tmp_path / "nowhere")
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(DataError, match="cannot be read as an archive"):
        read_cifar10(tmp_path / "text.tar.gz")


def test_a_cut_off_archive_is_refused(archive):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cannot be read as an archive: .*Fetch https://www\.cs\.toronto\.edu"):
        read_cifar10(archive)


def test_members_are_read_by_name_wherever_the_archive_says_they_go(tmp_path):
    with tarfile.open(tmp_path / "odd.tar.gz", "w:gz") as tar:
        for name in FILES:
            member = tarfile.TarInfo(f"../../{name}")
            member.size = len(batch([0, 1]))
            tar.addfile(member, io.BytesIO(batch([0, 1])))
    assert len(read_cifar10(tmp_path / "odd.tar.gz")["train"]) == 10
    assert not (tmp_path.parent.parent / FILES[0]).exists()


def test_without_a_path_the_archive_is_fetched_with_its_checksum(archive, monkeypatch):
    asked = {}

    def retrieve(url, **options):
        asked.update(options, url=url)
        return str(archive)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(read_cifar10()["test"]) == 10
    assert asked["url"] == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert asked["known_hash"] == "md5:c32a1d4ab5d03f1284b67883e8d87530"


def test_without_a_network_the_message_says_what_goes_where(monkeypatch):
    def fail(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", fail)
    message = r"cannot be downloaded: ConnectionError\. Wanted: cifar-10-binary\.tar\.gz .*Put it at .*data\.path"
    with pytest.raises(DataError, match=message):
        read_cifar10()


def test_pooch_is_imported_only_for_a_download(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert len(read_cifar10(folder)["test"]) == 10
