"""Augmentation: drawn again alike, and labels that follow mixed images.

Where class 0 is black and class 1 is white, the brightness of a mixed image is its share of class 1: a check that knows
nothing of how the layers work.
"""

import importlib.util
import re

import keras
import numpy as np
import pytest

from kbin.engine.augmentation import Augmenter
from kbin.engine.augmented_views import LiveViews, StoredViews
from kbin.engine.inputs import ArrayInputs
from kbin.errors import ConfigError, MissingExtraError
from kbin.options import AUGMENTATIONS, KERAS_CV
from tests.extras import OF_KERAS_CV
from tests.networks import random_images

SIZE = 32
IMAGES = random_images(40, SIZE)
HASHES = np.array([f"image {index}" for index in range(40)])
# Sorted by class, as folders are.
BLACK_OR_WHITE = np.repeat(np.array([0, 255], np.uint8), 40)[:, None, None, None] * np.ones(
    (1, SIZE, SIZE, 3), np.uint8
)
ROWS = np.repeat(np.eye(2, dtype=np.float32), 40, axis=0)
NAMES = np.array([f"image {index}" for index in range(80)])

ARGUMENTS = {
    "RandomRotation": {"factor": 0.1},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "RandomShear": {"x_factor": 0.1},
    "RandomBrightness": {"factor": 0.2},
    "RandomContrast": {"factor": 0.3},
    "RandomSaturation": {"factor": 0.3},
    "RandomHue": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.3},
    "RandomChannelShift": {"factor": 0.3},
    "RandomPosterization": {"factor": 4},
    "Posterization": {"bits": 4},
    "RandomSharpness": {"factor": 0.3},
    "RandomGaussianBlur": {"kernel_size": 3, "factor": 1.0},
    "RandomCutout": {"height_factor": 0.3, "width_factor": 0.3},
}
MIXING = [
    [{"layer": "MixUp", "alpha": 0.8}],
    [{"layer": "CutMix"}],
    [{"layer": "RandomFlip"}, {"layer": "MixUp", "alpha": 0.8}, {"layer": "CutMix"}],
    pytest.param([{"layer": "keras_cv.MixUp", "alpha": 0.8}], marks=OF_KERAS_CV),
    pytest.param([{"layer": "keras_cv.CutMix"}], marks=OF_KERAS_CV),
]


def views(settings: list, num_views: int = 2) -> StoredViews:
    return StoredViews(ArrayInputs(BLACK_OR_WHITE), NAMES, Augmenter(settings), num_views)


def brightness(images: np.ndarray) -> np.ndarray:
    return images.mean(axis=(1, 2, 3)) / 255


class TestStoredViews:
    def test_the_same_views_come_again_and_differ_from_each_other(self) -> None:
        augmenter = Augmenter(
            [{"layer": "RandomFlip", "mode": "horizontal"}, {"layer": "RandomRotation", "factor": 0.2}]
        )
        stored = StoredViews(ArrayInputs(IMAGES), HASHES, augmenter, num_views=2)
        keras.utils.set_random_seed(1)
        first = stored.take(np.arange(80))
        keras.utils.set_random_seed(2)
        np.testing.assert_array_equal(stored.take(np.arange(80)), first)
        assert first.dtype == np.uint8
        by_view = first[stored.places]
        assert np.abs(by_view[:40].astype(int) - by_view[40:]).max() > 50
        assert np.abs(by_view[:40].astype(int) - IMAGES).max() > 50

    def test_places_lead_to_each_view_of_each_image(self) -> None:
        stored = StoredViews(ArrayInputs(IMAGES), HASHES, Augmenter([]), num_views=3)
        np.testing.assert_array_equal(stored.take(np.arange(120))[stored.places], np.tile(IMAGES, (3, 1, 1, 1)))
        assert [name.partition("-")[2] for name in stored.hashes[stored.places][[0, 39, 40]]] == ["0-0", "39-0", "0-1"]

    def test_a_view_is_the_same_whichever_others_are_asked_for(self) -> None:
        """A pass that was broken off asks for the rest only."""
        whole = views([{"layer": "MixUp"}]).take(np.arange(160))
        odd = np.array([3, 130, 131, 40, 41, 159])
        np.testing.assert_array_equal(views([{"layer": "MixUp"}]).take(odd), whole[odd])

    @pytest.mark.parametrize("settings", MIXING)
    def test_labels_are_mixed_as_the_images_are(self, settings: list) -> None:
        stored = views(settings)
        shares = stored.mixed(ROWS, SIZE)
        assert shares.shape == (160, 2)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
        seen = brightness(stored.take(np.arange(160)))[stored.places]
        np.testing.assert_allclose(shares[:, 1], seen, atol=2e-3)  # images are rounded to whole values
        assert ((shares[:, 1] > 0.2) & (shares[:, 1] < 0.8)).sum() > 8

    @pytest.mark.parametrize("layer", ["MixUp", "RandomFlip"])
    def test_features_of_views_are_not_taken_for_those_of_another_training_set(self, layer: str) -> None:
        """A group of images is drawn together, so another set draws other views of the same image."""
        fewer = StoredViews(ArrayInputs(BLACK_OR_WHITE[1:]), NAMES[1:], Augmenter([{"layer": layer}]), 2)
        assert not set(fewer.hashes) & set(views([{"layer": layer}]).hashes)


class TestLiveViews:
    @pytest.mark.parametrize("settings", MIXING)
    def test_labels_are_mixed_as_the_images_are(self, settings: list) -> None:
        live = LiveViews(ArrayInputs(BLACK_OR_WHITE), NAMES, Augmenter(settings), epochs=3)
        positions = np.random.default_rng(0).permutation(240)[:32]
        shares = live.mixed(positions, ROWS, SIZE)
        np.testing.assert_allclose(shares[:, 1], brightness(live.take(positions)), atol=2e-3)
        assert ((shares[:, 1] > 0.1) & (shares[:, 1] < 0.9)).any()

    def test_another_epoch_draws_other_views(self) -> None:
        live = LiveViews(ArrayInputs(IMAGES), HASHES, Augmenter([{"layer": "RandomRotation", "factor": 0.2}]), epochs=2)
        first, second = live.take(np.arange(32)), live.take(np.arange(40, 72))
        assert np.abs(first.astype(int) - second).max() > 50
        np.testing.assert_array_equal(live.take(np.arange(32)), first)


class TestAugmenter:
    def test_an_argument_that_a_layer_does_not_take_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"keras.layers.RandomFlip does not take direction: up"):
            Augmenter([{"layer": "RandomFlip", "direction": "up"}])

    def test_a_single_image_is_not_mixed(self) -> None:
        np.testing.assert_array_equal(Augmenter([{"layer": "CutMix"}]).augment(IMAGES[:1], 3), IMAGES[:1])

    @pytest.mark.skipif(importlib.util.find_spec("keras_cv") is not None, reason="KerasCV is installed")
    def test_a_missing_keras_cv_is_named_with_the_command_that_installs_it(self) -> None:
        with pytest.raises(MissingExtraError, match=r"pip install 'kbin\[cv\]'"):
            Augmenter([{"layer": "keras_cv.RandAugment"}])

    @pytest.mark.parametrize(
        "name", [row if not row.startswith(KERAS_CV) else pytest.param(row, marks=OF_KERAS_CV) for row in AUGMENTATIONS]
    )
    @pytest.mark.filterwarnings("ignore:Tensor.T is deprecated")  # Keras's Equalization, about torch
    def test_every_layer_draws_alike_for_the_same_seed_and_keeps_shape(self, name: str) -> None:
        augmenter = Augmenter([{"layer": name, **ARGUMENTS.get(name.removeprefix(KERAS_CV), {})}])
        augmenter.check(SIZE)
        first = augmenter.augment(IMAGES, 1)
        assert (first.shape, first.dtype) == (IMAGES.shape, np.uint8)
        for _ in range(2):
            augmenter.augment(IMAGES, 2)
            np.testing.assert_array_equal(augmenter.augment(IMAGES, 1), first)
        assert first.std() > 1

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"layer": "RandomZoom", "height_factor": 0.1, "fill_mode": "foo"}, "fill_mode: foo"),
            ({"layer": "MixUp", "alpha": 0}, "MixUp cannot be applied with these arguments"),
            ({"layer": "RandomBrightness", "factor": 0.1, "value_range": [0, 1]}, "leave `value_range` out"),
        ],
    )
    def test_an_argument_that_fails_late_is_found_before_a_run(self, settings: dict, message: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)):
            Augmenter([settings]).check(SIZE)
