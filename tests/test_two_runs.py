"""Two runs at once, on one folder or on one store; and folders and stores that may not be written."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiment_texts import SHADES
from tests.image_folders import write_images
from tests.kbin_processes import KbinProcess, kbin_processes
from tests.small_disks import can_mount, make_read_only, small_disk
from tests.test_full_disk import HEAD, SMALL
from tests.whole_files import check_one_message, kbin, results_of

TWO = (
    SHADES
    + """\
models:
  - {id: head, backbone: EfficientNetLite0, weights: packaged}
  - {id: small, backbone: SmallCNN, train_blocks: all}
training: {epochs: 2, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    sets = {"train": 8, "validation": 6, "test": 6}
    write_images(
        folder / "images", {f"{name}/{kind}": count for name, count in sets.items() for kind in ("dark", "bright")}
    )
    for name, text in (("small", SMALL), ("head", HEAD), ("two", TWO)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[list[KbinProcess]]:
    with kbin_processes(2) as processes:
        yield processes


def check_one_folder(both: list[KbinProcess], folder: Path, tmp_path: Path, times: int) -> int:
    """Starts two runs on one folder again and again; returns how often one was refused."""
    generator = random.Random(5)
    refused, expected, length = 0, None, 0.0
    for number in range(times + 1):
        out, store = tmp_path / f"run-{number}", tmp_path / f"store-{number}"
        begin = time.monotonic()
        for one in both if number else both[:1]:  # the first alone: what the others are held against
            one.start("run", folder / "two.yaml", "--out", out, KBIN_STORE=store)
            if number > 1 and one is both[0]:
                time.sleep(generator.uniform(0, 0.9 * length))
        ended = [one.end() for one in (both if number else both[:1])]
        if expected is None:
            assert ended[0].code == 0, ended
            expected, length = results_of(out), time.monotonic() - begin
            continue
        assert 0 in {one.code for one in ended}, ended
        for one, other in zip(ended, reversed(both), strict=True):
            if one.code != 0:
                check_one_message(one, f"{out} is in use: process {other.pid} of ", "Wait for it, end it, or choose")
                refused += 1
        assert results_of(out) == expected
        assert not list(out.glob(".*"))
    return refused


def check_one_store(both: list[KbinProcess], folder: Path, tmp_path: Path, times: int) -> None:
    """Starts two runs on one empty store and folders of their own again and again."""
    expected = None
    for number in range(times):
        outs = [tmp_path / f"{name}-{number}" for name in ("first", "second")]
        for one, out in zip(both, outs, strict=True):
            one.start("run", folder / "two.yaml", "--out", out, KBIN_STORE=tmp_path / f"shared-{number}")
        for one in both:
            ended = one.end()
            assert ended.code == 0, ended
        expected = expected or results_of(outs[0])
        assert [results_of(out) for out in outs] == [expected] * 2


def test_the_second_run_on_a_folder_is_refused(both, folder, tmp_path):
    assert check_one_folder(both, folder, tmp_path, 2) >= 1


def test_two_runs_on_one_store_say_the_same(both, folder, tmp_path):
    check_one_store(both, folder, tmp_path, 1)


@pytest.mark.slow
def test_of_twenty_pairs_of_runs_on_a_folder_one_goes_on(both, folder, tmp_path):
    assert check_one_folder(both, folder, tmp_path, 20) >= 10


@pytest.mark.slow
def test_twenty_pairs_of_runs_on_one_store_say_the_same(both, folder, tmp_path):
    check_one_store(both, folder, tmp_path, 20)


@pytest.fixture(scope="module")
def person() -> Iterator[KbinProcess]:
    """A process that may not write everywhere, as root may."""
    with kbin_processes(1, may_write_everywhere=False) as (process,):
        yield process


class TestPermission:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Path]:
        """A folder that may be read and not written."""
        place = tmp_path / "place"
        (place / "open").mkdir(parents=True)
        (place / "closed").mkdir(mode=0o555)
        place.chmod(0o555)
        yield place
        place.chmod(0o755)

    @pytest.mark.parametrize("out", ["closed", "closed/below/run"])
    def test_a_run_folder_that_may_not_be_written_is_said(self, person, place, folder, out):
        person.start("run", folder / "small.yaml", "--out", place / out, KBIN_STORE=place / "open/store")
        check_one_message(person.end(), str(place / "closed"), "you have no permission", "or choose another place")
        assert list((place / "closed").iterdir()) == []

    def test_a_store_that_may_not_be_written_is_said_and_another_one_goes_on(self, person, place, folder):
        out = place / "open" / "run"
        person.start("run", folder / "head.yaml", "--out", out, KBIN_STORE=place / "closed")
        check_one_message(person.end(), str(place / "closed"), "no permission", "KBIN_STORE names another place")
        person.start("run", folder / "head.yaml", "--out", out, KBIN_STORE=place / "open/store")
        ended = person.end()
        assert ended.code == 0, ended

    def test_a_report_that_may_not_be_written_is_said(self, person, place, folder):
        out = place / "open" / "run"
        person.start("run", folder / "small.yaml", "--out", out, KBIN_STORE=place / "open/store")
        assert person.end().code == 0
        for path in (out / "tables" / "results.csv", out / "report.html"):
            path.unlink()
        (out / "tables").chmod(0o555)
        person.start("report", out)
        check_one_message(
            person.end(), "results.csv cannot be written: you have no permission", "The run's results are"
        )
        assert not (out / "report.html").exists()


def test_a_store_that_may_only_be_read_gives_what_it_has(folder, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    if not can_mount(disk):
        pytest.skip("mounting a small disk is not allowed here")
    monkeypatch.setattr("kbin.experiment.remake", lambda runs: None)
    monkeypatch.setenv("KBIN_STORE", str(disk / "store"))
    with small_disk(disk, 4_000):
        assert kbin("run", folder / "head.yaml", "--out", tmp_path / "first").code == 0
        make_read_only(disk)
        assert kbin("run", folder / "head.yaml", "--out", tmp_path / "second").code == 0
        assert results_of(tmp_path / "second") == results_of(tmp_path / "first")
        other = kbin("run", folder / "head.yaml", "--out", tmp_path / "third", "--set", "data.image_size=40")
        check_one_message(other, "its disk is read-only", "KBIN_STORE names another place")
