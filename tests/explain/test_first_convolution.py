import json

import keras
import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from kbin.audit.input_statistics import AS_THEY_ARE, BGR, INVERTED, STRETCHED, InputStatistics
from kbin.catalogue import BACKBONES, IMAGENET, NONE, PACKAGED
from kbin.explain.first_convolution import input_numbers
from kbin.models.classifiers import build_classifier

SIDE = 32
FLAT = [one.name for one in BACKBONES if not one.extra]


def photographs(number: int = 20, seed: int = 0) -> np.ndarray:
    """Returns images that are brighter in red than in blue, and whose coarse cells differ."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 120, (number, 4, 4, 1)).repeat(8, axis=1).repeat(8, axis=2)
    noise = rng.integers(0, 40, (number, SIDE, SIDE, 3))
    return (cells + noise + np.array([95, 50, 0])).astype(np.uint8)


def read(values: dict) -> InputStatistics:
    """Returns the numbers as they come back from a file."""
    return InputStatistics.from_dict(json.loads(json.dumps(values, allow_nan=False)))


def outputs_of_first_convolution(model: keras.Model, images: np.ndarray) -> np.ndarray:
    x = images.astype(np.float32)
    for name in ("preprocess_scale", "stem_conv"):
        x = model.get_layer(name)(x)
    return keras.ops.convert_to_numpy(x).reshape(-1, 32)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network whose first BatchNorm has seen these photographs."""
    keras.utils.set_random_seed(0)
    network = build_classifier("EfficientNetLite0", weights=NONE, image_size=SIDE)
    outputs = outputs_of_first_convolution(network, photographs())
    norm = network.get_layer("stem_bn")
    norm.set_weights([*norm.get_weights()[:2], outputs.mean(axis=0), outputs.var(axis=0)])
    return network


@pytest.mark.parametrize("name", FLAT)
def test_every_backbone_of_stock_layers_has_a_reference(name):
    numbers = read(input_numbers(build_classifier(name, weights=NONE, image_size=SIDE), IMAGENET, photographs(3)))
    assert set(numbers.discrepancies) == {AS_THEY_ARE, STRETCHED, INVERTED, BGR} - (
        {STRETCHED} if photographs(3).max() == 255 else set()
    )
    assert numbers.why_no_reference == ""
    assert len(numbers.mean) == 3


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        # ImageNet's .485, .456, .406 and .229, .224, .225 of 255, behind (x - 127) / 128.
        (
            "EfficientNetLite0",
            ((123.675 - 127) / 128, (116.28 - 127) / 128, (103.53 - 127) / 128),
            (0.4562, 0.4463, 0.4482),
        ),
        # Reversed, less Caffe's means.
        ("ResNet50", (103.53 - 103.939, 116.28 - 116.779, 123.675 - 123.68), (57.375, 57.12, 58.395)),
        ("ResNet18", (0, 0, 0), (1, 1, 1)),
        ("MobileNetV3Large", (123.675 / 127.5 - 1, 116.28 / 127.5 - 1, 103.53 / 127.5 - 1), (0.458, 0.448, 0.45)),
    ],
)
def test_what_imagenet_has_there_goes_through_the_backbones_own_preprocessing(name, mean, std):
    numbers = read(input_numbers(build_classifier(name, weights=NONE, image_size=SIDE), IMAGENET, photographs(2)))
    assert numbers.expected_mean == pytest.approx(mean, abs=1e-3)
    assert numbers.expected_std == pytest.approx(std, abs=1e-3)


def test_what_enters_is_counted_behind_the_preprocessing(model):
    images = photographs(7)
    numbers = read(input_numbers(model, PACKAGED, images))
    scaled = (images.astype(float) - 127) / 128
    assert numbers.mean == pytest.approx(scaled.mean(axis=(0, 1, 2)), abs=1e-4)
    assert numbers.std == pytest.approx(scaled.std(axis=(0, 1, 2)), abs=1e-4)
    assert numbers.min == pytest.approx(scaled.min(axis=(0, 1, 2)), abs=1e-4)
    assert numbers.max == pytest.approx(scaled.max(axis=(0, 1, 2)), abs=1e-4)
    assert numbers.raw_mean == pytest.approx(images.mean(axis=(0, 1, 2)), abs=1e-3)
    assert numbers.correlations[0] == pytest.approx(np.corrcoef(images[..., 0].ravel(), images[..., 1].ravel())[0, 1])


def test_the_misfit_is_the_divergence_from_what_the_batchnorm_has_seen(model):
    images = photographs(6, seed=5)
    norm = model.get_layer("stem_bn")
    mean, variance = (torch.tensor(one) for one in norm.get_weights()[2:])
    outputs = torch.tensor(outputs_of_first_convolution(model, 255 - images))
    here = Normal(outputs.mean(dim=0), (outputs.var(dim=0, correction=0) + norm.epsilon).sqrt())
    expected = kl_divergence(here, Normal(mean, (variance + norm.epsilon).sqrt())).mean()
    assert input_numbers(model, PACKAGED, images)["discrepancies"][INVERTED] == pytest.approx(float(expected), rel=1e-3)


class TestReading:
    def test_images_like_those_that_were_seen_are_usual(self, model):
        numbers = read(input_numbers(model, PACKAGED, photographs(seed=1)))
        assert numbers.reading == "usual"
        assert numbers.discrepancies[AS_THEY_ARE] < 0.02

    @pytest.mark.parametrize(
        ("planted", "reading"),
        [
            (lambda images: images[..., ::-1], "bgr"),
            (lambda images: 255 - images, "inverted"),
            (lambda images: np.round(images / 255).astype(np.uint8), "rescaled"),
            (lambda images: images // 16, "rescaled"),  # 12 bits stored as 16
            (lambda images: images // 6, "rescaled"),  # not black, but far from what was seen
            (lambda images: np.zeros_like(images) + 128, "constant"),
            (lambda images: np.zeros_like(images), "constant"),
        ],
    )
    def test_a_planted_fault_is_told(self, model, planted, reading):
        assert read(input_numbers(model, PACKAGED, planted(photographs(seed=1)))).reading == reading

    def test_grey_images_are_told_from_the_channels(self, model):
        grey = photographs(seed=1).mean(axis=3, keepdims=True).astype(np.uint8).repeat(3, axis=3)
        numbers = read(input_numbers(build_classifier("SmallCNN", image_size=SIDE), NONE, grey))
        assert (numbers.grey_share, numbers.reading) == (1, "grey")
        assert BGR not in read(input_numbers(model, PACKAGED, grey)).discrepancies

    def test_weights_that_are_not_pretrained_have_no_reference(self):
        numbers = read(input_numbers(build_classifier("SmallCNN", image_size=SIDE), NONE, photographs(2)))
        assert (numbers.discrepancies, numbers.expected_mean) == ({}, None)
        assert numbers.why_no_reference.startswith("its weights are not pretrained")
        assert numbers.reading == "usual"

    def test_black_images_are_told_without_a_reference(self):
        black = np.random.default_rng(0).integers(0, 2, (5, SIDE, SIDE, 3)).astype(np.uint8)
        assert read(input_numbers(build_classifier("SmallCNN", image_size=SIDE), NONE, black)).reading == "rescaled"


def test_of_many_images_64_are_looked_at():
    model = build_classifier("SmallCNN", image_size=SIDE)
    assert input_numbers(model, NONE, photographs(70))["num_images"] == 64
    assert input_numbers(model, NONE, photographs(1))["num_images"] == 1
