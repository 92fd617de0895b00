"""unlike_training.npz: what is written is read, and a run that is taken up leaves the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kbin.errors import ModelFileError
from kbin.evaluation.novelty import TRAINING, VALIDATION, NoveltyMeasure
from kbin.novelty_files import novelty_bytes, read_novelty, save_novelty
from kbin.runs import RunDirectory


def measure(held_out: str = VALIDATION) -> NoveltyMeasure:
    references = np.random.default_rng(0).random((20, 6)).astype(np.float16)
    return NoveltyMeasure(references, 10, 0.125, 0.01, 99, held_out)  # type: ignore[arg-type]


@pytest.mark.parametrize("held_out", [VALIDATION, TRAINING])
def test_what_is_written_is_read_again(tmp_path, held_out):
    run = RunDirectory(tmp_path)
    save_novelty(run, "fixed", 0, measure(held_out))
    path = tmp_path / "models/fixed/seed-0/unlike_training.npz"

    again = read_novelty(path)

    np.testing.assert_array_equal(again.references, measure().references)
    assert again.references.dtype == np.float16
    assert (again.neighbours, again.limit, again.false_alarm_rate) == (10, 0.125, 0.01)
    assert (again.num_held_out, again.held_out) == (99, held_out)
    assert path in run.seed_files("fixed", 0)


def test_without_a_measure_the_file_is_not_there(tmp_path):
    run = RunDirectory(tmp_path)
    save_novelty(run, "fixed", 0, measure())
    save_novelty(run, "fixed", 0, None)

    assert not (tmp_path / "models/fixed/seed-0/unlike_training.npz").exists()


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_cut_file_is_damaged(tmp_path, length):
    path = tmp_path / "unlike_training.npz"
    path.write_bytes(novelty_bytes(measure())[:length])

    with pytest.raises(ModelFileError, match="is damaged"):
        read_novelty(path)


def test_a_file_of_holes_is_not_read(tmp_path: Path):
    path = tmp_path / "unlike_training.npz"
    with path.open("wb") as stream:
        stream.truncate(2**30)

    with pytest.raises(ModelFileError, match="too large"):
        read_novelty(path)
    shutil.rmtree(tmp_path)
