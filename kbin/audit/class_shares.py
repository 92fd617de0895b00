"""Do two sets have other shares of the classes than chance gives, and by enough to matter?"""

from dataclasses import dataclass

import numpy as np

from kbin.audit.within_class_auc import p_value

_NUM_ARRANGEMENTS = 2_000
_POINTS_THAT_MATTER = 0.05  # of a share
_ODDS_THAT_MATTER = 2.0  # of a rare class: 1 % against 2 %
_SEED = 0


@dataclass(frozen=True, eq=False)
class SharesCompared:
    """The labelled shares of two sets.

    Attributes:
        first: shape (num_classes,), of the first set.
        second: Of the second.
        p_value: The share of random splits of the same images in which some class differs by as much.
        does_matter: Whether some share differs by 5 points or its odds by a factor of 2.
    """

    first: np.ndarray
    second: np.ndarray
    p_value: float
    does_matter: bool


def shares_compared(
    first: np.ndarray, second: np.ndarray, units: tuple[np.ndarray, np.ndarray], num_classes: int
) -> SharesCompared:
    """Compares the shares of the classes by random splits of all images; those that belong together stay together.

    Args:
        first: shape (m,), labels.
        second: shape (n,), labels.
        units: Of both, shape (m,) and (n,), equal where images belong together.
        num_classes: Of the data.
    """
    counts = [np.bincount(one, minlength=num_classes).astype(np.float64) for one in (first, second)]
    shares = [one / one.sum() for one in counts]
    is_grouped = any(len(np.unique(of)) < len(of) for of in units)
    drawn = (_drawn_blocks if is_grouped else _drawn_images)(first, second, units, num_classes)
    rest = (counts[0] + counts[1]) - drawn
    sizes, rest_sizes = drawn.sum(axis=1, keepdims=True), rest.sum(axis=1, keepdims=True)
    by_chance = np.abs(drawn / np.maximum(sizes, 1) - rest / np.maximum(rest_sizes, 1)).max(axis=1)
    observed = np.abs(shares[0] - shares[1])
    # Half an image more keeps the odds of a class that a set lacks.
    odds = [(one + 0.5) / (one.sum() - one + 0.5) for one in counts]
    factors = np.maximum(odds[0] / odds[1], odds[1] / odds[0])
    matters = observed.max() >= _POINTS_THAT_MATTER or factors.max() >= _ODDS_THAT_MATTER
    return SharesCompared(shares[0], shares[1], p_value(float(observed.max()), by_chance), bool(matters))


def _drawn_images(
    first: np.ndarray, second: np.ndarray, units: tuple[np.ndarray, np.ndarray], num_classes: int
) -> np.ndarray:
    """Returns the second set's counts of the classes in random splits, shape (num_arrangements, num_classes)."""
    rng = np.random.default_rng(_SEED)
    counts = np.bincount(np.concatenate([first, second]), minlength=num_classes)
    return rng.multivariate_hypergeometric(counts, len(second), _NUM_ARRANGEMENTS, method="marginals").astype(float)


def _drawn_blocks(
    first: np.ndarray, second: np.ndarray, units: tuple[np.ndarray, np.ndarray], num_classes: int
) -> np.ndarray:
    """Returns the same where what belongs together on one side changes sides together."""
    rng = np.random.default_rng(_SEED)
    sides = np.repeat([0, 1], [len(first), len(second)])
    joined = np.unique(np.concatenate(units), return_inverse=True)[1]
    blocks, block_of = np.unique(2 * joined + sides, return_inverse=True)
    counts = np.zeros((len(blocks), num_classes))
    np.add.at(counts, (block_of, np.concatenate([first, second])), 1)
    is_second = blocks % 2 == 1
    return np.stack([rng.permutation(is_second) @ counts for _ in range(_NUM_ARRANGEMENTS)])
