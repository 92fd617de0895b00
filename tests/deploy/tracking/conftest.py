"""One MLflow server for all tests, and small finished runs."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbin.runs import RunDirectory
from tests.deploy.tracking.away_servers import free_port
from tests.report.conftest import save_quickly
from tests.report.synthetic_runs import SyntheticRun

SETTINGS = """\
name: shades
data: {source: folder, path: /images, image_size: 32, split: {test: 0.25}}
models:
- {id: good, backbone: EfficientNetLite0, weights: none, head: {dropout: 0.1}, training: {epochs: 5}}
- {id: broken, backbone: EfficientNetLite0, weights: none, head: {dropout: 0.2}, training: {}}
training: {optimizer: adamw, learning_rate: null, epochs: 3, seeds: [0, 1]}
audit: false
"""
RUN = SyntheticRun(models={"good": 2.0}, failed={"broken": "ValueError: out of memory"})


@pytest.fixture(autouse=True)
def _no_own_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the person's own MLflow is used, and nothing is left in the folder where the tests run."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write_run(folder: Path, settings: str = SETTINGS) -> RunDirectory:
    """Writes a finished run of two models, one of which failed; each trained model has a file of a few bytes."""
    run = RUN.write(folder)
    (folder / "experiment.yaml").write_text(settings)
    (folder / "report.html").write_text("<!doctype html><title>a page</title>")
    for seed in RUN.seeds:
        run.save_model("good", seed, lambda path, seed=seed: path.write_bytes(b"weights of %d" % seed))
        save_quickly(None, run.plot_path("roc", "good", seed))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A finished run."""
    return write_run(tmp_path / "run")


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with a store of its own, on loopback; its address."""
    folder = tmp_path_factory.mktemp("mlflow")
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--serve-artifacts"]
    command += ["--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'store.db'}", "--artifacts-destination", str(folder / "a")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # eight processes that the tests do not need
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(address, process, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())
