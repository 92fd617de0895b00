import sys

import numpy as np
import pytest

from kbin.data import elpv
from kbin.data.datasets import UNSPLIT
from kbin.data.elpv import read_elpv
from kbin.errors import DataError, MissingExtraError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package elpv_dataset with one cell of each probability."""
    folder = tmp_path / "elpv_dataset"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('the package must not be imported')")
    (folder / "data" / "labels.csv").write_text(
        "images/a.png  1.0                 mono\n"
        "images/b.png  0.6666666666666666  poly\n"
        "images/c.png  0.3333333333333333  poly\n"
        "images/d.png  0.0                 mono\n"
    )
    monkeypatch.delitem(sys.modules, "elpv_dataset", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_cells_are_defective_from_the_threshold_on(package):
    dataset = read_elpv()[UNSPLIT]
    assert dataset.classes == ("functional", "defective")
    assert dataset.labels.tolist() == [1, 1, 0, 0]
    assert read_elpv(probability_threshold=0.3)[UNSPLIT].labels.tolist() == [1, 1, 1, 0]
    assert read_elpv(probability_threshold=1.0)[UNSPLIT].labels.tolist() == [1, 0, 0, 0]


def test_the_order_of_the_class_names_does_not_change_which_cells_are_defective(package):
    dataset = read_elpv(["defective", "functional"])[UNSPLIT]
    assert [dataset.classes[label] for label in dataset.labels] == ["defective"] * 2 + ["functional"] * 2


def test_type_and_probability_are_columns_and_nothing_is_imported(package):
    dataset = read_elpv()[UNSPLIT]
    assert dataset.columns["cell"].tolist() == ["mono", "poly", "poly", "mono"]
    assert dataset.columns["probability"].astype(float).tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert dataset.paths[0] == "images/a.png"
    assert dataset.images.location(0) == str(package / "data" / "images" / "a.png")
    assert "elpv_dataset" not in sys.modules


def test_other_class_names_are_refused(package):
    with pytest.raises(DataError, match="got functional, broken; the classes of elpv are functional and defective"):
        read_elpv(["functional", "broken"])


def test_a_damaged_list_is_refused(package):
    (package / "data" / "labels.csv").write_text("images/a.png 1.0\n")
    with pytest.raises(DataError, match="Reinstall elpv-dataset"):
        read_elpv()


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(elpv, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kbin\[samples\]'"):
        read_elpv()


def test_the_installed_package_has_the_published_counts():
    pytest.importorskip("elpv_dataset", reason="the extra `samples` is not installed")
    dataset = read_elpv()[UNSPLIT]
    # Probabilities 0, 1/3, 2/3, 1: 1508, 295, 106 and 715 cells; 1074 mono and 1550 poly.
    assert dataset.class_counts() == {"functional": 1508 + 295, "defective": 106 + 715}
    assert np.unique(dataset.columns["cell"], return_counts=True)[1].tolist() == [1074, 1550]
