from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kbin import experiment, feature_shards
from kbin.config.models import ModelConfig, StageConfig
from kbin.data.datasets import ArrayImages, Dataset, FileImages
from kbin.engine import feature_store
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ImageInputs
from kbin.engine.prefix import cut
from kbin.errors import ClusterError, DataError
from kbin.execution import Execution, LocalExecution, open_execution
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.feature_shards import compute_features, features_of_shard
from kbin.model_inputs import SetImages
from kbin.model_run import build_configured
from kbin.progress import Advance, Progress
from tests.clusters import LoopbackCluster, loopback_cluster
from tests.image_folders import write_images

SIZE = 32
MODEL = ModelConfig(backbone="ShuffleNetV2x0_5", id="small", weights="none", train_blocks=0)
KINDS = ("dark", "bright")


class Watched(Progress):
    """Calls something after each shard."""

    def __init__(self, then: Callable[[int], None]):
        self._then, self.done = then, 0

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Advance]:
        def advance(count: int) -> None:
            self.done += count
            self._then(self.done)

        yield advance


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "SHARD_SIZE", 32)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LoopbackCluster]:
    with loopback_cluster(num_workers=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def execution(cluster: LoopbackCluster) -> Iterator[Execution]:
    with open_execution(cluster.address) as execution:
        yield execution


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """170 images in three sets: five shards of 32 and one of 10."""
    counts = {
        f"{name}/{kind}": count for name, count in {"train": 55, "test": 20, "validation": 10}.items() for kind in KINDS
    }
    return write_images(tmp_path_factory.mktemp("images"), counts)


def set_images(images: ArrayImages | FileImages) -> SetImages:
    count = len(images)
    names = np.array([f"{index}" for index in range(count)])
    return SetImages(Dataset(names, np.arange(count) % 2, KINDS, images), ImageInputs(images, SIZE, "stretch"))


@pytest.fixture(scope="module")
def sets(folder: Path) -> dict[str, SetImages]:
    return {
        name: set_images(FileImages(sorted((folder / name).rglob("*.png")))) for name in ("train", "test", "validation")
    }


def engine_at(path: Path) -> FeatureEngine:
    return FeatureEngine(FeatureStore(path, 10**9), "torch", "float32", "stretch", Progress())


def stored_files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*.*")) if file.is_file()}


def local_files(path: Path, sets: dict[str, SetImages], model: ModelConfig = MODEL, seed: int = 0) -> dict[str, bytes]:
    """Returns the files that a pass in this process stores."""
    parts = cut(build_configured(model, 2, SIZE, seed))
    assert parts is not None
    hashed = {name: HashedImages(one.data.content_hashes(), one.images) for name, one in sets.items()}
    engine_at(path).features(parts, hashed)
    return stored_files(path)


@pytest.fixture
def expected(tmp_path: Path, sets: dict[str, SetImages]) -> dict[str, bytes]:
    files = local_files(tmp_path / "here", sets)
    assert sum(name.endswith(".npy") for name in files) == 6
    return files


def test_the_stored_bytes_are_those_of_a_local_pass(execution, sets, expected, tmp_path):
    compute_features(MODEL, 0, sets, engine_at(tmp_path / "there"), execution, Progress())
    assert stored_files(tmp_path / "there") == expected


def test_so_they_are_with_blocks_that_train_and_another_seed(execution, sets, tmp_path):
    model = MODEL.model_copy(update={"train_blocks": 1})
    compute_features(model, 3, sets, engine_at(tmp_path / "there"), execution, Progress())
    assert stored_files(tmp_path / "there") == local_files(tmp_path / "here", sets, model, seed=3)


def test_a_worker_that_is_killed_in_the_pass_loses_nothing(sets, expected, tmp_path):
    with loopback_cluster(num_workers=2) as cluster, open_execution(cluster.address) as execution:
        watched = Watched(lambda done: cluster.kill_worker(0) if done <= 32 else None)
        compute_features(MODEL, 0, sets, engine_at(tmp_path / "there"), execution, watched)
    assert watched.done == 170
    assert stored_files(tmp_path / "there") == expected


def test_an_interruption_loses_only_unfinished_shards(execution, sets, expected, tmp_path):
    def interrupt(done: int) -> None:
        if done > 60:
            raise KeyboardInterrupt

    engine = engine_at(tmp_path / "there")
    with pytest.raises(KeyboardInterrupt):
        compute_features(MODEL, 0, sets, engine, execution, Watched(interrupt))
    half = stored_files(tmp_path / "there")
    assert half.items() < expected.items()
    assert sum(name.endswith(".npy") for name in half) >= 2
    rest = Watched(lambda done: None)
    compute_features(MODEL, 0, sets, engine, execution, rest)
    assert 0 < rest.done <= 170 - 42
    assert stored_files(tmp_path / "there") == expected


def test_arrays_travel_to_the_workers(execution, tmp_path):
    generator = np.random.default_rng(0)
    arrays = {name: generator.integers(0, 256, (40, 24, 24, 3), dtype=np.uint8) for name in ("train", "test")}
    sets = {name: set_images(ArrayImages(array, f"{name}.npz")) for name, array in arrays.items()}
    compute_features(MODEL, 0, sets, engine_at(tmp_path / "there"), execution, Progress())
    assert stored_files(tmp_path / "there") == local_files(tmp_path / "here", sets)


def test_nothing_is_computed_twice_and_nothing_for_a_model_without_a_frozen_part(sets, tmp_path):
    engine = engine_at(tmp_path)
    compute_features(MODEL, 0, sets, engine, LocalExecution(), Progress())
    before = stored_files(tmp_path)
    watched = Watched(lambda done: None)
    compute_features(MODEL, 0, sets, engine, LocalExecution(), watched)
    compute_features(MODEL.model_copy(update={"train_blocks": "all"}), 0, sets, engine, LocalExecution(), watched)
    assert watched.done == 0
    assert stored_files(tmp_path) == before


@pytest.mark.parametrize(
    ("depths", "tables"),
    [
        ([0, 1, 2], 3),
        ([0, 2, 1], 2),  # by the third stage the second one has trained what is frozen again
        ([0, "all", 1], 1),
    ],
)
def test_every_stage_has_its_features_where_no_earlier_one_trains_what_is_below(depths, tables, sets, tmp_path):
    model = MODEL.model_copy(update={"stages": tuple(StageConfig(train_blocks=depth) for depth in depths)})
    few = {"train": set_images(sets["train"].images.images.select(np.arange(4)))}
    engine = engine_at(tmp_path)
    compute_features(model, 0, few, engine, LocalExecution(), Progress())
    assert len(engine.store.entries()) == tables


def test_a_store_without_room_is_left_alone(sets, tmp_path):
    engine = FeatureEngine(FeatureStore(tmp_path, 1000), "torch", "float32", "stretch", Progress())
    compute_features(MODEL, 0, sets, engine, LocalExecution(), Progress())
    assert [entry.images for entry in engine.store.entries()] == [0]


class Caught(LocalExecution):
    """Keeps a piece and what it shares."""

    def run(self, function, pieces, shared=None):
        self.piece, self.recipe = pieces[0], shared
        return iter(())


@pytest.fixture
def caught(sets: dict[str, SetImages], tmp_path: Path) -> Caught:
    execution = Caught()
    compute_features(MODEL, 0, sets, engine_at(tmp_path / "caught"), execution, Progress())
    return execution


def test_a_worker_with_other_weights_says_so(caught):
    with pytest.raises(
        ClusterError, match=r"in the worker on \S+: ShuffleNetV2x0_5 with weights none is another network"
    ):
        features_of_shard(caught.piece, replace(caught.recipe, fingerprint="of other weights"))


def test_a_worker_that_does_not_see_an_image_says_so(caught, tmp_path):
    with pytest.raises(DataError, match=rf"in the worker on \S+: 1 image cannot be read: {tmp_path}/none.png"):
        features_of_shard(FileImages([tmp_path / "none.png"]), caught.recipe)


def test_workers_on_different_runtimes_are_refused(sets, tmp_path, monkeypatch):
    names = iter(["openvino", "torch", "torch", "torch", "torch", "torch"])
    monkeypatch.setattr(
        feature_shards, "features_of_shard", lambda images, recipe: (next(names), np.zeros((len(images), 1024)))
    )
    with pytest.raises(ClusterError, match="workers ran ShuffleNetV2x0_5 on openvino and torch"):
        compute_features(MODEL, 0, sets, engine_at(tmp_path), LocalExecution(), Progress())


SETTINGS = """\
name: shades
data: {source: folder, path: FOLDER, classes: [dark, bright], positive: bright, image_size: 32}
models:
  - {id: fixed, backbone: ShuffleNetV2x0_5, weights: none, train_blocks: 0}
training: {epochs: 1, seeds: [0, 1]}
engine: {runtime: torch}
"""


class TestExperiment:
    @pytest.fixture
    def path(self, folder: Path, tmp_path: Path) -> Path:
        path = tmp_path / "experiment.yaml"
        path.write_text(SETTINGS.replace("FOLDER", str(folder)))
        return path

    def test_its_predictions_are_those_of_a_local_run(self, path, cluster, tmp_path, monkeypatch):
        # They are drawn from the run's folder, and take longer than it.
        monkeypatch.setattr(experiment, "remake", lambda runs: None)

        def results(name: str, address: str | None) -> dict[str, bytes]:
            monkeypatch.setenv("KBIN_STORE", str(tmp_path / f"store-{name}"))
            assert run_experiment(load_experiment(path), tmp_path / name, Progress(), address) == 0
            return {
                str(file.relative_to(tmp_path / name)): file.read_bytes() for file in (tmp_path / name).rglob("*.csv")
            }

        here = results("here", None)
        monkeypatch.setattr(FeatureEngine, "_fill", None)  # what the cluster computed leaves nothing to do here
        assert results("there", cluster.address) == here
        assert len(here) == 2 * (1 + 3)
        assert len(stored_files(tmp_path / "store-there")) == len(stored_files(tmp_path / "store-here"))

    def test_a_cluster_that_cannot_be_reached_leaves_no_folder(self, path, tmp_path):
        with pytest.raises(ClusterError, match="no Dask scheduler answers"):
            run_experiment(load_experiment(path), tmp_path / "run", Progress(), "nowhere")
        assert not (tmp_path / "run").exists()
