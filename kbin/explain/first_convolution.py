"""What enters the first convolution of a built classifier, against what its weights were trained on."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kbin.audit.input_statistics import AS_THEY_ARE, BGR, DARK, INVERTED, STRETCHED, InputStatistics
from kbin.catalogue import NONE
from kbin.engine.prefix import part_below
from kbin.models.blocks import PREPROCESSING, nested_models, placed_layers

MOST_IMAGES = 64
_CONVOLVED = 24  # images of which the convolution is computed: places are plenty, and ResNet50's takes a second
# Of ImageNet's training images, RGB 0-255: torchvision's means and standard deviations.
_IMAGENET_MEAN, _IMAGENET_STD = 255 * np.array([0.485, 0.456, 0.406]), 255 * np.array([0.229, 0.224, 0.225])
_AT_ONCE = 12

Images = NDArray[np.float32]


def input_numbers(model: keras.Model, weights: str, images: NDArray[np.generic]) -> dict[str, Any]:
    """Returns statistics of what enters the first convolution, and how well they fit the weights.

    The BatchNorm above the first convolution holds each channel's mean and variance from training. Those that the
    images at hand give are compared with them by the Kullback-Leibler divergence of two normal distributions, a mean
    over the channels: of the images as they are, and of variants of them that would be right if something had gone
    wrong.

    Args:
        model: As `build_classifier` or `build_backbone` builds it, its first block as it was loaded.
        weights: What they are: "none" has no reference.
        images: shape (n, height, width, 3), raw RGB 0-255; at most 64 of them are looked at.

    Returns:
        `InputStatistics.as_dict()`.

    Source:
        Ioffe and Szegedy 2015, "Batch normalization", algorithm 2, for the moments; Yin et al. 2020, "Dreaming to
        distill", equation 4, for comparing images with them.
    """
    raw = np.asarray(images[:MOST_IMAGES], np.float32)
    entering = _entering(model)
    inside = _through(entering, raw)
    pretrained = weights != NONE
    moments = _seen_in_training(model) if pretrained else None
    expected = _expected(entering, raw.shape[1:]) if pretrained else (None, None)
    flat = inside.reshape(-1, inside.shape[-1])
    return InputStatistics(
        num_images=len(raw),
        raw_mean=_channels(raw.mean(axis=(0, 1, 2), dtype=np.float64)),
        raw_max=_channels(raw.max(axis=(0, 1, 2))),
        dark_share=float((raw.max(axis=(1, 2, 3)) <= DARK).mean()),
        constant_share=float((np.ptp(raw, axis=(1, 2)) == 0).all(axis=1).mean()),
        grey_share=float((np.ptp(raw, axis=3) == 0).all(axis=(1, 2)).mean()),
        correlations=_correlations(raw.reshape(-1, 3)),
        mean=_channels(flat.mean(axis=0, dtype=np.float64)),
        std=_channels(flat.std(axis=0, dtype=np.float64)),
        min=_channels(flat.min(axis=0)),
        max=_channels(flat.max(axis=0)),
        expected_mean=expected[0],
        expected_std=expected[1],
        discrepancies={} if moments is None else _discrepancies(model, moments, raw[:_CONVOLVED]),
        why_no_reference=_why_no_reference(pretrained, moments is not None),
    ).as_dict()


def _why_no_reference(pretrained: bool, has_moments: bool) -> str:
    if not pretrained:
        return "its weights are not pretrained, so that there is nothing that the images should be like"
    return "" if has_moments else "no BatchNorm stands above its first convolution"


def _entering(model: keras.Model) -> keras.Model:
    """Returns the part of a model that prepares the images: padding already belongs to the first block."""
    last = [placed.operation for placed in placed_layers(model) if placed.unit == PREPROCESSING][-1]
    return keras.Model(model.input, last.output)


def _seen_in_training(model: keras.Model) -> keras.layers.BatchNormalization | None:
    """Returns the BatchNorm right above the first convolution; None where there is none."""
    if nested_models(model):
        return None
    operations = [placed.operation for placed in placed_layers(model)]
    first = next((n for n, one in enumerate(operations) if isinstance(one, keras.layers.Conv2D)), None)
    if first is None or first + 1 == len(operations):
        return None
    above = operations[first + 1]
    return above if isinstance(above, keras.layers.BatchNormalization) else None


def _expected(entering: keras.Model, shape: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns ImageNet's mean and standard deviation behind the backbone's own preprocessing, which is affine."""
    both = np.broadcast_to(np.stack([_IMAGENET_MEAN, _IMAGENET_MEAN + _IMAGENET_STD])[:, None, None, :], (2, *shape))
    mean, above = _through(entering, both.astype(np.float32))[:, 0, 0, :].astype(np.float64)
    return _channels(mean), _channels(np.abs(above - mean))


def _discrepancies(model: keras.Model, norm: keras.layers.BatchNormalization, raw: Images) -> dict[str, float]:
    convolution = part_below(model, norm.name)
    largest = max(float(raw.max()), 1.0)
    variants = {
        AS_THEY_ARE: raw,
        INVERTED: 255 - raw,
    }
    if largest < 255:
        variants[STRETCHED] = raw * (255 / largest)
    if (raw[..., 0] != raw[..., 2]).any():
        variants[BGR] = raw[..., ::-1]
    mean = keras.ops.convert_to_numpy(norm.moving_mean).astype(np.float64)
    variance = keras.ops.convert_to_numpy(norm.moving_variance).astype(np.float64) + norm.epsilon
    found = {}
    for name, variant in variants.items():
        here, spread = _moments(convolution, np.ascontiguousarray(variant))
        spread = spread + norm.epsilon
        divergence = (np.log(variance / spread) + (spread + (here - mean) ** 2) / variance - 1) / 2
        found[name] = round(float(divergence.mean()), 6)
    return found


def _moments(network: keras.Model, images: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns mean and variance of each channel of a network's output, over images and places."""
    means, squares = [], []
    for start in range(0, len(images), _AT_ONCE):
        part = np.asarray(network.predict_on_batch(images[start : start + _AT_ONCE]))
        means.append(part.mean(axis=(0, 1, 2), dtype=np.float64) * len(part))
        squares.append(np.square(part).mean(axis=(0, 1, 2), dtype=np.float64) * len(part))
    mean = np.sum(means, axis=0) / len(images)
    return mean, np.maximum(np.sum(squares, axis=0) / len(images) - mean**2, 0)


def _through(network: keras.Model, images: Images) -> NDArray[np.float32]:
    return np.concatenate(
        [
            np.asarray(network.predict_on_batch(images[start : start + _AT_ONCE]), np.float32)
            for start in range(0, len(images), _AT_ONCE)
        ]
    )


def _correlations(pixels: Images) -> tuple[float, ...] | None:
    if (np.ptp(pixels, axis=0) == 0).any():
        return None
    table = np.atleast_2d(np.corrcoef(pixels.T.astype(np.float64)))
    return _channels(table[[0, 0, 1], [1, 2, 2]])


def _channels(values: NDArray[np.generic]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
