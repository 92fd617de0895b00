"""A disk that fills while an experiment runs: one message, every file whole, and the same command goes on."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kbin import run_writing
from kbin.files import write_whole
from tests.experiment_texts import SHADES
from tests.image_folders import write_images
from tests.small_disks import can_mount, resize, small_disk
from tests.whole_files import Ended, check_one_message, check_whole, kbin, results_of

SMALL = (
    SHADES
    + """\
models: [{id: small, backbone: SmallCNN, train_blocks: all}]
training: {epochs: 2, batch_size: 8, seeds: [0]}
"""
)
HEAD = (
    SHADES
    + """\
models: [{id: head, backbone: EfficientNetLite0, weights: packaged}]
training: {epochs: 2, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
"""
)
SEARCH = (
    SMALL
    + """\
search: {folds: 2, score: roc_auc, grid: {training.learning_rate: [1e-3, 1e-2]}}
"""
)
LOG = logging.getLogger(__name__)
ENOUGH = 200_000  # KiB
_PICTURE = b"\x89PNG" + bytes(50_000)


def save_quickly(canvas: Any, path: Path, root: Path | None) -> None:
    """Stands in for drawing, which takes most of the time, with files as large as plots."""
    for suffix in (".png", ".svg"):
        write_whole(path.with_suffix(suffix), _PICTURE, root, lasting=False)


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_writing, "save_figure", save_quickly)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disk")
    if not can_mount(folder):
        pytest.skip("mounting a small disk is not allowed here")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    sets = {"train": 8, "validation": 6, "test": 6}
    write_images(
        folder / "images", {f"{name}/{kind}": count for name, count in sets.items() for kind in ("dark", "bright")}
    )
    for name, text in (
        ("small", SMALL),
        ("head", HEAD),
        ("search", SEARCH),
        ("converted", HEAD.replace("torch", "openvino")),
    ):
        (folder / f"{name}.yaml").write_text(text)
    return folder


def undisturbed(folder: Path, name: str, tmp_path: Path) -> dict[str, Any]:
    assert kbin("run", folder / f"{name}.yaml", "--out", tmp_path / "undisturbed").code == 0
    return results_of(tmp_path / "undisturbed")


def without_pictures(run: Path) -> None:
    """Removes what `save_quickly` left, which is no picture."""
    for path in [*run.rglob("*.png"), *run.rglob("*.svg")]:
        if path.read_bytes() == _PICTURE:
            path.unlink()


def moment(ended: Ended) -> str:
    """Returns which file had no room."""
    return Path(ended.err.removeprefix("error: ").split(" cannot be written")[0]).name


def test_a_run_that_meets_a_full_disk_goes_on_when_there_is_room(folder, disk, tmp_path, quick_pictures):
    expected = undisturbed(folder, "head", tmp_path)
    out = disk / "run"
    moments = []
    with small_disk(disk, 12):
        for room in (12, 6_000, 14_000, 14_600):
            resize(disk, room)
            ended = kbin("run", folder / "head.yaml", "--out", out)
            check_one_message(ended, "no room is left on its disk", "Make room, and the same command goes on")
            moments.append(moment(ended))
            without_pictures(out)
            check_whole(out)
        assert (moments[0][:8], moments[1]) == ("stage-1-", "model.keras")
        assert moments[-1].startswith(("calibration", "prevalence", "roc", "precision", "confusion", "learning"))
        assert f"The run's results are all there, in results.json: `kbin report {out}` draws the rest." in ended.err
        resize(disk, ENOUGH)
        assert kbin("report", out).code == 0
        assert kbin("run", folder / "head.yaml", "--out", out).code == 0
        assert results_of(out) == expected


def test_a_store_that_meets_a_full_disk_is_filled_when_there_is_room(
    folder, disk, tmp_path, quick_pictures, monkeypatch
):
    expected = undisturbed(folder, "head", tmp_path)
    monkeypatch.setenv("KBIN_STORE", str(disk / "store"))
    with small_disk(disk, 8):
        for room in (8, 40):
            resize(disk, room)
            ended = kbin("run", folder / "head.yaml", "--out", tmp_path / "run")
            check_one_message(
                ended, "no room is left on its disk", "KBIN_STORE names another place", "KBIN_STORE_MAX_GB"
            )
            check_stored(disk / "store")
            check_whole(tmp_path / "run")
        resize(disk, ENOUGH)
        assert kbin("run", folder / "head.yaml", "--out", tmp_path / "run").code == 0
        assert results_of(tmp_path / "run") == expected


def check_stored(store: Path) -> None:
    """Asserts that a store holds whole files; a table's lock file is empty and stays."""
    for path in store.rglob("*"):
        assert not path.name.startswith("."), path
        assert path.suffix != ".npy" or path.with_suffix(".json").is_file(), path
    check_whole(store)


def check_full_at(name: str, room: int, expected: dict[str, Any], folder: Path, disk: Path, out: Path) -> str:
    """Runs into a full disk, makes room, runs again and compares; returns the file that had no room."""
    ended = kbin("run", folder / f"{name}.yaml", "--out", out)
    if ended.code == 0:
        met = "all had room"
    else:
        check_one_message(ended, "no room is left on its disk")
        met = moment(ended)
    if out.exists():
        check_whole(out)
    resize(disk, ENOUGH)
    again = kbin("run", folder / f"{name}.yaml", "--out", out)
    assert again.code == 0, (room, again)
    assert results_of(out) == expected
    check_whole(out)
    return met


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rooms"),
    [
        (
            "head",
            # Kept epochs, the model file (13.5 MB), then what comes after it.
            (
                *(4, 8, 12, 16, 20, 24, 60, 6_000, 13_000, 13_800),
                *(13_920, 14_000, 14_100, 14_200, 14_400, 14_600, 14_800, 15_000, 15_100, 15_200),
            ),
        ),
        ("search", (8, 16, 24, 32, 48, 64, 300, 1_000, 2_000, 3_000)),
    ],
)
def test_a_run_folder_that_is_full_at_many_moments(folder, disk, tmp_path, name, rooms):
    expected = undisturbed(folder, name, tmp_path)
    moments = []
    for room in rooms:
        with small_disk(disk, room):
            moments.append(check_full_at(name, room, expected, folder, disk, disk / "run"))
    LOG.info("%s: %s", name, dict(zip(rooms, moments, strict=True)))
    assert len(set(moments)) >= len(rooms) // 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rooms"), [("head", (0, 4, 8, 40, 100, 200)), ("converted", (100, 13_000, 13_400, 13_700))]
)
def test_a_store_that_is_full_at_many_moments(folder, disk, tmp_path, monkeypatch, name, rooms):
    expected = undisturbed(folder, name, tmp_path)
    monkeypatch.setenv("KBIN_STORE", str(disk / "store"))
    moments = []
    for room in rooms:
        with small_disk(disk, max(room, 4)):
            if room == 0:
                (disk / "filler").write_bytes(bytes(4096))
            moments.append(check_full_at(name, room, expected, folder, disk, tmp_path / "run"))
            check_stored(disk / "store")
        shutil.rmtree(tmp_path / "run")
    LOG.info("%s: %s", name, dict(zip(rooms, moments, strict=True)))


def test_without_the_right_to_mount_they_run_in_a_namespace_of_their_own(tmp_path):
    if can_mount(tmp_path / "disk"):
        pytest.skip("mounting is allowed: the tests above have run")
    allowed = shutil.which("unshare") and not subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode
    if not allowed:
        pytest.skip("neither mounting nor a namespace is allowed here")
    tests = ["-m", "pytest", "-q", "-n", "0", f"{__file__}", "-k", "when_there_is_room"]
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, *tests], capture_output=True, text=True, cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
