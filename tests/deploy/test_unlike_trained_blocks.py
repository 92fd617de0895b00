"""Of a model whose top blocks were trained, what tells unlike images comes from below: training moves none of it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

import kbin
from kbin.data.image_sources import FileImages
from kbin.data.images import decode_batch
from kbin.deploy.loaded_model import LoadedModel
from kbin.novelty_files import read_novelty
from tests.deploy.trained import trained_run

SEED_0 = "models/top/seed-0"
TOP_BLOCK = {"id": "top", "backbone": "EfficientNetLite0", "weights": "packaged", "train_blocks": 1}
# The block that is trained is `top`; this is the last layer below it.
LAST_FROZEN = "block7a_project_bn"


@pytest.fixture(scope="module")
def top_block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("top")
    trained_run(folder, models=[TOP_BLOCK])
    return folder


def images_of(folder: Path, set_name: str) -> tuple[list[Path], np.ndarray]:
    files = sorted((folder / "images" / set_name).rglob("*.png"))
    return files, decode_batch(FileImages(files), np.arange(len(files)), 32)


def directions(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns the mean over the image of what the packaged or trained network gives below the top block, length 1."""
    maps = keras.Model(network.input, network.get_layer(LAST_FROZEN).output).predict(images, verbose=0)
    means = maps.mean(axis=(1, 2))
    return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_the_distance_is_that_to_the_tenth_nearest_training_image_below_the_trained_block(top_block, runtime):
    model = LoadedModel(top_block / "run")
    packaged = kbin.build_classifier("EfficientNetLite0", weights="packaged", image_size=32)
    training = directions(packaged, images_of(top_block, "train")[1])
    files, images = images_of(top_block, "test")
    nearest, _ = NearestNeighbors(n_neighbors=10).fit(training).kneighbors(directions(packaged, images))

    table = model.predict(files, runtime=runtime)

    limit = model.novelty.limit
    # The references are kept in float16: 1e-3 of a length of 1.
    np.testing.assert_allclose(table["training_distance"] * limit, nearest[:, -1], atol=2e-3)
    assert np.ptp(nearest[:, -1]) > 0.02


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_the_probabilities_are_those_of_keras_all_the_same(top_block, runtime):
    files, images = images_of(top_block, "test")
    model = LoadedModel(top_block / "run")

    table = model.predict(files, runtime=runtime)

    np.testing.assert_allclose(table["probability"], model.keras_model.predict(images, verbose=0)[:, 0], atol=1e-4)


def test_no_training_image_is_marked(top_block):
    model = LoadedModel(top_block / "run")

    table = model.predict(images_of(top_block, "train")[0])

    # The limit is the largest of these distances, each measured without the image itself, and of the validation set's.
    assert (model.description.unlike_training.held_out, model.novelty.num_held_out) == ("training", 60 + 24)
    assert table["training_distance"].max() <= 1


def test_uncut_training_leaves_the_same_measure(top_block, tmp_path):
    trained_run(tmp_path, models=[TOP_BLOCK], engine={"store": False})

    stored, uncut = (read_novelty(one / "run" / SEED_0 / "unlike_training.npz") for one in (top_block, tmp_path))

    assert (uncut.below, uncut.held_out) == (stored.below, stored.held_out)
    assert stored.below is not None
    np.testing.assert_allclose(uncut.references, stored.references, atol=1e-3)


@pytest.mark.parametrize(
    "trained",
    [{"train_blocks": "all"}, {"stages": [{"train_blocks": 1}, {"train_blocks": 0}]}],
    ids=["nothing is frozen", "an earlier stage trained below the last cut"],
)
def test_where_nothing_below_is_sure_to_be_frozen_it_comes_from_what_enters_the_head(tmp_path, trained):
    model = {key: value for key, value in TOP_BLOCK.items() if key != "train_blocks"} | trained
    trained_run(tmp_path, models=[model], training={"epochs": 1, "seeds": 0})

    measure = read_novelty(tmp_path / "run" / SEED_0 / "unlike_training.npz")

    assert (measure.below, measure.references.shape[1]) == (None, 1280)
    assert LoadedModel(tmp_path / "run").predict(images_of(tmp_path, "test")[0])["training_distance"].notna().all()


@pytest.mark.parametrize("below", [0, 10_000])
def test_a_depth_that_the_network_has_not_is_refused(top_block, tmp_path, below, monkeypatch):
    measure = read_novelty(top_block / "run" / SEED_0 / "unlike_training.npz")
    object.__setattr__(measure, "below", below)
    monkeypatch.setattr("kbin.deploy.loaded_model.read_novelty", lambda path, sha256: measure)

    with pytest.raises(kbin.errors.ModelFileError, match="is not the classifier that"):
        LoadedModel(top_block / "run")
