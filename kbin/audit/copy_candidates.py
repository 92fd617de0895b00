"""Pairs of images that may be copies of each other: nearest neighbours by what turning and mirroring leave alone."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kbin.audit.ring_harmonics import GROWTH, ORDERS, ZOOMS, harmonics, invariants

_COMPONENTS = 64
_FITTED_ON = 20_000  # images
_NEIGHBOURS = 8  # of each image at each zoom
_QUERIES = 256  # at once
_BLOCKS = 64  # images are compared in so many blocks side by side; the best of each place decide where to look
_PAIRS = 16_384  # at once
_TURNS = 64
_SEED = 0


@dataclass(frozen=True)
class Candidates:
    """Pairs, and how the one image lies on the other.

    Attributes:
        wide: shape (n,), places of the images that show as much or more around them.
        narrow: shape (n,), those of the other ones.
        scale: shape (n,), how far apart points of the wide one are for a step of 1 in the narrow one, 0 to 1.
        turn: shape (n,), radians.
        is_mirrored: shape (n,).
        likeness: shape (n,), correlation of the coarse harmonics, -1 to 1.
    """

    wide: np.ndarray
    narrow: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    is_mirrored: np.ndarray
    likeness: np.ndarray

    def chosen(self, which: np.ndarray) -> "Candidates":
        """Returns some of the pairs, by places or by truth values of shape (n,)."""
        return Candidates(*(value[which] for value in vars(self).values()))


def candidates(miniatures: np.ndarray, features: np.ndarray | None = None) -> Candidates:
    """Returns the pairs that are most alike, each pair once, in the zoom, turn and reflection that suit it best.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8, n at least 2.
        features: shape (n, num_features): their nearest neighbours are candidates too; None where there are none.
    """
    plain = harmonics(miniatures, 0)
    project = _projection(plain)
    described = project(plain)
    coarse = _coarse(plain)  # in place
    del plain
    number = len(miniatures)
    best: Candidates | None = None
    by_features = [] if features is None else [_nearest(_unit(features), _unit(features))]
    for zoom in ZOOMS:
        if zoom == 0:
            queries, zoomed = described, coarse
        else:
            waves = harmonics(miniatures, zoom)
            queries, zoomed = project(waves), _coarse(waves)
        found = [_nearest(queries, described), *by_features]
        if by_features and zoom:  # which of two neighbours is the wider one is not known
            found.append(by_features[0][::-1])
        wide, narrow = (np.concatenate([pairs[side] for pairs in found]) for side in (0, 1))
        turn, is_mirrored, likeness = _turned(zoomed, coarse, wide, narrow)
        scale = np.full(len(wide), GROWTH**-zoom)
        best = _best_of_each(Candidates(wide, narrow, scale, turn, is_mirrored, likeness), best, number)
    assert best is not None  # noqa: S101 - there are zooms
    return best


def _best_of_each(new: Candidates, old: Candidates | None, number: int) -> Candidates:
    """Returns each pair in its best way once."""
    if old is not None:
        new = Candidates(*(np.concatenate([a, b]) for a, b in zip(vars(old).values(), vars(new).values(), strict=True)))
    pair = np.minimum(new.wide, new.narrow) * np.int64(number) + np.maximum(new.wide, new.narrow)
    order = np.lexsort((-new.likeness, pair))
    _, first = np.unique(pair[order], return_index=True)
    return new.chosen(order[first])


def _projection(waves: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what maps harmonics to unit vectors of invariants in which no common direction speaks loudest."""
    chosen = np.random.default_rng(_SEED).permutation(len(waves))[:_FITTED_ON]
    sample = invariants(waves[chosen]).astype(np.float64)
    mean = sample.mean(axis=0).astype(np.float32)
    values, directions = np.linalg.eigh(np.cov(sample, rowvar=False))
    order = np.argsort(-values)[:_COMPONENTS]
    # The fourth root of the variance: half of the way to whitening.
    weights = (directions[:, order] / np.maximum(values[order], 1e-9) ** 0.25).astype(np.float32)

    def project(all_waves: np.ndarray) -> np.ndarray:
        starts = range(0, len(all_waves), _PAIRS)
        return np.concatenate(
            [_unit((invariants(all_waves[start : start + _PAIRS]) - mean) @ weights) for start in starts]
        )

    return project


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-9), np.float32)


def _nearest(queries: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of a query and one of its nearest rows, but the row of its own place, by inner product; exact."""
    number = len(rows)
    wanted = min(_NEIGHBOURS, number - 1)
    width = -(-number // _BLOCKS)
    padded = np.zeros((_BLOCKS * width, rows.shape[1]), np.float32)
    padded[:number] = rows

    def nearest(start: int) -> np.ndarray:
        products = queries[start : start + _QUERIES] @ padded.T
        size = len(products)
        products[:, number:] = -np.inf
        products[np.arange(size), start + np.arange(size)] = -np.inf
        # The largest products lie in the columns of the blocks whose maxima are largest.
        largest = products.reshape(size, _BLOCKS, width).max(axis=1)
        columns = np.argpartition(-largest, min(wanted, width) - 1, axis=1)[:, : min(wanted, width)]
        places = (columns[:, :, None] + width * np.arange(_BLOCKS)).reshape(size, -1)
        inside = np.take_along_axis(products, places, axis=1)
        return np.take_along_axis(places, np.argpartition(-inside, wanted - 1, axis=1)[:, :wanted], axis=1)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = np.concatenate(list(threads.map(nearest, range(0, len(queries), _QUERIES))))
    return np.repeat(np.arange(len(queries)), wanted), found.ravel()


def _turned(
    zoomed: np.ndarray, plain: np.ndarray, wide: np.ndarray, narrow: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns turn, reflection and correlation that suit pairs best."""
    angles = 2 * np.pi * np.arange(_TURNS) / _TURNS
    orders = np.arange(1, ORDERS)
    cosines, sines = np.cos(orders[:, None] * angles), np.sin(orders[:, None] * angles)
    waves = np.concatenate([cosines, -sines]).astype(np.float32)  # real part of c * exp(i k angle)
    turns, mirrors, likenesses = np.empty(len(wide)), np.empty(len(wide), bool), np.empty(len(wide), np.float32)
    for start in range(0, len(wide), _PAIRS):
        part = slice(start, start + _PAIRS)
        a, b = zoomed[wide[part]], plain[narrow[part]]
        means = (a[..., 0] * b[..., 0]).real.sum(axis=1)
        scores = []
        for second in (b.conj(), b):
            products = (a[..., 1:] * second[..., 1:]).sum(axis=1)
            scores.append(np.concatenate([products.real, products.imag], axis=1) @ waves + means[:, None])
        both = np.concatenate(scores, axis=1)
        best = both.argmax(axis=1)
        turns[part], mirrors[part], likenesses[part] = angles[best % _TURNS], best >= _TURNS, both.max(axis=1)
    return turns, mirrors, likenesses


def _coarse(waves: np.ndarray) -> np.ndarray:
    """Returns harmonics as vectors of norm 1, shape (n, 3 * BANDS, ORDERS), in place; rings count by their length."""
    lengths = np.sqrt(GROWTH ** (4.0 * np.arange(waves.shape[2])))
    waves *= lengths[:, None].astype(np.float32)
    waves[..., 1:] *= np.sqrt(np.float32(2))  # each stands for two
    rows = waves.reshape(len(waves), -1, ORDERS)
    rows /= np.maximum(np.linalg.norm(rows.reshape(len(rows), -1), axis=1), 1e-6)[:, None, None]
    return rows
