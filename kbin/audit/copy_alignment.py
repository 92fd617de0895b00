"""Lays one miniature on another by an affine map and says how well they then agree.

Source: Lucas and Kanade 1981, IJCAI; Baker and Matthews 2004, Int. J. Computer Vision 56(3), the forward additive form,
on images of mean 0 and standard deviation 1, so that brightness and contrast do not count.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, sobel

from kbin.audit.copy_candidates import Candidates
from kbin.audit.ring_harmonics import planes
from kbin.data.image_measures import MINIATURE

_CENTRE = (MINIATURE - 1) / 2
_RADIUS = 22.5  # pixels: within the edges, so that the corners of a turned image do not count
# First roughly, on blurred images, which find each other from further away, then ever more finely: the pixels between
# the points, the blur in pixels, the steps, and the correlation below which a pair is not looked at further.
_PACES = ((4.0, 2.0, 3, 0.7), (3.0, 1.5, 4, 0.85), (2.0, 0.8, 3, 0.9))
_SEEN = 0.6  # of the disc; what agrees in less is not the same image
_AT_ONCE = 512  # pairs
_DETAIL = (0.7, 2.5)  # pixels: standard deviations of the Gaussians whose difference is called detail
_TILES = 3  # a side, in each of which the detail must agree


@dataclass(frozen=True)
class Agreement:
    """How well n pairs agree once they are aligned.

    Attributes:
        matrices: shape (n, 2, 3): of a point (down, right) from the centre of the narrow image to the wide one's.
        whole: shape (n,), correlation of the luminance, -1 to 1.
        detail: shape (n,), correlation of its detail.
        faint_detail: shape (n,), the same of the roots of its strength, so that strong edges do not speak alone.
        least_detail: shape (n,), the smallest such correlation among the tiles that have detail.
        spread: shape (n,), over how many of the pixels the detail is spread in the poorer image, 0 to 1
            (participation ratio of its energy).
        colour: shape (n,), root mean square of what the colours differ by, less a constant, in standard deviations
            of the luminance.
        recoloured: shape (n,), the largest difference of the means of luminance and colours, 0 to 255.
        seen: shape (n,), share of the narrow image's disc that the wide image shows.
    """

    matrices: np.ndarray
    whole: np.ndarray
    detail: np.ndarray
    faint_detail: np.ndarray
    least_detail: np.ndarray
    spread: np.ndarray
    colour: np.ndarray
    recoloured: np.ndarray
    seen: np.ndarray


def agreement(miniatures: np.ndarray, pairs: Candidates) -> tuple[np.ndarray, Agreement]:
    """Aligns pairs of images and compares those that agree at all.

    Args:
        miniatures: shape (n of all images, 48, 48, 3), uint8.
        pairs: Which, and how to begin.

    Returns:
        The places in `pairs` of those that were compared, and how well they agree.
    """
    places, parts = [], []
    for start in range(0, max(1, len(pairs.wide)), _AT_ONCE):
        left = np.arange(start, min(start + _AT_ONCE, len(pairs.wide)))
        matrices = _beginning(pairs.chosen(left))
        for spacing, blur, steps, worth in _PACES:
            wide, narrow = (_luminance(miniatures[of[left]]) for of in (pairs.wide, pairs.narrow))
            matrices, fit = _aligned(wide, narrow, matrices, spacing, blur, steps)
            left, matrices = left[fit >= worth], matrices[fit >= worth]
        places.append(left)
        parts.append(_compared(planes(miniatures[pairs.wide[left]]), planes(miniatures[pairs.narrow[left]]), matrices))
    return np.concatenate(places), Agreement(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in vars(parts[0]))
    )


def _luminance(miniatures: np.ndarray) -> np.ndarray:
    return np.asarray(miniatures @ np.array([0.299, 0.587, 0.114], np.float32))


def _beginning(pairs: Candidates) -> np.ndarray:
    cosines, sines = pairs.scale * np.cos(pairs.turn), pairs.scale * np.sin(pairs.turn)
    flip = np.where(pairs.is_mirrored, -1.0, 1.0)
    matrices = np.zeros((len(pairs.scale), 2, 3), np.float32)
    matrices[:, 0, 0], matrices[:, 0, 1] = cosines * flip, sines
    matrices[:, 1, 0], matrices[:, 1, 1] = -sines * flip, cosines
    return matrices


def _disc(spacing: float) -> np.ndarray:
    """Returns points (down, right, 1) from the centre, shape (points, 3)."""
    reach = np.arange(0, _RADIUS, spacing)
    line = np.concatenate([-reach[:0:-1], reach])
    down, right = np.meshgrid(line, line, indexing="ij")
    inside = down**2 + right**2 <= _RADIUS**2
    return np.stack([down[inside], right[inside], np.ones(inside.sum())], axis=1).astype(np.float32)


def _sampled(images: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns images between their pixels, bilinear.

    Args:
        images: shape (n, channels, 48, 48).
        points: shape (n, points, 2), from the centre.

    Returns:
        shape (n, channels, points), and which points are in the image, shape (n, points).
    """
    at = points + _CENTRE
    inside = np.asarray(((at >= 0) & (at <= MINIATURE - 1)).all(axis=2))
    at = np.clip(at, 0, MINIATURE - 1.001)
    corner = at.astype(np.int64)
    rest = (at - corner).astype(np.float32)
    flat = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).reshape(-1, images.shape[1])
    place = corner[..., 0] * MINIATURE + corner[..., 1] + MINIATURE**2 * np.arange(len(images))[:, None]
    down, right = rest[..., :1], rest[..., 1:]
    upper = flat[place] * (1 - right) + flat[place + 1] * right
    lower = flat[place + MINIATURE] * (1 - right) + flat[place + MINIATURE + 1] * right
    return (upper * (1 - down) + lower * down).transpose(0, 2, 1), inside


def _standard(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns values of weighted mean 0 and standard deviation 1, 0 where the weight is 0; and the deviation."""
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    centred = (values - (values * weights).sum(axis=1, keepdims=True) / total) * weights
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / total) + 1e-3
    return centred / deviation, deviation


def _aligned(
    wide: np.ndarray, narrow: np.ndarray, matrices: np.ndarray, spacing: float, blur: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the maps after some steps of least squares, the best on the way, and the correlations with them."""
    disc = _disc(spacing)
    smooth = gaussian_filter(wide, (0, blur, blur))
    layers = np.stack([smooth, sobel(smooth, axis=1) / 8, sobel(smooth, axis=2) / 8], axis=1)
    still = np.broadcast_to(disc[:, :2], (len(wide), len(disc), 2))
    wanted, _ = _sampled(gaussian_filter(narrow, (0, blur, blur))[:, None], still)
    best, best_fit, current = matrices, np.full(len(wide), -np.inf, np.float32), matrices
    for step in range(steps + 1):
        values, inside = _sampled(layers, disc @ current.transpose(0, 2, 1))
        weights = inside.astype(np.float32)
        target, _ = _standard(wanted[:, 0], weights)
        here, deviation = _standard(values[:, 0], weights)
        fit = (target * here).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        fit[weights.mean(axis=1) < _SEEN] = -np.inf
        better = fit > best_fit
        best = np.where(better[:, None, None], current, best)
        best_fit = np.where(better, fit, best_fit)
        if step == steps:
            break
        slopes = values[:, 1:] / deviation[:, None] * weights[:, None]  # (n, 2, points)
        design = (slopes[:, :, None] * disc.T[None, None]).reshape(len(wide), 6, len(disc))
        gram = design @ design.transpose(0, 2, 1)
        gram += np.eye(6, dtype=np.float32) * (1e-3 * np.trace(gram, axis1=1, axis2=2)[:, None, None] / 6 + 1e-6)
        change = np.linalg.solve(gram, design @ (target - here)[..., None])[..., 0]
        current = current + change.reshape(-1, 2, 3)
    return best, best_fit


def _compared(wide: np.ndarray, narrow: np.ndarray, matrices: np.ndarray) -> Agreement:
    line = np.arange(MINIATURE) - _CENTRE
    down, right = np.meshgrid(line, line, indexing="ij")
    points = np.stack([down.ravel(), right.ravel(), np.ones(MINIATURE**2)], axis=1)
    disc = (down**2 + right**2 <= _RADIUS**2).ravel()
    laid, inside = _sampled(wide, points.astype(np.float32) @ matrices.transpose(0, 2, 1))
    weights = (inside & disc).astype(np.float32)
    still = narrow.reshape(len(narrow), 3, MINIATURE**2)
    (first, contrast), (second, contrast_other) = _standard(laid[:, 0], weights), _standard(still[:, 0], weights)
    total = np.maximum(weights.sum(axis=1), 1)
    whole = (first * second).sum(axis=1) / total
    one, other = _detail(first) * weights, _detail(second) * weights
    detail, faint = _correlation(one, other), _correlation(_root(one), _root(other))
    tile = (np.arange(MINIATURE) * _TILES // MINIATURE)[:, None] * _TILES + np.arange(MINIATURE) * _TILES // MINIATURE
    energy = (one**2 + other**2).sum(axis=1)
    least = np.ones(len(wide), np.float32)
    for number in range(_TILES**2):
        part = (tile == number).ravel()
        a, b = one[:, part], other[:, part]
        counts = (a**2 + b**2).sum(axis=1) > 0.04 * energy
        least = np.where(counts, np.minimum(least, _correlation(a, b)), least)
    spread = np.minimum(_participation(one), _participation(other)) / disc.sum()
    gains = contrast_other / contrast
    colour = np.zeros(len(wide), np.float32)
    for channel in (1, 2):
        rest = (laid[:, channel] * gains - still[:, channel]) * weights
        rest -= weights * (rest.sum(axis=1) / total)[:, None]
        colour += (rest**2).sum(axis=1) / total
    scale = np.sqrt(np.maximum(contrast, 1) * np.maximum(contrast_other, 1))[:, 0]
    means = [(values * weights[:, None]).sum(axis=2) / total[:, None] for values in (laid, still)]
    return Agreement(
        matrices,
        whole,
        detail,
        faint,
        least,
        spread,
        np.sqrt(colour) / scale,
        np.abs(means[0] - means[1]).max(axis=1),
        total / disc.sum(),
    )


def _root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _detail(rows: np.ndarray) -> np.ndarray:
    images = rows.reshape(-1, MINIATURE, MINIATURE)
    narrow, wide = (gaussian_filter(images, (0, blur, blur)) for blur in _DETAIL)
    return np.asarray((narrow - wide).reshape(rows.shape))


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    sizes = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.maximum(sizes, 1e-6))


def _participation(rows: np.ndarray) -> np.ndarray:
    energy = rows**2
    return np.asarray(energy.sum(axis=1) ** 2 / np.maximum((energy**2).sum(axis=1), 1e-9))
