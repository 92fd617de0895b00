"""Trials that are read back are those that were saved; what is damaged or strange is run again."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from kbin.errors import RunFolderError
from kbin.runs import RunDirectory
from kbin.search_files import SearchFiles, StoredTrial
from kbin.search_pieces import piece_files
from tests.crafted_arrays import CRAFTED

VALUES = {"error": None, "is_passing": False, "epoch": 2, "threshold": 0.5, "metrics": {"auc": 0.75, "f1": None}}
SCORES = np.array([0.25, 0.5], np.float32)


def trial(name: str, scores: np.ndarray | None = SCORES, **values: object) -> StoredTrial:
    return StoredTrial(VALUES | {"id": name} | values, scores)


@pytest.fixture
def files(tmp_path: Path) -> SearchFiles:
    made = SearchFiles(RunDirectory(tmp_path))
    made.save_piece("p", [trial("a"), trial("b", None, error="ValueError: x", metrics=None)])
    made.save_piece("q", [trial("c")])
    return made


def test_trials_come_back(files):
    found = files.finished()
    assert list(found) == ["a", "b", "c"]
    assert found["a"].values == VALUES | {"id": "a"}
    np.testing.assert_array_equal(found["a"].held_out, SCORES)
    assert found["b"].held_out is None


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_one_flipped_letter_has_the_piece_run_again(files, tmp_path, suffix):
    path = tmp_path / "trials" / f"p{suffix}"
    content = bytearray(path.read_bytes())
    place = content.index(b"0.75") + 2 if suffix == ".json" else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)
    assert list(files.finished()) == ["c"]


def test_pieces_with_exchanged_names_are_run_again(files, tmp_path):
    for suffix in (".json", ".npz"):
        one, other = (tmp_path / "trials" / f"{name}{suffix}" for name in "pq")
        aside = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(aside)
    assert files.finished() == {}


def test_a_piece_without_a_checksum_is_run_again(files, tmp_path):
    """As they were before they had one."""
    path = tmp_path / "trials" / "q.json"
    path.write_text(json.dumps(json.loads(path.read_text())["trials"]))
    assert list(files.finished()) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        ({"strange": 1}, SCORES),
        ({"id": 3}, SCORES),
        ({"epoch": "2"}, SCORES),
        ({"metrics": {"auc": "0.75"}}, SCORES),
        ({"metrics": [1]}, SCORES),
        ({"threshold": True}, SCORES),
        ({"threshold": 10**4000}, SCORES),
        ({"epoch": 10**4000}, SCORES),
        ({"metrics": {"auc": 10**4000}}, SCORES),
        ({}, None),
        ({}, SCORES.astype(np.float64)),
        ({}, np.zeros((1, 1, 1), np.float32)),
        ({}, np.array(["0.5"])),
    ],
)
def test_values_that_no_trial_leaves_are_run_again_though_their_checksum_is_right(files, tmp_path, values, scores):
    arrays, text = piece_files("q", [StoredTrial(VALUES | {"id": "c"} | values, scores)])
    (tmp_path / "trials" / "q.npz").write_bytes(arrays)
    (tmp_path / "trials" / "q.json").write_text(text)
    assert list(files.finished()) == ["a", "b"]


@pytest.mark.parametrize("content", CRAFTED.values(), ids=CRAFTED)
def test_arrays_that_numpy_stumbles_over_are_run_again_though_their_checksum_is_right(
    files, tmp_path, monkeypatch, content
):
    monkeypatch.setattr("kbin.search_pieces.npz_bytes", lambda arrays: content)
    arrays, text = piece_files("q", [trial("c")])
    (tmp_path / "trials" / "q.npz").write_bytes(arrays)
    (tmp_path / "trials" / "q.json").write_text(text)
    assert list(files.finished()) == ["a", "b"]


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path), lambda path: None])
def test_what_is_no_file_of_the_folder_is_neither_waited_for_nor_followed(files, tmp_path, suffix, make):
    path = tmp_path / "trials" / f"q{suffix}"
    path.unlink()
    make(path)
    assert list(files.finished()) == ["a", "b"]


def test_links_to_other_places_are_neither_read_written_nor_cleared(files, tmp_path):
    shutil.copytree(tmp_path / "trials", tmp_path / "elsewhere" / "trials")
    run = tmp_path / "elsewhere" / "run"
    run.mkdir()
    strange = SearchFiles(RunDirectory(run))
    (run / "trials").symlink_to(tmp_path / "elsewhere" / "trials")
    (run / "search.csv").symlink_to(tmp_path / "trials" / "p.json")
    before = (tmp_path / "trials" / "p.json").read_bytes()
    for act in (
        strange.finished,
        strange.clear,
        lambda: strange.save_piece("p", [trial("x")]),
        lambda: strange.save_table([{"a": 1}]),
    ):
        with pytest.raises(RunFolderError, match="leads out of the run's folder"):
            act()
    assert (tmp_path / "trials" / "p.json").read_bytes() == before
    assert len(list((tmp_path / "elsewhere" / "trials").iterdir())) == 4
