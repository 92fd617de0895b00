"""Images around their centre, to find and compare copies: turned, one is shifted; mirrored, it runs the other way.

The miniature's luminance is taken on rings around the centre. Along a ring, the magnitudes of the Fourier coefficients
stay the same where the image is turned or mirrored: they make the descriptor by which candidates are found. A candidate
is compared by circular cross-correlation, which finds the turn.

Source: the Fourier-Mellin transform, Reddy and Chatterji 1996, IEEE Trans. Image Processing 5(8); without its scale.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from kbin.data.image_measures import MINIATURE

ANGLES = 64  # of a ring; a step is 5.6 degrees
_RINGS = np.linspace(1.5, MINIATURE / 2 - 1.5, 12)  # their radii in pixels
_ORDERS = 8  # of a ring's Fourier coefficients in a descriptor
_AT_ONCE = 2048  # images worked on together
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
# What is compared: everything, then detail of ever finer scale, by the standard deviations in pixels of the two
# Gaussians whose difference it is; 0 leaves the finest in. Two planes in a blue sky are alike in the first alone.
_BANDS = ((None, None), (1.5, 4.0), (1.0, 2.5), (0.0, 2.0))
WHOLE, COARSE, FINE, FINEST = range(len(_BANDS))


@dataclass(frozen=True)
class Alignments:
    """How well pairs of images lie on each other, turned and mirrored as suits them best.

    Attributes:
        correlations: shape (4, n): of the whole images, their coarse, fine and finest detail, -1 to 1.
        steps: shape (n,), the turn, in steps of 360 / 64 degrees.
        is_mirrored: shape (n,).
    """

    correlations: np.ndarray
    steps: np.ndarray
    is_mirrored: np.ndarray

    @property
    def is_upright(self) -> np.ndarray:
        """Whether the turn is a quarter's multiple, shape (n,)."""
        return self.steps % (ANGLES // 4) == 0

    @property
    def degrees(self) -> np.ndarray:
        """The turn to the nearer side, 0 to 180 degrees, shape (n,)."""
        return np.minimum(self.steps, ANGLES - self.steps) * (360 / ANGLES)


def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the four neighbours of each point of the rings as places in a flat image, and their weights."""
    angles = 2 * np.pi * np.arange(ANGLES) / ANGLES
    centre = (MINIATURE - 1) / 2
    y = centre + _RINGS[:, None] * np.sin(angles)
    x = centre + _RINGS[:, None] * np.cos(angles)
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    down, right = y - top, x - left
    places = np.stack([(top + dy) * MINIATURE + left + dx for dy in (0, 1) for dx in (0, 1)])
    weights = np.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right])
    return places, weights.astype(np.float32), np.sqrt(_RINGS).astype(np.float32)[:, None]


_PLACES, _WEIGHTS, _ROOT_RADII = _grid()


def luminance(miniatures: np.ndarray) -> np.ndarray:
    """Returns the luminance of images of shape (n, height, width, 3), shape (n, height, width), 0 to 255."""
    return miniatures.astype(np.float32) @ _LUMINANCE


def polar(grey: np.ndarray) -> np.ndarray:
    """Returns grey images on rings, shape (n, 12, 64), less their mean; a ring counts by its length."""
    flat = grey.reshape(len(grey), -1)
    rings = sum(flat[:, places] * weights for places, weights in zip(_PLACES, _WEIGHTS, strict=True))
    areas = _ROOT_RADII**2
    mean = (rings * areas).sum(axis=(1, 2), keepdims=True) / (areas.sum() * ANGLES)
    return (rings - mean) * _ROOT_RADII


def _band(grey: np.ndarray, band: int) -> np.ndarray:
    narrow, wide = _BANDS[band]
    if wide is None:
        return grey
    sharp = gaussian_filter(grey, (0, narrow, narrow)) if narrow else grey
    return sharp - gaussian_filter(grey, (0, wide, wide))


def descriptors(miniatures: np.ndarray) -> np.ndarray:
    """Returns what stays the same when an image is turned, mirrored, brightened or gains contrast.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8.

    Returns:
        shape (n, 96), float32; two images of squared distance 0.2 have little in common.
    """
    parts = [np.zeros((0, len(_RINGS) * _ORDERS), np.float32)]
    for start in range(0, len(miniatures), _AT_ONCE):
        rings = polar(luminance(miniatures[start : start + _AT_ONCE]))
        sizes = np.abs(np.fft.rfft(rings, axis=2))[:, :, :_ORDERS].astype(np.float32)
        sizes[:, :, 1:] *= np.sqrt(2.0)  # each stands for two coefficients
        sizes[:, :, 0] = rings.sum(axis=2)  # a ring's mean keeps its sign
        norms = np.linalg.norm(rings.reshape(len(rings), -1), axis=1) * np.sqrt(ANGLES)
        parts.append(sizes.reshape(len(sizes), -1) / np.maximum(norms, 1e-6)[:, None])
    return np.concatenate(parts)


def spread_of_detail(miniatures: np.ndarray) -> np.ndarray:
    """Returns over how many of the 768 points of the rings an image's fine detail is spread, shape (n,).

    The participation ratio of its energy: some 50 for a far plane in the sky, 200 for a texture.
    """
    parts = [np.zeros(0)]
    for start in range(0, len(miniatures), _AT_ONCE):
        energy = polar(_band(luminance(miniatures[start : start + _AT_ONCE]), FINE)) ** 2
        parts.append(energy.sum(axis=(1, 2)) ** 2 / np.maximum((energy**2).sum(axis=(1, 2)), 1e-9))
    return np.concatenate(parts)


def coarse_spectra(miniatures: np.ndarray) -> np.ndarray:
    """Returns the Fourier coefficients of the coarse detail along each ring, shape (n, 12, 33), complex, of norm 1."""
    parts = [np.zeros((0, len(_RINGS), ANGLES // 2 + 1), np.complex64)]
    for start in range(0, len(miniatures), _AT_ONCE):
        rings = polar(_band(luminance(miniatures[start : start + _AT_ONCE]), COARSE))
        norms = np.linalg.norm(rings.reshape(len(rings), -1), axis=1)
        parts.append(np.fft.rfft(rings / np.maximum(norms, 1e-6)[:, None, None], axis=2).astype(np.complex64))
    return np.concatenate(parts)


def coarse_correlations(spectra: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the best correlation of the coarse detail of pairs over all turns, mirrored or not, shape (n,).

    Args:
        spectra: As `coarse_spectra` returns them.
        first: shape (n,), the places of one image of each pair.
        second: shape (n,), those of the other.
    """
    best = np.empty(len(first), np.float32)
    for start in range(0, len(first), _AT_ONCE):
        chosen = slice(start, start + _AT_ONCE)
        best[chosen] = _over_turns(spectra[first[chosen]], spectra[second[chosen]]).max(axis=1)
    return best


def _over_turns(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the correlations over 64 turns of the image, then 64 of its mirror image, shape (n, 128)."""
    plain = np.einsum("nrk,nrk->nk", one, other.conj())
    mirrored = np.einsum("nrk,nrk->nk", one, other)
    return np.concatenate([np.fft.irfft(plain, n=ANGLES, axis=1), np.fft.irfft(mirrored, n=ANGLES, axis=1)], axis=1)


def alignments(one: np.ndarray, other: np.ndarray) -> Alignments:
    """Compares pairs of miniatures, shape (n, 48, 48, 3) each, in every turn and mirrored."""
    if not len(one):
        return Alignments(np.zeros((len(_BANDS), 0)), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    starts = range(0, len(one), _AT_ONCE)
    parts = [_aligned(one[start : start + _AT_ONCE], other[start : start + _AT_ONCE]) for start in starts]
    correlations = np.concatenate([correlations for correlations, _ in parts], axis=1)
    places = np.concatenate([places for _, places in parts])
    return Alignments(correlations, places % ANGLES, places >= ANGLES)


def _aligned(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grey, grey_other = luminance(one), luminance(other)
    by_turn = []
    for band in range(len(_BANDS)):
        rings, rings_other = polar(_band(grey, band)), polar(_band(grey_other, band))
        sizes = np.sqrt((rings**2).sum(axis=(1, 2)) * (rings_other**2).sum(axis=(1, 2)))
        turned = _over_turns(np.fft.rfft(rings, axis=2), np.fft.rfft(rings_other, axis=2))
        by_turn.append(turned / np.maximum(sizes, 1e-6)[:, None])
    places = (by_turn[WHOLE] + by_turn[FINE]).argmax(axis=1)
    rows = np.arange(len(one))
    return np.stack([turned[rows, places] for turned in by_turn]), places
