"""A run folder may come from a stranger: it is data, and what is wrong with it is said in one message."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kbin.errors import RunFolderError
from kbin.report.remaking import remake
from kbin.runs import RunDirectory

pytestmark = pytest.mark.usefixtures("quick_pictures")
OUT = r"leads out of the run's folder .*: give a folder that `kbin run` made\."
SECRET = "a secret of the person who opens the folder"


@pytest.fixture
def made(small: RunDirectory) -> RunDirectory:
    """A run with its page, plots and tables."""
    remake([small])
    return small


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the person who opens the run, with names that a run's folder has too."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("results.csv", "undefined.csv", "drawn.json", "roc-test.png", "roc-test.svg"):
        (folder / name).write_text(SECRET)
    return folder


def replaced_by_link(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize(
    "place",
    [
        "experiment.yaml",
        "environment.json",
        "results.json",
        "groups.csv",
        "plots/drawn.json",
        "plots/roc-test.png",
        "plots/roc-test.svg",
        "plots/augmented.png",
        "models/only/seed-3/history.csv",
        "models/only/seed-3/predictions/test.csv",
        "models/only/seed-3/plots/learning_curves.svg",
        "tables/results.csv",
        "tables/undefined.csv",
        "tables/results.md",
    ],
)
def test_a_file_that_is_a_link_to_elsewhere_is_neither_shown_nor_written(made, elsewhere, place):
    made.report_path.unlink()
    secret = elsewhere / "results.csv"
    replaced_by_link(made.path / place, secret)
    if place == "groups.csv":
        with pytest.raises(RunFolderError, match=rf"{place} {OUT}"):
            made.groups()
        return
    with pytest.raises(RunFolderError, match=rf"{place} {OUT}"):
        remake([made])
    assert secret.read_text() == SECRET
    assert not made.report_path.exists()


@pytest.mark.parametrize("place", ["tables", "plots", "models/only/seed-3/plots", "models/only/seed-3", "models"])
@pytest.mark.parametrize("redraw", [False, True])
def test_a_folder_that_is_a_link_to_elsewhere_is_neither_read_nor_written(made, elsewhere, place, redraw):
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    replaced_by_link(made.path / place, elsewhere)
    with pytest.raises(RunFolderError, match=OUT):
        remake([made], redraw=redraw)
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_a_gallery_that_is_a_link_to_elsewhere_is_not_read(made, elsewhere):
    (made.model_folder("only", 3) / "gallery").symlink_to(elsewhere)
    with pytest.raises(RunFolderError, match=rf"gallery {OUT}"):
        remake([made])


def test_a_link_to_itself_is_refused(made):
    replaced_by_link(made.path / "tables", made.path / "tables")
    with pytest.raises(RunFolderError, match=OUT):
        remake([made])


def test_a_run_folder_that_is_itself_a_link_gets_its_page(made, tmp_path):
    (tmp_path / "link").symlink_to(made.path)
    assert remake([RunDirectory(tmp_path / "link")], redraw=True) == tmp_path / "link" / "report.html"


def nested(run: RunDirectory, name: str) -> None:
    (run.path / name).write_text(json.dumps({"a": 1})[:-1] + ', "b": ' + "[" * 5_000 + "]" * 5_000 + "}")


def long_cell(run: RunDirectory, name: str) -> None:
    path = run.path / name
    path.write_text(path.read_text() + "x" * 131_073 + "\n")


def a_folder(run: RunDirectory, name: str) -> None:
    (run.path / name).unlink()
    (run.path / name).mkdir()


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (nested, "results.json", r"results\.json is damaged: its values are nested too deeply\."),
        (nested, "environment.json", r"environment\.json is damaged: its values are nested too deeply\."),
        (long_cell, "models/only/seed-3/predictions/test.csv", r"test\.csv is damaged: field larger than"),
        (long_cell, "models/only/seed-3/history.csv", r"history\.csv is damaged: field larger than"),
        (a_folder, "models/only/seed-3/history.csv", r"history\.csv cannot be read \(IsADirectoryError\)\."),
    ],
)
def test_a_damaged_file_is_named(made, damage: Callable[[RunDirectory, str], None], name, message):
    damage(made, name)
    with pytest.raises(RunFolderError, match=message):
        remake([made])


@pytest.mark.parametrize("facts", [{"command": None}, {}, {"command": ""}])
def test_a_page_whose_command_is_not_known_leaves_it_out(made, facts):
    made.save_environment({"started": "2026-01-02T03:04:05+00:00"} | facts)
    page = remake([made]).read_text(encoding="utf-8")
    assert 'id="origin"' in page
    assert '<pre class="command">' not in page
