"""Damaged run folders are said to be damaged; damaged trials are run again."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbin import run_writing
from kbin.errors import KbinError
from kbin.files import write_whole
from kbin.report.remaking import remake
from kbin.runs import RunDirectory
from kbin.search_files import SearchFiles, StoredTrial
from tests.fuzz.forms import damaged, forms, fuzz, places_in, values, with_value
from tests.report.synthetic_runs import SyntheticRun


def trial(name: str, number: int) -> StoredTrial:
    values = {"id": name, "error": None, "is_passing": False, "epoch": 3, "threshold": 0.5, "metrics": {"auc": 0.75}}
    return StoredTrial(values, np.array([0.1 * number, 0.5], np.float32))


PIECES = {"p": [trial("t0", 0), trial("t1", 1)], "q": [trial("t2", 2)]}
TRUTH = {one.values["id"]: one for piece in PIECES.values() for one in piece}


def save_whole(canvas: object, path: Path, root: Path | None = None) -> None:
    """Stands in for the drawing of figures, and writes as it does: whatever lies there is replaced, not opened."""
    write_whole(path.with_suffix(".svg"), "<svg/>")
    write_whole(path, b"png")


def harm(data: st.DataObject, folder: Path) -> None:
    """Does one thing to one file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path, other = data.draw(st.sampled_from(files)), data.draw(st.sampled_from(files))
    kind = data.draw(st.sampled_from(["damage", "damage", "json", "remove", "swap", "folder", "fifo", "link"]))
    content = path.read_bytes()
    if kind == "damage":
        path.write_bytes(data.draw(damaged(content)))
    elif kind == "swap":
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
    elif kind == "json" and path.suffix == ".json":
        try:
            value = json.loads(content)
        except ValueError:  # harmed before
            return
        place = data.draw(st.sampled_from(places_in(value)))
        path.write_text(json.dumps(with_value(value, place, data.draw(values()))))
    elif kind != "json" and not (kind == "link" and path == other):
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(other)


def check_message(message: str) -> None:
    assert 10 < len(message) < 5_000


@forms(short=60, long=1_200)
def test_trials_that_are_read_back_are_those_that_were_saved(tmp_path, cases):
    @fuzz(cases)
    @given(data=st.data())
    def check(data):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        files = SearchFiles(RunDirectory(tmp_path / "run"))
        for name, trials in PIECES.items():
            files.save_piece(name, trials)
        assert files.finished().keys() == TRUTH.keys()
        harm(data, tmp_path / "run")
        for name, found in files.finished().items():
            assert found.values == TRUTH[name].values
            np.testing.assert_array_equal(found.held_out, TRUTH[name].held_out)
        for name, trials in PIECES.items():  # run again
            place = tmp_path / "run" / "trials" / name
            for path in (place.with_suffix(".json"), place.with_suffix(".npz")):
                if path.is_dir():
                    path.rmdir()
            files.save_piece(name, trials)
        assert files.finished().keys() == TRUTH.keys()

    check()


@forms(short=8, long=300)
def test_a_damaged_run_folder_gives_a_page_or_one_message(tmp_path, monkeypatch, cases):
    monkeypatch.setattr(run_writing, "save_figure", save_whole)
    sound = SyntheticRun(models={"only": 1.0}, sets={"train": (6, 6), "test": (5, 4)}, seeds=(3,)).write(
        tmp_path / "sound"
    )
    assert remake([sound]).is_file()

    @fuzz(cases)
    @given(data=st.data())
    def check(data):
        run = RunDirectory(tmp_path / "run")
        shutil.rmtree(run.path, ignore_errors=True)
        shutil.copytree(sound.path, run.path)
        harm(data, run.path)
        try:
            assert remake([run]).is_file()
        except KbinError as error:
            check_message(str(error))

    check()


@pytest.mark.parametrize(
    "place",
    [
        *("results.json", "environment.json", "models/only/seed-3/history.csv", "plots/drawn.json"),
        *("models/only/seed-3/predictions/test.csv", "plots/roc-test.svg", "plots/augmented.png"),
    ],
)
def test_a_pipe_in_a_strangers_folder_is_not_waited_for(tmp_path, monkeypatch, place):
    run = SyntheticRun(models={"only": 1.0}, sets={"train": (6, 6), "test": (5, 4)}, seeds=(3,)).write(tmp_path / "run")
    monkeypatch.setattr(run_writing, "save_figure", save_whole)
    remake([run])
    (run.path / place).unlink(missing_ok=True)
    os.mkfifo(run.path / place)
    try:
        assert remake([run]).is_file()  # what can be drawn again, is
    except KbinError as error:
        check_message(str(error))
