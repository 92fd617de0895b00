"""Servers that are away: a run ends in its own way within seconds, says so in a line, and nothing is lost."""

import signal
import sys
import time

import pytest

from kbin.cli import main
from kbin.config.tracking import MlflowConfig, TrackingConfig
from kbin.deploy.tracking.running import track_finished_run
from kbin.progress import Progress
from tests.deploy.tracking.away_servers import free_port, gate, silent_server
from tests.deploy.tracking.stored_runs import runs_of
from tests.image_folders import write_images

SHADES = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models: [{backbone: EfficientNetLite0, id: fixed}]
training: {epochs: 1, seeds: 0}
engine: {runtime: torch}
"""


def kbin(*arguments):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["kbin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return ended.value.code


class Told(Progress):
    """Keeps the lines."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def told_at_the_end(run, address):
    """Returns the lines of a run's end, and how long they took, in seconds."""
    progress, start = Told(), time.monotonic()
    track_finished_run(run, TrackingConfig(mlflow=MlflowConfig(uri=address, experiment=run.path.parent.name)), progress)
    return progress.lines, time.monotonic() - start


def test_a_closed_port_costs_no_time_and_is_told_in_one_line(run):
    address = f"http://127.0.0.1:{free_port()}"
    told_at_the_end(run, address)  # MLflow itself takes a second to load
    [line], seconds = told_at_the_end(run, address)
    assert line == (
        f"tracking: MLflow at {address} has 0 of 4 runs: connection refused. "
        f"Nothing is lost: `kbin track {run.path}` does the rest later."
    )
    assert seconds < 2


def test_a_server_that_never_answers_is_given_up_after_five_seconds(run):
    with silent_server() as address:
        [line], seconds = told_at_the_end(run, address)
    assert "has 0 of 4 runs: no answer" in line
    assert 4 < seconds < 9


def test_errors_of_a_server_are_not_tried_again_and_again(run):
    with gate() as one:
        one.open_for, one.fails_by = 0, 500
        [line], seconds = told_at_the_end(run, one.address)
    assert "has 0 of 4 runs: it answers with error 500." in line
    assert one.num_requests == 1
    assert seconds < 4


@pytest.mark.parametrize(("fails_by", "reason"), [("refusing", "the connection broke"), ("hanging", "no answer")])
def test_a_server_that_dies_in_the_middle_is_left_within_seconds(run, mlflow_server, fails_by, reason):
    with gate(mlflow_server) as one:
        one.open_for, one.fails_by = 30, fails_by
        [line], seconds = told_at_the_end(run, one.address)
    assert f"of 4 runs: {reason}" in line
    assert "has 0" not in line
    assert seconds < 12


def test_a_database_that_cannot_be_opened_is_told_too(run, tmp_path):
    (tmp_path / "folder.db").mkdir()
    [line], _ = told_at_the_end(run, f"sqlite:///{tmp_path / 'folder.db'}")
    assert line.startswith(f"tracking: MLflow at sqlite:///{tmp_path}/folder.db has 0 of 4 runs: unable to open")
    assert f"`kbin track {run.path}` does the rest later" in line


@pytest.fixture(scope="module")
def shades(tmp_path_factory):
    """An experiment that trains in a second."""
    root = tmp_path_factory.mktemp("shades")
    write_images(
        root / "images",
        {f"{name}/{kind}": 6 for name in ("train", "validation", "test") for kind in ("dark", "bright")},
    )
    (root / "shades.yaml").write_text(SHADES)
    return root / "shades.yaml"


def test_a_run_without_its_server_ends_well_and_is_sent_by_the_same_command_later(
    shades, mlflow_server, tmp_path, capsys
):
    out, options = tmp_path / "run", ["--set", "tracking.mlflow.experiment=later", "--set"]
    closed = f"tracking.mlflow.uri=http://anna:geheim@127.0.0.1:{free_port()}"

    assert kbin("run", shades, "--out", out, *options, closed) == 0
    first = capsys.readouterr()
    assert "connection refused. Nothing is lost: `kbin track" in first.out
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"geheim" not in written + (first.out + first.err).encode()
    results = (out / "results.json").read_bytes()

    assert kbin("run", shades, "--out", out, *options, f"tracking.mlflow.uri={mlflow_server}") == 0
    assert "2 of 2 runs sent" in capsys.readouterr().out
    assert kbin("track", out) == 0
    assert "all 2 runs are there already" in capsys.readouterr().out
    assert len(runs_of(mlflow_server, "later")) == 2
    assert (out / "results.json").read_bytes() == results


def test_a_command_whose_server_is_away_says_so_with_exit_code_1(run, capsys):
    assert kbin("track", run.path, "--mlflow", f"http://127.0.0.1:{free_port()}") == 1
    assert "has 0 of 4 runs: connection refused" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["nonsense", "http:///x", "ftp://host", "http://host:port", "http://[host"])
def test_what_is_no_address_is_refused(run, capsys, address):
    assert kbin("track", run.path, "--mlflow", address) == 2
    assert "is no address of MLflow: write it like http://127.0.0.1:5000" in capsys.readouterr().err


def test_a_folder_that_asks_for_no_tracking_is_told_how_to(run, capsys):
    assert kbin("track", run.path) == 2
    assert "give `--mlflow http://host:5000`" in capsys.readouterr().err
    assert not (run.path / "tracking.json").exists()


def test_what_is_no_run_is_told_so(tmp_path, capsys):
    (tmp_path / "some.json").write_text("{}")
    assert kbin("track", tmp_path / "some.json") == 2
    assert "is neither a run's folder nor a run that" in capsys.readouterr().err
    assert kbin("track", tmp_path / "nowhere") == 2
    assert not (tmp_path / "nowhere").exists()
