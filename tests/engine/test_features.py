import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kbin
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages, predict_inputs, predict_sets
from kbin.engine.inputs import ArrayInputs
from kbin.engine.prefix import Cut, cut
from kbin.progress import Progress
from tests.networks import calibrated_classifier, random_images

IMAGES = random_images(40, 32)
HASHES = np.array([f"image {index}" for index in range(len(IMAGES))])


class CountingInputs(ArrayInputs):
    """Counts the images that were asked for."""

    def __init__(self, array: np.ndarray):
        super().__init__(array)
        self.count = 0

    def take(self, indices: np.ndarray) -> np.ndarray:
        self.count += len(indices)
        return super().take(indices)


class Lines(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def parts_of(backbone: str, seed: int = 0, train_blocks: int = 0) -> Cut:
    parts = cut(calibrated_classifier(backbone, seed=seed, train_blocks=train_blocks))
    assert parts is not None
    return parts


@pytest.fixture(scope="module")
def parts() -> Cut:
    return parts_of("MobileNetV3Large")


@pytest.fixture(scope="module")
def trained_parts() -> Cut:
    """EfficientNetLite0 with its ImageNet weights, whole backbone frozen, for images of 64 px."""
    parts = cut(kbin.build_classifier("EfficientNetLite0", weights="packaged", image_size=64))
    assert parts is not None
    return parts


def engine_at(
    path: Path, runtime: str = "torch", precision: str = "float32", progress: Progress | None = None
) -> FeatureEngine:
    return FeatureEngine(FeatureStore(path, 10**9), runtime, precision, "stretch", progress or Progress())


def features(engine: FeatureEngine, parts: Cut, images: ArrayInputs, hashes: np.ndarray = HASHES) -> np.ndarray:
    stored = engine.features(parts, {"train": HashedImages(hashes, images)})["train"]
    return stored.take(np.arange(len(hashes)))


def test_stored_features_are_those_of_the_network_to_the_bit(parts: Cut, tmp_path: Path) -> None:
    expected = predict_inputs(parts.prefix, ArrayInputs(IMAGES), 32)
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_array_equal(features(engine_at(tmp_path), parts, ArrayInputs(IMAGES)), expected)


def test_a_second_experiment_computes_only_the_images_that_are_new(parts: Cut, tmp_path: Path) -> None:
    features(engine_at(tmp_path), parts, ArrayInputs(IMAGES[:30]), HASHES[:30])
    images = CountingInputs(IMAGES)
    features(engine_at(tmp_path), parts, images)
    assert images.count == 10
    features(engine_at(tmp_path), parts, images)
    assert images.count == 10


def test_an_image_that_is_in_two_sets_is_computed_once(parts: Cut, tmp_path: Path) -> None:
    test, part = CountingInputs(IMAGES), CountingInputs(IMAGES[:8])
    sets = {"test": HashedImages(HASHES, test), "part": HashedImages(HASHES[:8], part)}
    stored = engine_at(tmp_path).features(parts, sets)
    assert (test.count, part.count) == (40, 0)
    np.testing.assert_array_equal(stored["part"].take(np.arange(8)), stored["test"].take(np.arange(8)))


def test_other_weights_are_another_table(tmp_path: Path) -> None:
    one, other = parts_of("MobileNetV3Large", seed=0), parts_of("MobileNetV3Large", seed=1)
    engine = engine_at(tmp_path)
    a, b = features(engine, one, ArrayInputs(IMAGES)), features(engine, other, ArrayInputs(IMAGES))
    assert np.abs(a - b).max() > 0.01
    assert len(engine.store.entries()) == 2


def test_another_depth_is_another_table(tmp_path: Path) -> None:
    engine = engine_at(tmp_path)
    vectors = features(engine, parts_of("MobileNetV3Large"), ArrayInputs(IMAGES))
    maps = features(engine, parts_of("MobileNetV3Large", train_blocks=1), ArrayInputs(IMAGES))
    assert (vectors.ndim, maps.ndim) == (2, 4)


@pytest.mark.parametrize(
    ("backbone", "train_blocks"),
    [("ResNet50", 1), ("EfficientNetB0", 0)],
)
def test_openvino_agrees_with_torch(backbone: str, train_blocks: int, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    parts = parts_of(backbone, train_blocks=train_blocks)
    lines = Lines()
    fast = features(engine_at(tmp_path / "fast", "openvino", progress=lines), parts, ArrayInputs(IMAGES))
    exact = features(engine_at(tmp_path / "exact"), parts, ArrayInputs(IMAGES))
    assert not [line for line in lines.said if "runs on torch" in line]
    assert fast.shape == exact.shape
    # Random weights magnify rounding: an input changed by 1e-7 moves EfficientNetB0's features by up to 1e-3 here. A
    # wrong layout or weight would give 1; the next test has trained weights.
    assert np.abs(fast - exact).max() / np.abs(exact).max() < 2e-2


def test_openvino_agrees_with_torch_to_1e_5_on_trained_weights(trained_parts: Cut, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    images = ArrayInputs(random_images(40, 64))
    fast = features(engine_at(tmp_path / "fast", "openvino"), trained_parts, images)
    exact = features(engine_at(tmp_path / "exact"), trained_parts, images)
    assert np.ptp(exact, axis=0).max() > 0.1
    assert 0 < np.abs(fast - exact).max() / np.abs(exact).max() < 1e-5


def test_a_converted_network_is_kept_between_runs_and_converted_again_if_damaged(parts: Cut, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    first, second, third = Lines(), Lines(), Lines()
    features(engine_at(tmp_path, "openvino", progress=first), parts, ArrayInputs(IMAGES[:8]), HASHES[:8])
    features(engine_at(tmp_path, "openvino", progress=second), parts, ArrayInputs(IMAGES[:16]), HASHES[:16])
    next((tmp_path / "networks").glob("*.xml")).write_text("<net")
    features(engine_at(tmp_path, "openvino", progress=third), parts, ArrayInputs(IMAGES))
    assert [line for line in first.said if "converting MobileNetV3Large" in line]
    assert not [line for line in second.said if "converting" in line]
    assert [line for line in third.said if "converting MobileNetV3Large" in line]


def test_a_network_that_openvino_cannot_take_runs_on_torch_with_one_line(
    parts: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such operation\nmore")

    monkeypatch.setattr(openvino, "convert_model", refuse)
    lines = Lines()
    computed = features(engine_at(tmp_path, "openvino", progress=lines), parts, ArrayInputs(IMAGES))
    np.testing.assert_array_equal(computed, predict_inputs(parts.prefix, ArrayInputs(IMAGES), 32))
    assert [line for line in lines.said if "runs on torch" in line and "no such operation" in line]


def test_bfloat16_on_torch_is_near_float32_but_not_equal(trained_parts: Cut, tmp_path: Path) -> None:
    images = ArrayInputs(random_images(40, 64))
    rough = features(engine_at(tmp_path, precision="bfloat16"), trained_parts, images)
    exact = features(engine_at(tmp_path), trained_parts, images)
    assert rough.dtype == np.float32
    assert 1e-4 < np.abs(rough - exact).max() / np.abs(exact).max() < 0.2


PASS = """
import sys
import numpy as np
from pathlib import Path
from tests.engine.test_features import engine_at, parts_of
from kbin.engine import features as module
from kbin.engine.features import HashedImages
from kbin.engine.inputs import ArrayInputs
from tests.networks import random_images

module.shard_size = lambda num_images: 32
images = random_images(320, 32)
hashes = np.array([str(index) for index in range(320)])
parts = parts_of("MobileNetV3Large")
print("ready", flush=True)
engine_at(Path(sys.argv[1])).features(parts, {"train": HashedImages(hashes, ArrayInputs(images))})
"""


def started_pass(store: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", PASS, str(store)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == "ready\n"
    return process


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def check_killed_passes(num_kills: int, folder: Path) -> None:
    """Kills a pass at random moments until it has been killed often enough, then lets it finish."""
    start = time.monotonic()
    assert started_pass(folder / "undisturbed").wait(timeout=120) == 0
    length = time.monotonic() - start
    expected = files_of(folder / "undisturbed")
    assert len(expected) == 1 + 2 * 10
    generator = random.Random(0)
    kills = 0
    while kills < num_kills:
        store = folder / f"killed {kills}"
        process = started_pass(store)
        time.sleep(generator.uniform(0, min(length, 3.0)))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        logging.getLogger(__name__).info("killed with %d files stored", len(files_of(store)))
        assert started_pass(store).wait(timeout=120) == 0
        assert files_of(store) == expected
        kills += 1


def test_a_pass_that_was_killed_ends_with_the_same_bytes(tmp_path: Path) -> None:
    check_killed_passes(1, tmp_path)


@pytest.mark.slow
def test_a_pass_killed_at_twenty_random_moments_ends_with_the_same_bytes(tmp_path: Path) -> None:
    check_killed_passes(20, tmp_path)


def test_two_passes_at_once_on_one_store_end_with_the_same_bytes(tmp_path: Path) -> None:
    assert started_pass(tmp_path / "alone").wait(timeout=120) == 0
    both = [started_pass(tmp_path / "shared") for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert files_of(tmp_path / "shared") == files_of(tmp_path / "alone")


def test_an_image_that_is_in_several_sets_is_predicted_once_and_comes_back_in_each() -> None:
    model = calibrated_classifier("MobileNetV3Large")
    whole, part = CountingInputs(IMAGES), CountingInputs(IMAGES[[7, 3]])
    outputs = predict_sets(
        model, {"test": whole, "part": part}, {"test": HASHES, "part": HASHES[[7, 3]]}, batch_size=40
    )
    assert (whole.count, part.count) == (40, 0)
    np.testing.assert_array_equal(outputs["test"], predict_inputs(model, ArrayInputs(IMAGES), 40))
    np.testing.assert_array_equal(outputs["part"], outputs["test"][[7, 3]])
    assert np.ptp(outputs["test"]) > 0.01
