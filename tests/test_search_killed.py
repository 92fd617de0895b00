"""A search that is killed at random moments and started again: the same result, and no finished trial is run twice."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.experiment_texts import SHADES
from tests.image_folders import write_images

SEARCH = (
    SHADES
    + """\
  split: {test: 0, validation: 0}
models:
  - {id: small, backbone: SmallCNN}
  - {id: head, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 2, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
search: {folds: 4, score: roc_auc, refit: false, grid: {training.learning_rate: [1e-3, 1e-2, 1e-1]}}
"""
)

# Says which trials it runs before it runs them.
PROGRAM = """
import sys
from pathlib import Path
from kbin import experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress
from kbin.search import running
from kbin.search_files import SearchFiles

folder, out = map(Path, sys.argv[1:])
experiment.remake = lambda runs: None
SearchFiles.clear = lambda files: None  # the trials stay, to be looked at
real = running.run_piece

def run_piece(piece, shared):
    with open(out.with_suffix(".ran"), "a") as log:
        log.write("".join(f"{name}\\n" for name in piece.trial_ids))
    return real(piece, shared)

running.run_piece = run_piece
print("ready", flush=True)
sys.exit(experiment.run_experiment(load_experiment(folder / "experiment.yaml"), out, Progress()))
"""


def started(folder: Path, out: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(out)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == "ready\n"
    return process


def finished_trials(out: Path) -> set[str]:
    return {one["id"] for path in (out / "trials").glob("*.json") for one in json.loads(path.read_text())["trials"]}


def ran(out: Path) -> list[str]:
    log = out.with_suffix(".ran")
    return log.read_text().split() if log.is_file() else []


def check_killed_searches(num_kills: int, folder: Path) -> None:
    """Kills a search again and again; one that comes to its end in between is compared, and another one begun."""
    write_images(folder / "images", {"dark": 24, "bright": 24})
    (folder / "experiment.yaml").write_text(SEARCH)
    undisturbed = started(folder, folder / "undisturbed")
    begin = time.monotonic()
    assert undisturbed.wait(timeout=300) == 0
    length = time.monotonic() - begin
    generator = random.Random(3)
    kills = num_searches = 0
    is_finished = False
    while kills < num_kills or not is_finished:
        out = folder / f"killed-{num_searches}"
        finished, before = finished_trials(out), len(ran(out))
        process = started(folder, out)
        if kills < num_kills:
            time.sleep(generator.uniform(0, 0.8 * length))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                logging.getLogger(__name__).info("killed with %d of 24 trials finished", len(finished_trials(out)))
        is_finished = process.wait(timeout=300) == 0
        assert not finished & set(ran(out)[before:])
        if is_finished:
            assert (out / "search.csv").read_bytes() == (folder / "undisturbed" / "search.csv").read_bytes()
            assert len(set(ran(out))) == 24
            num_searches += 1


def test_a_search_that_was_killed_ends_with_the_same_result(tmp_path: Path) -> None:
    check_killed_searches(1, tmp_path)


@pytest.mark.slow
def test_a_search_killed_at_ten_random_moments_ends_with_the_same_result(tmp_path: Path) -> None:
    check_killed_searches(10, tmp_path)
