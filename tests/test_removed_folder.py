"""A run's folder that somebody removes while the run goes on."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from kbin import run_writing
from tests.image_folders import write_images
from tests.test_full_disk import SMALL, save_quickly
from tests.whole_files import Ended, check_one_message, kbin, results_of

MOMENTS = ("history.csv", "test.csv", "model.keras", "gallery.json", "results.json", "roc-test.png", "report.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("removed")
    sets = {"train": 8, "validation": 6, "test": 6}
    write_images(
        folder / "images", {f"{name}/{kind}": count for name, count in sets.items() for kind in ("dark", "bright")}
    )
    (folder / "small.yaml").write_text(SMALL)
    return folder


def run_removed_at(moment: str, folder: Path, out: Path) -> Ended:
    """Runs, and removes the run's folder when a file is about to be written, after its folder was found there."""
    removed = []

    def removing(write: Any, place: int) -> Any:
        def call(*arguments: Any, **named: Any) -> None:
            if arguments[place].name == moment and not removed:
                shutil.rmtree(out)
                removed.append(moment)
            write(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(run_writing, "write_whole", removing(run_writing.write_whole, 0))
        monkeypatch.setattr(run_writing, "save_whole", removing(run_writing.save_whole, 0))
        monkeypatch.setattr(run_writing, "save_figure", removing(save_quickly, 1))
        ended = kbin("run", folder / "small.yaml", "--out", out)
    assert removed == [moment]
    return ended


def check_removed_at(moments: tuple[str, ...], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_writing, "save_figure", save_quickly)
    out = tmp_path / "run"
    for moment in moments:
        ended = run_removed_at(moment, folder, out)
        check_one_message(ended, f"the folder {out} was removed while kbin wrote to it", "The same command starts")
        assert not out.exists(), moment
    assert kbin("run", folder / "small.yaml", "--out", out).code == 0
    assert kbin("run", folder / "small.yaml", "--out", tmp_path / "undisturbed").code == 0
    assert results_of(out) == results_of(tmp_path / "undisturbed")


def test_a_folder_that_is_removed_is_not_made_again_and_the_same_command_starts_anew(folder, tmp_path, monkeypatch):
    check_removed_at(("model.keras", "roc-test.png"), folder, tmp_path, monkeypatch)


@pytest.mark.slow
def test_a_folder_that_is_removed_at_many_moments_is_not_made_again(folder, tmp_path, monkeypatch):
    check_removed_at(MOMENTS, folder, tmp_path, monkeypatch)
