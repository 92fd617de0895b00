"""Grad-CAM: where in an image a classifier found what speaks for an answer.

Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization"
(arXiv 1610.02391), equations 1 and 2, at the last feature map as there.
"""

import keras
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from kbin.errors import ConfigError
from kbin.explain.feature_maps import MapNetwork, cut_at_map
from kbin.interruption import with_safe_points

_BATCH = 8  # images whose gradients are held at once


def grad_cam(
    model: keras.Model, images: np.ndarray, class_index: ArrayLike | None = None, batch_size: int = _BATCH
) -> NDArray[np.float32]:
    """Returns a heat map an image: which places speak for an answer.

    The gradient is that of the class's score before the sigmoid or softmax: that of a probability vanishes near 0 and
    1. With one sigmoid output, the other class's score is that of the positive one with its sign changed. The network
    computes as it predicts: BatchNorm with its moving statistics, no dropout.

    Args:
        model: A model of `kbin.build_classifier`, or any functional `keras.Model`, channels last, that ends in a
            classifier. It stays as it is.
        images: shape (n, height, width, channels), as `model.predict` takes them.
        class_index: What each map speaks for: one class index, or shape (n,); with one sigmoid output 1 is the positive
            class and 0 the other. None takes the most probable class of each image.
        batch_size: Images whose gradients are held at once.

    Returns:
        shape (n, height, width), 0 to 1: 1 where most speaks for the class; 0 everywhere where nothing does.

    Raises:
        ConfigError: The model has no feature map, or a class index is none of its classes.
    """
    network = cut_at_map(model)
    count, (height, width) = len(images), images.shape[1:3]
    classes = None if class_index is None else np.broadcast_to(np.asarray(class_index, np.int64), (count,))
    heat = np.zeros((count, height, width), np.float32)
    for start in with_safe_points(range(0, count, batch_size)):
        part = slice(start, start + batch_size)
        maps = activation_maps(network, images[part], None if classes is None else classes[part])
        heat[part] = _resized(maps, height, width)
    return heat


def activation_maps(network: MapNetwork, images: np.ndarray, classes: NDArray[np.int64] | None) -> torch.Tensor:
    """Returns the maps of equation 2 as they are: not resized, not scaled, shape (n, map height, map width).

    Args:
        network: A classifier cut at its last feature map.
        images: shape (n, height, width, channels).
        classes: shape (n,), class indices; None takes the most probable class of each image.

    Raises:
        ConfigError: A class index is none of the network's classes.
    """
    with torch.no_grad():
        features = network.below(np.asarray(images, np.float32), training=False)
    features = features.detach().float().requires_grad_(True)
    with torch.enable_grad():
        scores = network.last(network.above(features, training=False)).float()
        (gradients,) = torch.autograd.grad(_of_classes(scores, classes).sum(), features)
    weights = gradients.mean(dim=(1, 2), keepdim=True)  # equation 1
    return torch.relu((weights * features).sum(dim=-1)).detach()


def _of_classes(scores: torch.Tensor, classes: NDArray[np.int64] | None) -> torch.Tensor:
    """Returns the score of one class for each image."""
    if scores.shape[1] == 1:
        scores = torch.cat([-scores, scores], dim=1)
    if classes is None:
        return scores.max(dim=1).values
    if classes.min() < 0 or classes.max() >= scores.shape[1]:
        raise ConfigError(f"class_index must lie between 0 and {scores.shape[1] - 1}, got {classes.tolist()}.")
    return scores.gather(1, torch.as_tensor(classes.copy(), device=scores.device)[:, None])[:, 0]


def _resized(maps: torch.Tensor, height: int, width: int) -> NDArray[np.float32]:
    resized = torch.nn.functional.interpolate(maps[:, None], (height, width), mode="bilinear", align_corners=False)
    heat = keras.ops.convert_to_numpy(resized[:, 0]).astype(np.float32)
    highest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, highest, out=np.zeros_like(heat), where=highest > 0)
