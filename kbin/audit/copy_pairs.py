"""Which images are copies of each other though their pixels differ.

Candidates are nearest neighbours by what turning and mirroring leave alone; each is laid on the other by an affine map,
and its detail is compared. A map that stretches and turns has more freedom to make different images agree, so what was
only re-encoded, resized, mirrored, turned by quarters or brightened is asked for less than the rest.
"""

from dataclasses import dataclass

import numpy as np

from kbin.audit.chance_likeness import chance_pairs
from kbin.audit.copy_alignment import Agreement, agreement
from kbin.audit.copy_candidates import candidates
from kbin.audit.ring_harmonics import is_flat

_ALIKE = 0.7  # correlation of coarse harmonics, below which hardly a copy was
_MOST_PAIRS = 30_000  # are compared, those most alike
_BEYOND_CHANCE = 1.5  # times, on the scale of Fisher's z
_HARDLY_ALIKE = 0.5  # correlation of detail of pairs that were not compared to the end


@dataclass(frozen=True)
class CopyPairs:
    """Pairs of near copies.

    Attributes:
        first: shape (n,), the places of one image of each pair; below `second`.
        second: shape (n,), those of the other.
        strength: shape (n,), correlation of their fine detail.
        changes: shape (n,), str, what was done to one of them: "mirrored", "turned by about 17°", or "".
        num_flat: Images that took no part: they have hardly any structure.
        num_not_compared: Pairs that are somewhat alike and were not compared, for want of time.
    """

    first: np.ndarray
    second: np.ndarray
    strength: np.ndarray
    changes: np.ndarray
    num_flat: int
    num_not_compared: int = 0


def find_near_copies(miniatures: np.ndarray, features: np.ndarray | None = None) -> CopyPairs:
    """Returns all pairs of near copies among images.

    Args:
        miniatures: shape (n, 48, 48, 3), uint8.
        features: shape (n, num_features), a second way to candidates; None where there are none.
    """
    structured = np.flatnonzero(~is_flat(miniatures))
    num_flat = len(miniatures) - len(structured)
    if len(structured) < 2:
        nothing = np.zeros(0, np.int64)
        return CopyPairs(nothing, nothing, np.zeros(0), np.zeros(0, np.str_), num_flat)
    small = miniatures if not num_flat else miniatures[structured]
    pairs = candidates(small, None if features is None else features[structured])
    pairs = pairs.chosen(pairs.likeness >= _ALIKE)
    not_compared = max(0, len(pairs.wide) - _MOST_PAIRS)
    if not_compared:
        pairs = pairs.chosen(np.sort(np.argpartition(-pairs.likeness, _MOST_PAIRS)[:_MOST_PAIRS]))
    places, agreed = agreement(small, pairs)
    pairs = pairs.chosen(places)
    is_copy = _are_copies(agreed) & (agreed.detail >= _least_detail(small))
    one, other = structured[pairs.wide[is_copy]], structured[pairs.narrow[is_copy]]
    return CopyPairs(
        np.minimum(one, other),
        np.maximum(one, other),
        agreed.detail[is_copy],
        _changes(agreed.matrices[is_copy]),
        num_flat,
        not_compared,
    )


def _least_detail(miniatures: np.ndarray) -> float:
    """Returns the correlation of detail that no different images of these data reach.

    Photographs of solar cells, or of parts of one kind, agree in all edges of the object, and are no copies for that.
    So copies must agree better than nineteen of twenty images do with one that is hardly a copy.

    Source:
        Fisher 1915, Biometrika 10(4), the transformation of a correlation.
    """
    pairs = chance_pairs(miniatures)
    places, agreed = agreement(miniatures, pairs)
    detail = np.full(len(pairs.wide), _HARDLY_ALIKE)
    detail[places] = np.clip(agreed.detail, _HARDLY_ALIKE, 0.9999)
    return float(np.tanh(np.quantile(np.arctanh(detail), 0.95) * _BEYOND_CHANCE))


def _are_copies(agreed: Agreement) -> np.ndarray:
    """Returns which pairs are copies, shape (n,).

    The limits were set on CIFAR-10's airplanes, where silhouettes of one type before a plain sky are the hard case, on
    chest X-rays, which are all alike, and on planted copies (experiments/benchmarks/planted_copies.py).
    """
    stretch, scale = _shape_changes(agreed.matrices)
    detail, faint, least, whole = agreed.detail, agreed.faint_detail, agreed.least_detail, agreed.whole
    upright = _is_upright(agreed.matrices) & (detail >= 0.9) & (least >= 0.8) & (whole >= 0.9)
    upright &= (agreed.recoloured <= 40) | (detail >= 0.97)
    # A silhouette can be laid on another, but the colours around it then seldom agree to 3 of 255.
    kept_colours = (agreed.recoloured <= 3) & (detail >= 0.92) & (faint >= 0.92) & (least >= 0.75) & (whole >= 0.85)
    kept_colours &= (stretch <= 1.65) & (scale >= 0.5) & (scale <= 1.15)
    recoloured = (agreed.recoloured <= 20) & (agreed.colour < 0.5) & (agreed.spread >= 0.2)
    recoloured &= (detail >= 0.965) & (faint >= 0.95) & (least >= 0.87) & (whole >= 0.9)
    recoloured &= (stretch <= 1.12) & (scale > 0.8) & (scale <= 1.15)
    # One aircraft's silhouette is nearly another's mirror image: what is mirrored, and more, is asked for more.
    is_mirrored = np.linalg.det(agreed.matrices[:, :, :2]) < 0
    kept_colours &= ~is_mirrored | (scale >= 0.8)
    recoloured &= ~is_mirrored
    return np.asarray(upright | kept_colours | recoloured)


def _shape_changes(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ratio of a map's singular values, and their geometric mean."""
    values = np.linalg.svd(matrices[:, :, :2], compute_uv=False)
    return values[:, 0] / np.maximum(values[:, 1], 1e-6), np.sqrt(values[:, 0] * values[:, 1])


def _is_upright(matrices: np.ndarray) -> np.ndarray:
    """Returns which maps turn by quarters and mirror, to .04 and .7 pixels, and do nothing else."""
    linear = matrices[:, :, :2]
    nearest = np.round(linear)
    is_turn = (np.abs(nearest).sum(axis=(1, 2)) == 2) & (np.abs(np.linalg.det(nearest)) > 0.5)
    return is_turn & (np.abs(linear - nearest).max(axis=(1, 2)) < 0.04) & (np.abs(matrices[:, :, 2]).max(axis=1) < 0.7)


def _changes(matrices: np.ndarray) -> np.ndarray:
    """Returns in words what maps do, shape (n,)."""
    linear = matrices[:, :, :2].astype(np.float64)
    mirrored = np.linalg.det(linear) < 0
    # Mirrored from side to side or upside down is not turned; the smaller of the two turns is meant.
    turn = np.degrees(np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1]))
    of_mirrored = np.degrees(np.arctan2(linear[:, 1, 0] + linear[:, 0, 1], linear[:, 0, 0] - linear[:, 1, 1]))
    of_mirrored = (of_mirrored + 90) % 180 - 90
    turn = np.abs(np.where(mirrored, of_mirrored, turn))
    words = []
    for degrees, is_mirrored in zip(turn.tolist(), mirrored.tolist(), strict=True):
        turned = f"turned by about {round(degrees)}°" if degrees > 3 else ""
        words.append(" and ".join(part for part in ("mirrored" if is_mirrored else "", turned) if part))
    return np.array(words, dtype=np.str_)
