"""Records of what is kept: read as they were written, or not at all."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from kbin.errors import RunFolderError
from kbin.runs import RunDirectory
from kbin.unfinished import Kept, Record, UnfinishedModel, forget_unfinished
from tests.crafted_arrays import CRAFTED

ARRAYS = {"scores": np.array([0.1, 0.9], np.float32), "counts": np.arange(3), "none": np.empty((0, 4))}
VALUES = {"epoch": 7, "loss": 0.1 + 0.2, "undefined": float("nan"), "history": [{"epoch": 1, "é": None}]}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run")


def record_of(run: RunDirectory, identity: str = "the same") -> Record:
    return Record(run, run.path / "unfinished" / "m" / "seed-0" / "stage-1", identity)


def written(run: RunDirectory) -> Record:
    record = record_of(run)
    record.write(Kept(VALUES, ARRAYS))
    return record


def files(run: RunDirectory) -> list[Path]:
    return sorted((run.path / "unfinished" / "m" / "seed-0").iterdir())


def test_values_and_arrays_come_back_as_they_were(run):
    kept = written(run).read()
    assert kept is not None
    assert {name: kept.values[name] for name in ("epoch", "loss", "history")} == {
        name: VALUES[name] for name in ("epoch", "loss", "history")
    }
    assert np.isnan(kept.values["undefined"])
    for name, array in ARRAYS.items():
        assert kept.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(kept.arrays[name], array)


def test_where_there_is_none_nothing_is_read(run):
    assert record_of(run).read() is None


def test_another_identity_reads_nothing(run):
    written(run)
    assert record_of(run, "another").read() is None


def test_only_the_last_record_is_left(run):
    record = written(run)
    record.write(Kept({"epoch": 8}, {"scores": np.zeros(2)}))
    assert len(files(run)) == 2
    assert record.read().values["epoch"] == 8


def test_a_record_whose_second_writing_was_cut_short_is_the_first_one(run, monkeypatch):
    """The numbers of the new record are there, the record itself is still the old one."""
    record = written(run)
    real = RunDirectory.write

    def only_numbers(self, path, content):
        if path.suffix == ".json":
            raise KeyboardInterrupt
        real(self, path, content)

    monkeypatch.setattr(RunDirectory, "write", only_numbers)
    with pytest.raises(KeyboardInterrupt):
        record.write(Kept({"epoch": 8}, {"scores": np.zeros(2)}))
    assert record.read().values["epoch"] == 7


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_flipped_byte_makes_a_record_none(run, suffix, place):
    record = written(run)
    (path,) = [one for one in files(run) if one.suffix == suffix]
    content = bytearray(path.read_bytes())
    content[round(place * (len(content) - 1))] ^= 4
    path.write_bytes(content)
    assert record.read() is None


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("length", [0, 1, 0.5])
def test_a_truncated_file_makes_a_record_none(run, suffix, length):
    record = written(run)
    (path,) = [one for one in files(run) if one.suffix == suffix]
    content = path.read_bytes()
    path.write_bytes(content[: length if isinstance(length, int) else len(content) // 2])
    assert record.read() is None


@pytest.mark.parametrize("text", ["[]", "7", "null", '{"identity": "the same"}', "[" * 10**5, '{"checksum": []}', "\0"])
def test_other_json_in_its_place_makes_a_record_none(run, text):
    record = written(run)
    files(run)[-1].with_name("stage-1.json").write_text(text)
    assert record.read() is None


def test_numbers_of_another_record_do_not_pass(run):
    """A sound file of numbers, but not the one that the record was written with."""
    record = written(run)
    other = Record(run, run.path / "unfinished" / "m" / "seed-1" / "stage-1", "the same")
    other.write(Kept(VALUES, {"scores": np.array([0.9, 0.1], np.float32)}))
    (own,) = (run.path / "unfinished" / "m" / "seed-0").glob("*.npz")
    (foreign,) = (run.path / "unfinished" / "m" / "seed-1").glob("*.npz")
    own.write_bytes(foreign.read_bytes())
    assert record.read() is None


@pytest.mark.parametrize("content", CRAFTED.values(), ids=CRAFTED)
def test_numbers_that_numpy_stumbles_over_make_a_record_none_though_its_checksums_are_right(run, monkeypatch, content):
    monkeypatch.setattr("kbin.unfinished.npz_bytes", lambda arrays: content)
    assert written(run).read() is None


def test_a_record_holds_only_with_the_files_that_it_speaks_of(run):
    file = run.path / "models" / "m" / "history.csv"
    file.parent.mkdir(parents=True)
    file.write_text("epoch\n1\n")
    record = record_of(run)
    record.write(Kept(VALUES, ARRAYS), [file])
    assert record.read() is not None
    file.write_text("epoch\n2\n")
    assert record.read() is None
    file.unlink()
    assert record.read() is None


def test_a_link_out_of_the_folder_is_not_followed(run, tmp_path):
    record = written(run)
    for path in files(run):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    assert record.read() is None


def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(run):
    record = written(run)
    for path in files(run):
        path.unlink()
        os.mkfifo(path)
    assert record.read() is None


def test_pickled_numbers_are_not_loaded(run):
    record = written(run)
    (path,) = [one for one in files(run) if one.suffix == ".npz"]
    with pytest.raises(ValueError, match="pickle"):
        record.write(Kept(VALUES, {"object": np.array([{}, []], object)}))
    assert path.is_file()


def test_models_and_seeds_have_records_of_their_own(run):
    model = UnfinishedModel(run, "fixed", "identity")
    places = {
        "entry": model.entry(), "trained": model.seed(1).trained(), "stage": model.seed(1).stage(2),
        "another seed": model.seed(2).stage(2), "another model": UnfinishedModel(run, "top", "identity").entry(),
    }  # fmt: skip
    for name, record in places.items():
        record.write(Kept({"name": name}, {}))
    assert {name: record.read().values["name"] for name, record in places.items()} == {name: name for name in places}
    assert json.loads((run.path / "unfinished/fixed/seed-1/stage-2.json").read_text())["name"] == "stage"
    model.seed(1).forget_stages()
    assert places["stage"].read() is None
    assert places["trained"].read() is not None
    forget_unfinished(run)
    assert list(run.path.iterdir()) == []


def test_what_a_link_leads_to_is_not_removed(run, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "stage-1.json").touch()
    (run.path / "unfinished" / "m").mkdir(parents=True)
    (run.path / "unfinished" / "m" / "seed-0").symlink_to(tmp_path / "theirs")
    with pytest.raises(RunFolderError, match="leads out of the run's folder"):
        UnfinishedModel(run, "m", "identity").seed(0).forget_stages()
    assert (tmp_path / "theirs" / "stage-1.json").exists()
