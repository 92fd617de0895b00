"""Any table is read rightly, or refused with a DataError; no row leads out of its folder unless it is absolute."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kbin.data.tables import read_csv
from kbin.errors import DataError
from tests.fuzz.forms import damaged, forms, fuzz

SOUND = "path,label,split,group\r\n" + "".join(f"{n}.png,{'ab'[n % 2]},train,p{n}\r\n" for n in range(4))
SOUP = st.text(st.sampled_from(',;\t"\n\r\0./\\~:ab012png =\u2028\ufeff\ud800') | st.characters(), max_size=60)
# Ways to say another place.
PATHS = st.sampled_from(
    (
        *("0.png", "./1.png", "x/../2.png", "../out.png", "x/../../out.png", "~/out.png", "..\\out.png"),
        *("file:///etc/passwd", "//etc/passwd", "/etc/passwd", "sub", ".", "..", "/", "", "\0", "0.png\0", "0.png/"),
        *("a" * 300, "a/" * 3_000, "%2e%2e/x"),
    )
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    for number in range(4):
        Image.new("L", (8, 8), number).save(data / f"{number}.png")
    Image.new("L", (8, 8), 9).save(tmp_path / "out.png")
    return data


def check_message(message: str, path: Path) -> None:
    assert str(path) in message
    assert len(message) < 10_000


def read(folder: Path, content: bytes) -> bool:
    """Returns whether a table is read; what is read must lie where it may."""
    path = folder / "table.csv"
    path.write_bytes(content)
    try:
        sets = read_csv(path)
    except DataError as error:
        check_message(str(error), path)
        return False
    for name, dataset in sets.items():
        assert "/" not in name
        for index in range(len(dataset)):
            place = os.path.normpath(dataset.images.location(index))
            assert Path(place).is_file()
            assert place.startswith(f"{folder}/") or os.path.isabs(dataset.paths[index])
        assert sorted(set(dataset.labels.tolist())) == [*range(max(dataset.labels) + 1)] or len(sets) > 1
    return True


@forms(short=60, long=1_200)
def test_soup_of_letters(folder, cases):
    @fuzz(cases)
    @given(
        content=SOUP.map(lambda text: f"path,label\n{text}".encode("utf-8", "surrogatepass")) | st.binary(max_size=80)
    )
    def check(content):
        read(folder, content)

    check()


@forms(short=60, long=1_200)
def test_a_sound_table_with_damage(folder, cases):
    @fuzz(cases)
    @given(content=damaged(SOUND.encode()))
    def check(content):
        read(folder, content)

    check()


@forms(short=60, long=1_200)
def test_rows_of_strange_paths_labels_and_sets(folder, cases):
    cells = st.tuples(
        PATHS, st.sampled_from(["a", "b", "=1", "..", "a\0"]), st.sampled_from(["train", "../x", "a/b", ""])
    )

    @fuzz(cases)
    @given(rows=st.lists(cells, min_size=1, max_size=3))
    def check(rows):
        text = "path,label,split\n0.png,a,train\n3.png,b,train\n" + "".join(f'"{p}",{y},{s}\n' for p, y, s in rows)
        is_read = read(folder, text.encode())
        assert not is_read or not any("/" in split or "out" in path for path, _, split in rows)

    check()


def test_the_sound_table_is_read(folder):
    assert read(folder, SOUND.encode())
    assert read(folder, f"path,label\n{folder.parent / 'out.png'},a\n0.png,b\n".encode())
