"""What stays of a small image when it is turned, mirrored, brightened or re-encoded: harmonics on rings.

The image is sampled on rings around its centre. A turn shifts each ring, which multiplies its k-th harmonic by a phase
common to all rings; a mirror image has the conjugates. Products of one ring's harmonic with the conjugate of another's
lose the phase, and their real part the sense of turning. Zooming shifts rings, whose radii grow by a constant factor.
"""

from functools import cache

import numpy as np

from kbin.data.image_measures import MINIATURE

ORDERS = 10  # harmonics of the luminance, the mean among them
_COLOUR_ORDERS = 4
BANDS = 5  # neighbouring rings are averaged
_RINGS_A_BAND = 4
GROWTH = 1.075  # of the radius from ring to ring
_LARGEST = 22.5  # pixels of a miniature; within its edges, so that turned images agree
ZOOMS = (0, 3, 6)  # rings; the last is a zoom by 1.075**6 = 1.54
_ANGLES = 64
_AT_ONCE = 2048  # images
# Standard deviation of the luminance, 0 to 255, below which an image has nothing to be known again by.
FLAT = 4.0


def planes(miniatures: np.ndarray) -> np.ndarray:
    """Returns luminance and two differences of colours, shape (n, 3, side, side), float32."""
    red, green, blue = (miniatures[..., channel].astype(np.float32) for channel in range(3))
    return np.stack([0.299 * red + 0.587 * green + 0.114 * blue, red - green, blue - 0.5 * (red + green)], axis=1)


@cache
def _operator(zoom: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels -> harmonics, shape (pixels, BANDS * ORDERS), complex, and the pixels' weights in the rings."""
    rings = _RINGS_A_BAND * BANDS
    radii = _LARGEST / GROWTH ** (zoom + np.arange(rings)[::-1])
    angles = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    centre = (MINIATURE - 1) / 2
    down, right = centre + radii[:, None] * np.sin(angles), centre + radii[:, None] * np.cos(angles)
    top, left = down.astype(int), right.astype(int)
    waves = np.exp(-1j * np.arange(ORDERS) * angles[:, None]) / (_ANGLES * _RINGS_A_BAND)  # (angle, order)
    operator = np.zeros((MINIATURE, MINIATURE, BANDS, ORDERS), np.complex64)
    weights = np.zeros((MINIATURE, MINIATURE))
    for below in (0, 1):
        for beside in (0, 1):
            share = np.abs(1 - below - (down - top)) * np.abs(1 - beside - (right - left))
            for ring in range(rings):
                at = (top[ring] + below, left[ring] + beside)
                np.add.at(operator[:, :, ring // _RINGS_A_BAND], at, share[ring, :, None] * waves)
                np.add.at(weights, at, share[ring] * radii[ring])
    return operator.reshape(MINIATURE**2, -1), (weights / weights.sum()).ravel().astype(np.float32)


def harmonics(miniatures: np.ndarray, zoom: int) -> np.ndarray:
    """Returns the harmonics of images whose luminance has mean 0 and standard deviation 1 within the rings.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8.
        zoom: How many of the outer rings are left out, so that an image agrees with one that shows less around it.

    Returns:
        shape (n, 3, BANDS, ORDERS), complex64; the colours' are in units of the luminance's standard deviation.
    """
    operator, weights = _operator(zoom)
    real = np.concatenate([operator.real, operator.imag], axis=1)
    parts = [np.zeros((0, 3, BANDS, ORDERS), np.complex64)]
    for start in range(0, len(miniatures), _AT_ONCE):
        pixels = planes(miniatures[start : start + _AT_ONCE]).reshape(-1, 3, MINIATURE**2)
        pixels -= (pixels @ weights)[..., None]
        deviation = np.sqrt((pixels[:, 0] ** 2) @ weights)
        pixels /= np.maximum(deviation, 1e-3)[:, None, None]
        both = pixels.reshape(-1, MINIATURE**2) @ real
        number = operator.shape[1]
        parts.append((both[:, :number] + 1j * both[:, number:]).reshape(-1, 3, BANDS, ORDERS).astype(np.complex64))
    return np.concatenate(parts)


def is_flat(miniatures: np.ndarray) -> np.ndarray:
    """Returns which images have hardly any structure, shape (n,), bool."""
    flat = [np.zeros(0, bool)]
    for start in range(0, len(miniatures), _AT_ONCE):
        luminance = planes(miniatures[start : start + _AT_ONCE])[:, 0]
        flat.append(luminance.std(axis=(1, 2)) < FLAT)
    return np.concatenate(flat)


def invariants(waves: np.ndarray) -> np.ndarray:
    """Returns numbers that turning and mirroring leave alone, shape (n, 270), float32.

    Args:
        waves: As `harmonics` returns them.
    """
    upper = np.triu_indices(BANDS)
    parts = []
    for plane, orders in ((0, ORDERS), (1, _COLOUR_ORDERS), (2, _COLOUR_ORDERS)):
        bands = waves[:, plane, :, :orders]
        products = (bands[:, upper[0]] * bands[:, upper[1]].conj()).real
        # Roots, so that the strongest harmonics do not speak alone.
        parts.append((np.sign(products) * np.sqrt(np.abs(products))).reshape(len(waves), -1))
    return np.concatenate(parts, axis=1)
