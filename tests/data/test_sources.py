import numpy as np
import pytest

from kbin.config.data import DataConfig
from kbin.data.datasets import UNSPLIT
from kbin.data.sources import harmless_path, join_groups, keep_where, read_source
from kbin.errors import DataError


@pytest.fixture
def write_groups(tmp_path):
    def write(text):
        (tmp_path / "groups.csv").write_text(text)
        return tmp_path / "groups.csv"

    return write


def test_groups_are_joined_by_path_and_rows_of_other_images_are_passed_over(make_dataset, write_groups):
    path = write_groups("file,group\ncells.npz#1,b\nelsewhere.png,z\ncells.npz#0,a\n")
    joined = join_groups({UNSPLIT: make_dataset([0, 1], cell=["x", "y"])}, path)
    assert joined[UNSPLIT].columns["group"].tolist() == ["a", "b"]
    assert joined[UNSPLIT].columns["cell"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,group\ncells.npz#0,a\n", "has no group for 1 image: cells.npz#1. Write each path"),
        ("file,group\ncells.npz#0,a\ncells.npz#0,b\n", "line 3: cells.npz#0 is in two groups, a and b"),
        ("file,group\ncells.npz#0,\n", "column 'group' is empty in line 2"),
        ("path,group\ncells.npz#0,a\n", "unknown column 'file'"),
    ],
)
def test_faulty_groups_are_refused(make_dataset, write_groups, text, message):
    with pytest.raises(DataError, match=message):
        join_groups({UNSPLIT: make_dataset([0, 1])}, write_groups(text))


def test_groups_beside_a_column_of_that_name_are_refused(make_dataset, write_groups):
    with pytest.raises(DataError, match=r"data\.groups: the source has a column 'group' already"):
        join_groups({UNSPLIT: make_dataset([0], group=["a"])}, write_groups("file,group\ncells.npz#0,a\n"))


def test_where_keeps_the_images_that_meet_every_condition(make_dataset):
    sets = {
        "train": make_dataset([0, 1, 1], cell=["mono", "poly", "mono"], site=["A", "A", "B"]),
        "test": make_dataset([0], cell=["poly"], site=["A"]),
    }
    kept = keep_where(sets, {"cell": ("mono",), "site": ("A", "B")})
    assert kept["train"].paths.tolist() == ["cells.npz#0", "cells.npz#2"]
    assert len(kept["test"]) == 0
    assert keep_where(sets, {}) == sets


def test_where_refuses_unknown_columns_and_values(make_dataset):
    sets = {"train": make_dataset([0, 1], cell=["mono", "poly"], site=["A", "B"])}
    with pytest.raises(DataError, match=r"`where`: unknown column 'cel'. Did you mean 'cell'"):
        keep_where(sets, {"cel": ("mono",)})
    with pytest.raises(DataError, match=r"`where`: no image has cell 'pol'. Values: mono, poly"):
        keep_where(sets, {"cell": ("pol",)})
    with pytest.raises(DataError, match="no image meets all of cell, site"):
        keep_where(sets, {"cell": ("mono",), "site": ("B",)})
    with pytest.raises(DataError, match="the source has no columns"):
        keep_where({"train": make_dataset([0, 1])}, {"cell": ("mono",)})


@pytest.mark.parametrize("path", ["=1+1.png", "+1.png", "-1.png", "@a.png", "\tcat/1.png", "\r.png", "\uff1d1.png"])
def test_a_path_that_a_table_would_run_as_a_formula_begins_with_a_point(path):
    assert harmless_path(path) == f"./{path}"


@pytest.mark.parametrize("path", ["cat/=1.png", "'quoted'.png", "1.png", "./=1.png", "/data/=1.png", "cells.npz#0"])
def test_other_paths_stay_as_they_are(path):
    assert harmless_path(path) == path


def test_such_paths_are_read_from_a_table_with_their_groups(tmp_path, write_image, write_groups):
    for number, name in enumerate(["=1.png", "b.png"]):
        write_image(tmp_path / name, number)
    (tmp_path / "list.csv").write_text("path,label\n=1.png,cat\nb.png,dog\n")
    config = DataConfig.model_validate(
        {
            "source": "csv",
            "path": tmp_path / "list.csv",
            "positive": "dog",
            "groups": write_groups("file,group\n=1.png,one\nb.png,two\n"),
        }
    )
    found = read_source(config, None)[UNSPLIT]
    assert found.paths.tolist() == ["./=1.png", "b.png"]
    assert found.columns["group"].tolist() == ["one", "two"]
    assert (tmp_path / found.paths[0]).is_file()
    assert np.asarray(found.images.open(0)).tolist() == [[0] * 8] * 8
