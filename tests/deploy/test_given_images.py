"""Which images a command line means, in which order, with which labels."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbin.deploy.given_images import BY_FOLDER, GivenImages
from kbin.errors import DataError

CLASSES = ("cat", "dog")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def paths(*given: str, lines: str = "") -> list[str]:
    images = GivenImages(given, stream=io.StringIO(lines))
    found = [one.path for one in images]
    assert images.count() in (None, len(found))
    return found


def test_a_folder_is_walked_by_name_through_links_once():
    touch("a/2.jpg", "a/10.PNG", "a/notes.txt", "a/.hidden.jpg", "a/b/1.tif", "a/.git/1.jpg")
    os.symlink("..", "a/b/back")
    os.symlink("b", "a/again")
    os.symlink("loop", "a/loop")

    assert paths("a") == ["a/10.PNG", "a/2.jpg", "a/again/1.tif"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/*.jpg", ["a/1.jpg", "a/2.jpg"]),
        ("a/[12].*", ["a/1.jpg", "a/1.txt", "a/2.jpg"]),
        ("a/*", ["a/1.jpg", "a/2.jpg", "a/b/3.jpg"]),
        ("**/*.jpg", ["a/1.jpg", "a/2.jpg", "a/b/3.jpg"]),
        ("*/b", ["a/b/3.jpg"]),
        ("a/**", ["a/1.jpg", "a/2.jpg", "a/b/3.jpg"]),
    ],
)
def test_a_pattern_fits_files_and_folders_by_name(pattern, expected):
    touch("a/2.jpg", "a/1.jpg", "a/1.txt", "a/b/3.jpg", "a/.4.jpg")

    assert paths(pattern) == expected


def test_a_file_that_is_called_like_a_pattern_is_a_file():
    touch("a[1].jpg", "a1.jpg")

    assert paths("a[1].jpg") == ["a[1].jpg"]


def test_a_table_is_read_relative_to_itself_and_its_paths_stay_as_they_stand(here):
    touch("tables/x.csv")
    Path("tables/x.csv").write_text('\ufeffid;path\n1;"b;1.jpg"\n\n2;/abs/2.jpg\n', encoding="utf-8")

    found = list(GivenImages(["tables/x.csv"]))

    assert [one.path for one in found] == ["b;1.jpg", "/abs/2.jpg"]
    assert [one.file for one in found] == [Path("tables/b;1.jpg"), Path("/abs/2.jpg")]


def test_a_list_may_have_windows_ends_and_blank_lines_and_its_number_is_not_known():
    assert paths("-", lines="a.jpg\r\n\n b.jpg\n") == ["a.jpg", " b.jpg"]
    assert GivenImages(["-"]).count() is None


def test_labels_come_from_a_column_or_from_the_nearest_folder():
    touch("in/cat/1.jpg", "in/dog/cat/2.jpg", "in/other/3.jpg")
    Path("x.csv").write_text("path,kind\nin/cat/1.jpg,dog\nin/cat/1.jpg,\n")

    assert [one.label for one in GivenImages(["in"], BY_FOLDER, CLASSES)] == ["cat", "cat", ""]
    assert [one.label for one in GivenImages(["x.csv"], "kind", CLASSES)] == ["dog", ""]
    assert [one.label for one in GivenImages(["x.csv"], BY_FOLDER, CLASSES)] == ["cat", "cat"]


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ("", None, "has no rows"),
        ("path\n", None, "has no rows"),
        ("file\na.jpg\n", None, "unknown column 'path'"),
        ("path,path\na.jpg,b.jpg\n", None, "two columns have the same heading"),
        ("path,x\na.jpg\n", None, "line 2: 1 cells where there are 2 headings"),
        ("path,x\n,1\n", None, "line 2: the path is empty"),
        ("path,x\na.jpg,cow\n", "x", "line 2: unknown class 'cow'"),
        ("path,x\na.jpg,cat\n", "y", "unknown column 'y'"),
        (b"path\n\xff\xfe.jpg\n", None, "cannot be read as CSV"),
    ],
)
def test_a_wrong_table_is_found_before_anything_is_predicted(text, labels, message):
    Path("x.csv").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(DataError, match=message):
        GivenImages(["x.csv"], labels, CLASSES).count()


@pytest.mark.parametrize("given", ["nowhere", "nowhere.csv", "none*.jpg", "none*/x.jpg"])
def test_a_path_to_nothing_is_a_message(given):
    with pytest.raises(DataError, match=r"Give image files, folders, patterns"):
        GivenImages([given]).count()


def test_a_missing_image_is_one_that_cannot_be_read_later():
    assert paths("nowhere.jpg") == ["nowhere.jpg"]


def test_a_list_is_read_no_further_than_is_needed():
    read = []

    def lines() -> Iterator[str]:
        for index in range(1_000_000):
            read.append(index)
            yield f"{index}.jpg\n"

    images = iter(GivenImages(["-"], stream=lines()))  # type: ignore[arg-type]

    assert [next(images).path, next(images).path] == ["0.jpg", "1.jpg"]
    assert len(read) == 2
