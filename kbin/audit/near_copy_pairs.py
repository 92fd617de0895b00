"""Which images are copies of each other though their pixels differ: candidates, how they are judged, and how strictly.

What is alike by chance differs between data sets: of two chest X-rays more than of two textures. So candidates are
judged against the images of the same data: those that are an image's 16th nearest are hardly its copies, and show how
well images agree that are none.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from kbin.audit.polar_images import (
    COARSE,
    FINE,
    FINEST,
    Alignments,
    alignments,
    coarse_correlations,
    coarse_spectra,
    descriptors,
    luminance,
    spread_of_detail,
)

_NEIGHBOURS = 8  # candidates of each image by descriptor, and as many by features
_NO_COPY = 16  # the neighbour of an image that is taken for no copy of it
_JUDGED_BY = 1_500  # images whose 16th neighbours show what chance does
_SEED = 0
_LEAST_CONTRAST = 4.0  # standard deviation of the luminance, 0 to 255; flat images take no part
_AT_ONCE = 8_192  # pairs whose images are in memory together
# In robust standard deviations (on the scale of Fisher's z) above what chance does.
_COMPARED_AT, _UPRIGHT_AT, _TURNED_AT, _TEXTURE_AT = 4.0, 4.0, 9.0, 6.5
_TEXTURE = 190  # points of the rings over which the detail of a texture is spread; see `spread_of_detail`
_LARGEST_COLOUR_CHANGE = 25.0  # of the means of red, green and blue, where a match is weak


@dataclass(frozen=True)
class CopyPairs:
    """Pairs of near copies.

    Attributes:
        first: shape (n,), the places of one image of each pair; below `second`.
        second: shape (n,), those of the other.
        strength: shape (n,), correlation of their fine detail.
        changes: shape (n,), str, what was done to one of them: "mirrored", "turned by about 17°", or "".
        num_flat: Images that took no part: they have hardly any structure.
    """

    first: np.ndarray
    second: np.ndarray
    strength: np.ndarray
    changes: np.ndarray
    num_flat: int


def find_near_copies(miniatures: np.ndarray, features: np.ndarray | None = None) -> CopyPairs:
    """Returns all pairs of near copies among images.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8.
        features: shape (n, num_features), a second way to candidates; None where there are none.
    """
    contrast = np.array([luminance(one[None]).std() for one in miniatures])
    structured = np.flatnonzero(contrast >= _LEAST_CONTRAST)
    num_flat = len(miniatures) - len(structured)
    if len(structured) < 2:
        nothing = np.zeros(0, np.int64)
        return CopyPairs(nothing, nothing, np.zeros(0), np.zeros(0, np.str_), num_flat)
    small = miniatures[structured]
    described = descriptors(small)
    index = NearestNeighbors(algorithm="brute").fit(described)
    first, second = _candidates(index, described, None if features is None else features[structured])
    chance = _Chance.of(small, index, described)
    spectra = coarse_spectra(small)
    worth = chance.deviations(COARSE, coarse_correlations(spectra, first, second)) >= _COMPARED_AT
    del spectra
    first, second = first[worth], second[worth]
    compared = _compared(small, first, second)
    is_copy = _judged(compared, chance, small, first, second)
    changes = np.array([_change(compared, place) for place in np.flatnonzero(is_copy).tolist()], dtype=np.str_)
    strength = compared.correlations[FINE][is_copy]
    return CopyPairs(structured[first[is_copy]], structured[second[is_copy]], strength, changes, num_flat)


@dataclass(frozen=True)
class _Chance:
    """How well images agree that are no copies: median and spread of Fisher's z by band."""

    medians: np.ndarray
    spreads: np.ndarray

    @classmethod
    def of(cls, miniatures: np.ndarray, index: NearestNeighbors, described: np.ndarray) -> "_Chance":
        """Measures it on images and their 16th neighbours, of few images on all other ones."""
        number = len(miniatures)
        chosen = np.sort(np.random.default_rng(_SEED).permutation(number)[:_JUDGED_BY])
        rank = min(_NO_COPY, number - 1)
        if rank < _NO_COPY:  # too few images to know: as in varied photographs
            return cls(np.array([0.45, 0.39, 0.25, 0.17]), np.array([0.2, 0.17, 0.13, 0.1]))
        far = index.kneighbors(described[chosen], rank + 1, return_distance=False)[:, rank]
        z = _fisher(_compared(miniatures, chosen, far).correlations)
        medians = np.median(z, axis=1)
        return cls(medians, np.maximum(np.quantile(z, 0.84, axis=1) - medians, 0.02))

    def deviations(self, band: int, correlations: np.ndarray) -> np.ndarray:
        """Returns how far correlations are above chance, in robust standard deviations."""
        return np.asarray((_fisher(correlations) - self.medians[band]) / self.spreads[band])


def _fisher(correlations: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(correlations, -0.9999, 0.9999))


def _candidates(
    index: NearestNeighbors, described: np.ndarray, features: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of neighbours, each pair once, the lower place first."""
    number = len(described)
    wanted = min(_NEIGHBOURS, number - 1)
    found = [index.kneighbors(n_neighbors=wanted, return_distance=False)]
    if features is not None:
        others = NearestNeighbors(algorithm="brute").fit(features)
        found.append(others.kneighbors(n_neighbors=wanted, return_distance=False))
    near = np.concatenate(found, axis=1)
    one, other = np.repeat(np.arange(number), near.shape[1]), near.ravel()
    pairs = np.unique(np.minimum(one, other) * np.int64(number) + np.maximum(one, other))
    return pairs // number, pairs % number


def _compared(miniatures: np.ndarray, first: np.ndarray, second: np.ndarray) -> Alignments:
    parts = [
        alignments(miniatures[first[start : start + _AT_ONCE]], miniatures[second[start : start + _AT_ONCE]])
        for start in range(0, max(len(first), 1), _AT_ONCE)
    ]
    return Alignments(
        np.concatenate([one.correlations for one in parts], axis=1),
        np.concatenate([one.steps for one in parts]),
        np.concatenate([one.is_mirrored for one in parts]),
    )


def _judged(
    compared: Alignments, chance: _Chance, miniatures: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Returns which pairs are copies, shape (n,).

    The limits were set by looking at pairs of CIFAR-10's airplanes, where silhouettes of one type before a plain sky
    are the hard case, and by planted copies (experiments/benchmarks/planted_copies.py).
    """
    coarse, fine = (chance.deviations(band, compared.correlations[band]) for band in (COARSE, FINE))
    finest = chance.deviations(FINEST, compared.correlations[FINEST])
    of_fine, of_finest = compared.correlations[FINE], compared.correlations[FINEST]
    images, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    spread = spread_of_detail(miniatures[images])[places].reshape(2, -1).min(axis=0)
    colours = miniatures[images].mean(axis=(1, 2))[places].reshape(2, -1, 3)
    keeps_colour = np.abs(colours[0] - colours[1]).max(axis=1) <= _LARGEST_COLOUR_CHANGE
    same = (of_fine >= 0.96) & (of_finest >= 0.93)
    clear = (of_fine >= 0.92) & (of_finest >= 0.86)
    weak = (of_fine >= 0.85) & (of_finest >= 0.8) & keeps_colour
    upright = compared.is_upright & (coarse >= _UPRIGHT_AT) & (fine >= _UPRIGHT_AT) & (clear | weak) & (spread >= 100)
    turned = (coarse >= _TURNED_AT) & (fine >= _TURNED_AT) & (finest >= 2) & (spread >= 120)
    texture = (coarse >= _TEXTURE_AT) & (fine >= _UPRIGHT_AT) & (spread >= _TEXTURE)
    return np.asarray(same | upright | turned | texture)


def _change(compared: Alignments, place: int) -> str:
    mirrored, degrees = bool(compared.is_mirrored[place]), round(float(compared.degrees[place]))
    if mirrored:
        return "mirrored" if compared.is_upright[place] else "mirrored and turned"
    return f"turned by about {degrees}°" if degrees > 3 else ""
