"""Which properties tell two sets apart on their own, and what they are on both sides."""

from dataclasses import dataclass

import numpy as np

from kbin.audit.compared_pairs import MATTERS
from kbin.audit.image_properties import ImageProperty
from kbin.audit.set_pairs import SetPair, rearranged
from kbin.audit.within_class_auc import crossed_aucs, p_value


@dataclass(frozen=True, eq=False)
class ToldProperty:
    """A property that tells two sets apart.

    Attributes:
        pair: The two sets.
        of: The property.
        auc: Within the classes, of two images one of each set, how often that of the second has more of it.
        corrected: The p-value, corrected over properties and pairs.
        medians: In both sets (the share of a category's value), the mean over the classes of those within each, which
            weighs as in both together; None where it is not known of any image.
    """

    pair: SetPair
    of: ImageProperty
    auc: float
    corrected: float
    medians: tuple[float | None, float | None]

    @property
    def distance(self) -> float:
        """How far the AUC is from guessing."""
        return abs(self.auc - 0.5)


def told_properties(
    pair: SetPair, properties: list[ImageProperty], num_arrangements: int, num_pairs: int, level: float
) -> list[ToldProperty]:
    """Returns the properties that tell a pair apart on their own, the farthest from guessing first.

    P-values are corrected over the properties by the largest distance from .5 of any of them in each arrangement, and
    over the pairs by their number.

    Args:
        pair: The images.
        properties: Of these images.
        num_arrangements: Random ones.
        num_pairs: Compared in all.
        level: A corrected p-value below it is no chance.

    Source:
        Westfall and Young 1993, "Resampling-based multiple testing", chapter 2: the largest statistic of all.
    """
    if not properties:
        return []
    sides = rearranged(pair, num_arrangements)
    aucs = crossed_aucs(np.stack([one.compared for one in properties], axis=1), pair.labels, sides)
    largest = np.abs(aucs[:, 1:] - 0.5).max(axis=0)
    told = []
    for one, auc in zip(properties, aucs[:, 0], strict=True):
        corrected = min(1.0, num_pairs * p_value(abs(auc - 0.5), largest))
        if corrected < level and abs(auc - 0.5) >= MATTERS - 0.5:
            told.append(ToldProperty(pair, one, float(auc), corrected, _medians(pair, one)))
    return sorted(told, key=lambda one: -one.distance)


def _medians(pair: SetPair, one: ImageProperty) -> tuple[float | None, float | None]:
    """Returns the medians, or shares, within the classes, averaged as the classes are in both sides together.

    A median of all classes together jumps from one class to another where each has its own level, also against the way
    in which both classes have moved.
    """
    shares = np.bincount(pair.labels) / len(pair.labels)
    found_ones: list[float | None] = []
    for side in (False, True):
        inside = (pair.is_second == side) & ~np.isnan(one.values)
        labels, values = pair.labels[inside], one.values[inside]
        if not len(values):
            found_ones.append(None)
            continue
        middle = np.mean if one.level is not None else np.median
        present = np.unique(labels)
        inside_each = [middle(values[labels == label]) for label in present]
        found_ones.append(float(np.average(inside_each, weights=shares[present])))
    return found_ones[0], found_ones[1]
