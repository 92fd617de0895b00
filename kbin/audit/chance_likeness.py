"""Pairs of images that are alike and hardly copies: how well these agree is what copies must go beyond."""

import numpy as np

from kbin.audit.copy_candidates import Candidates
from kbin.audit.ring_harmonics import planes

_JUDGED_BY = 1_500  # images
_NO_COPY = 16  # the neighbour of an image that is taken for no copy of it
_CELLS = 12  # a side: the images are compared this coarsely
_QUERIES = 256  # at once
_SEED = 0


def chance_pairs(miniatures: np.ndarray) -> Candidates:
    """Returns at most 1,500 images, each with the one that is its 16th nearest as both stand.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8, n at least 2.
    """
    number = len(miniatures)
    chosen = np.sort(np.random.default_rng(_SEED).permutation(number)[:_JUDGED_BY])
    coarse = np.concatenate([_coarse(miniatures[start : start + 4_096]) for start in range(0, number, 4_096)])
    rank = min(_NO_COPY, number // 2)
    other = np.empty(len(chosen), np.int64)
    for start in range(0, len(chosen), _QUERIES):
        queries = chosen[start : start + _QUERIES]
        products = coarse[queries] @ coarse.T
        products[np.arange(len(queries)), queries] = -np.inf
        other[start : start + _QUERIES] = np.argpartition(-products, rank - 1, axis=1)[:, rank - 1]
    nothing = np.zeros(len(chosen))
    return Candidates(chosen, other, nothing + 1, nothing, nothing.astype(bool), nothing.astype(np.float32))


def _coarse(miniatures: np.ndarray) -> np.ndarray:
    """Returns luminance of mean 0 and norm 1, shape (n, 144)."""
    luminance = planes(miniatures)[:, 0]
    step = luminance.shape[1] // _CELLS
    rows = luminance.reshape(len(luminance), _CELLS, step, _CELLS, step).mean(axis=(2, 4)).reshape(len(luminance), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float32)
