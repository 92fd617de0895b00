"""Rows go out as they are done, and a file has its name only when it is whole."""

import csv
import io
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from kbin.deploy.row_output import row_output
from kbin.errors import StorageError

COLUMNS = ["path", "probability", "label", "unlike_training", "error"]


def row(path: str = "a.png", **values: object) -> dict[str, object]:
    return {"path": path, "probability": 0.1, "label": "cat", "unlike_training": False, "error": ""} | values


def written(rows: list[dict[str, object]], form: str = "csv") -> str:
    stream = io.BytesIO()
    with row_output(None, stream, form, COLUMNS) as write:
        for one in rows:
            write([one])
    return stream.getvalue().decode()


@pytest.mark.parametrize("path", ['a "b", c.png', "a\nb.png", "a\rb.png", "=SUM(1).png", "😀.png", " a .png"])
def test_a_name_stands_exactly_as_it_is(path):
    (again,) = csv.DictReader(io.StringIO(written([row(path)]), newline=""))
    assert again["path"] == path
    assert json.loads(written([row(path)], "jsonl"))["path"] == path


def test_a_name_that_is_no_utf_8_has_escapes():
    assert written([row("a\udce9.png")]).splitlines()[1].startswith("a\\udce9.png,")
    assert json.loads(written([row("a\udce9.png")], "jsonl"))["path"] == "a\\udce9.png"


def test_numbers_have_nine_digits_flags_words_and_nothing_is_empty():
    text = written([row(probability=1 / 3, unlike_training=True), row(probability=None, label=None, error="gone")])

    assert text.splitlines() == [",".join(COLUMNS), "a.png,0.333333333,cat,true,", "a.png,,,false,gone"]


def test_json_has_no_infinity():
    assert json.loads(written([row(probability=float("inf"))], "jsonl"))["probability"] is None


def test_rows_are_there_as_soon_as_they_are_written():
    stream = io.BytesIO()
    with row_output(None, stream, "csv", COLUMNS) as write:
        write([row()])
        assert len(stream.getvalue().splitlines()) == 2


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path):
    out = tmp_path / "folder" / "rows.csv"
    with row_output(out, io.BytesIO(), "csv", COLUMNS) as write:
        write([row()])
        assert [one.name for one in out.parent.iterdir()] == ["rows.csv.partial"]
    assert [one.name for one in out.parent.iterdir()] == ["rows.csv"]
    whole = out.read_bytes()

    with suppress(RuntimeError), row_output(out, io.BytesIO(), "csv", COLUMNS) as write:
        write([row("b.png")])
        raise RuntimeError
    assert out.read_bytes() == whole
    assert "b.png" in (tmp_path / "folder" / "rows.csv.partial").read_text()


@pytest.mark.parametrize("name", ["folder", "file/rows.csv"])
def test_a_place_that_cannot_be_written_is_said_before_any_work(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match="cannot be written"), row_output(tmp_path / name, io.BytesIO(), "csv", []):
        pytest.fail("the block was begun")


def test_a_pipe_that_is_given_as_the_file_gets_the_rows_and_stays(tmp_path):
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with row_output(pipe, io.BytesIO(), "csv", COLUMNS) as write:
            write([row("a.png")])
            assert os.read(reader, 1_000).decode().splitlines()[1].startswith("a.png,")
    finally:
        os.close(reader)

    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["rows.csv"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no such device")
def test_a_device_that_takes_nothing_is_said_and_stays():
    with (
        pytest.raises(StorageError, match="/dev/full cannot be written: no room is left"),
        row_output(Path("/dev/full"), io.BytesIO(), "csv", COLUMNS) as write,
    ):
        write([row()])
    assert Path("/dev/full").is_char_device()
