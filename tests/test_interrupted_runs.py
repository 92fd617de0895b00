"""Runs that a signal ends, at chosen and at random moments, and the same command after them."""

import csv
import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.experiment_texts import SHADES
from tests.forked_commands import Commands, Ended, forked_commands
from tests.image_folders import write_images

EXPERIMENT = (
    SHADES
    + """\
  split: {test: 0}
models:
  - {id: fixed, backbone: EfficientNetLite0, weights: packaged}
  - {id: whole, backbone: SmallCNN, search: false}
training: {epochs: 2, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
search: {folds: 2, score: roc_auc, grid: {training.learning_rate: [1e-3, 1e-2], training.batch_size: [8, 16]}}
"""
)
RUN = "runs/shades"
COMMAND = ["run", "experiment.yaml", "--out", RUN]

# In the order of a run: where the signal comes, at which call, which it is, and what is said to be kept then.
MOMENTS = [
    ("kbin.data.image_sources:FileImages.content_hash", 3, signal.SIGINT, None),
    ("kbin.engine.inputs:ImageInputs._decode", 2, signal.SIGTERM, None),
    ("kbin.search_files:SearchFiles.save_piece", 1, signal.SIGHUP, "kept: computed features, 2 finished trials"),
    ("kbin.training.callbacks:MetricLogger.on_epoch_end", 1, signal.SIGINT, "kept: computed features, 8 finished"),
    ("kbin.results:_set_entry", 2, signal.SIGTERM, "kept: computed features, 8 finished trials"),
    ("kbin.run_writing:save_figure", 2, signal.SIGINT, "kept: all results"),
]


def write_experiment(folder: Path) -> None:
    counts = {f"{name}/{kind}": 20 for name in ("train", "validation") for kind in ("dark", "bright")}
    write_images(folder / "images", counts)
    (folder / "experiment.yaml").write_text(EXPERIMENT)


def check_whole(run: Path) -> None:
    """Checks that every file of a run's folder is whole, and nothing is left of one that was being written."""
    paths = [path for path in run.rglob("*") if path.is_file()]
    assert [path for path in paths if path.name.startswith(".")] == []
    for path in paths:
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            first, *rows = list(csv.reader(path.read_text().splitlines()))
            assert {len(row) for row in rows} <= {len(first)}


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(inner) for name, inner in value.items() if name != "seconds"}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def files(run: Path) -> set[Path]:
    return {path.relative_to(run) for path in run.rglob("*")}


def results(run: Path) -> Any:
    return without_times(json.loads((run / "results.json").read_text()))


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("interrupted")
    write_experiment(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("KBIN_STORE", str(folder / "store"))
        with forked_commands(folder) as commands:
            yield commands


@pytest.fixture(scope="module")
def interrupted(commands: Commands) -> list[Ended]:
    """A run that is interrupted at every stage and ends then; what each command left."""
    ended = []
    for place, count, number, _ in MOMENTS:
        ended.append(commands.run(COMMAND, number, place, count))
        check_whole(commands.folder / RUN)
    return [*ended, commands.run(COMMAND)]


@pytest.fixture(scope="module")
def undisturbed(commands: Commands) -> Ended:
    """A run from its beginning to its end; nobody reads what it says."""
    return commands.run([*COMMAND[:-1], "undisturbed"], unread=True)


@pytest.mark.parametrize("stage", range(len(MOMENTS)))
def test_a_run_ends_at_a_safe_point_and_says_what_is_kept(interrupted, stage):
    _, _, number, kept = MOMENTS[stage]
    ended = interrupted[stage]
    assert ended.code == 128 + number, ended.err
    assert "Traceback" not in ended.err
    assert ended.err.startswith("\nstopping at the next safe point; once more ends at once\n")
    if kept is None:
        assert ended.err.endswith("\ninterrupted; the same command starts again.\n")
    else:
        assert "\ninterrupted; the same command goes on from what is kept in runs/shades.\nkept: " in ended.err
        assert f"\n{kept}" in ended.err


def test_a_run_that_was_interrupted_at_every_stage_ends_like_an_undisturbed_one(commands, interrupted, undisturbed):
    assert (interrupted[-1].code, interrupted[-1].err) == (0, "")
    check_whole(commands.folder / RUN)
    assert undisturbed.code == 0
    run, other = commands.folder / RUN, commands.folder / "undisturbed"
    assert results(run) == results(other)
    assert files(run) == files(other)
    assert Path("report.html") in files(run)


def test_a_run_goes_on_to_its_end_where_nobody_reads_what_it_says(commands, undisturbed):
    assert (undisturbed.code, undisturbed.err) == (0, "")
    assert (commands.folder / "undisturbed" / "report.html").is_file()


def test_a_plan_that_nobody_reads_is_not_made(commands):
    check = commands.run(["check", "experiment.yaml"], unread=True)
    assert (check.code, check.err) == (141, "")


def test_check_and_report_end_at_a_safe_point_too(commands, interrupted):
    check = commands.run(["check", "experiment.yaml"], signal.SIGINT, "kbin.planned_costs:seconds_per_step")
    assert (check.code, "experiment: shades" in check.out) == (130, True)
    assert check.err.endswith("\ninterrupted; the same command starts again.\n")
    report = commands.run(["report", "--redraw", RUN], signal.SIGTERM, "kbin.run_writing:save_figure", 3)
    assert (report.code, report.out) == (143, "")
    check_whole(commands.folder / RUN)


def started(folder: Path) -> "subprocess.Popen[str]":
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from kbin.cli import main\n"
        "print('ready', flush=True)\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *COMMAND], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_a_run_interrupted_at_thirty_random_moments_of_its_length_ends_like_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.setenv("KBIN_STORE", str(tmp_path / "undisturbed-store"))
    write_experiment(tmp_path)
    begin = time.monotonic()
    _, errors = started(tmp_path).communicate()
    assert errors == ""
    length = time.monotonic() - begin
    run = tmp_path / "runs" / "shades"
    undisturbed = results(run)
    run.rename(run.with_name("undisturbed"))

    generator = random.Random(5)
    seconds, num_runs = [], 0
    while len(seconds) < 30:
        monkeypatch.setenv("KBIN_STORE", str(tmp_path / f"store-{num_runs}"))
        process = started(tmp_path)
        number = generator.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        moment = generator.uniform(0.2, length)
        time.sleep(moment)
        sent = time.monotonic()
        if process.poll() is None:
            os.kill(process.pid, number)
        _, errors = process.communicate()
        taken = time.monotonic() - sent
        is_finished = (run / "report.html").is_file() and not errors
        assert "Traceback" not in errors
        check_whole(run)
        if process.returncode and not is_finished:
            assert process.returncode == 128 + number, errors
            seconds.append(taken)
            said = errors.strip().splitlines()[-1]
            logging.getLogger(__name__).info("after %.1f s: %.2f s to the end; %s", moment, taken, said)
        else:
            # While Python takes the modules of a finished run apart, a signal kills it as it does any process.
            assert process.returncode in (0, -number)
            assert results(run) == undisturbed
            run.rename(run.with_name(f"finished-{num_runs}"))
            num_runs += 1
    logging.getLogger(__name__).info("longest %.2f s, median %.2f s", max(seconds), sorted(seconds)[len(seconds) // 2])
    while not (run / "report.html").is_file():
        last = started(tmp_path)
        assert last.communicate()[1] == ""
        assert last.returncode == 0
    assert results(run) == undisturbed
