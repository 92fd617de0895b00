"""A search on a Dask cluster of this machine gives what the same search gives in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kbin import experiment as experiment_module
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress, Update
from tests.clusters import LoopbackCluster, loopback_cluster
from tests.experiment_texts import SHADES
from tests.image_folders import write_images

SEARCH = (
    SHADES
    + """\
  split: {test: 0, validation: 0}
models:
  - {id: net, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 2, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
search:
  folds: 3
  score: roc_auc
  refit: false
  grid: {train_blocks: [0, 1], training.learning_rate: [1e-3, 1e-2], head.dropout: [0.0, 0.5]}
"""
)


class Watched(Progress):
    """Calls a function with the number of trials that are done."""

    def __init__(self, then=lambda done: None):
        self._then, self._done = then, 0

    @contextmanager
    def board(self, description: str, total: int, unit: str) -> Iterator[Update]:
        def update(count: int, lines) -> None:
            self._done += count
            self._then(self._done)

        yield update if unit == "trials" else lambda count, lines: None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster-search")
    write_images(folder / "images", {"dark": 24, "bright": 24})
    (folder / "experiment.yaml").write_text(SEARCH)
    return folder


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_module, "remake", lambda runs: None)


@pytest.fixture
def expected(folder: Path) -> bytes:
    """search.csv of the search in this process; made once."""
    if not (folder / "here" / "search.csv").is_file():
        assert run_experiment(load_experiment(folder / "experiment.yaml"), folder / "here", Progress()) == 0
    return (folder / "here" / "search.csv").read_bytes()


def searched(folder: Path, out: Path, cluster: LoopbackCluster, progress: Progress) -> bytes:
    assert run_experiment(load_experiment(folder / "experiment.yaml"), out, progress, cluster.address) == 0
    return (out / "search.csv").read_bytes()


def test_a_cluster_finds_what_one_process_finds(folder, expected, tmp_path):
    # The workers have a store of their own, as on another machine, and would give torch another number of threads.
    env = {"KBIN_STORE": str(tmp_path / "store of the workers"), "OMP_NUM_THREADS": "2"}
    with loopback_cluster(num_workers=2, env=env) as cluster:
        assert searched(folder, tmp_path / "there", cluster, Watched()) == expected


def test_a_worker_that_is_killed_in_the_search_loses_nothing(folder, expected, tmp_path):
    with loopback_cluster(num_workers=2) as cluster:
        killing = Watched(lambda done: cluster.kill_worker(0) if done == 14 else None)
        assert searched(folder, tmp_path / "there", cluster, killing) == expected
        assert killing._done == 24
