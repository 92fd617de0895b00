"""The plain properties of the images of two sets, as columns: numbers, and one column a value of a category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

_MOST_LEVELS = 10  # of a category, the most frequent
_LEAST_SHARE = 0.01  # of the images, for a value of a category


@dataclass(frozen=True, eq=False)
class ImageProperty:
    """One property of n images.

    Attributes:
        name: Of the fact.
        level: The value of a category that the column marks; None for a number.
        values: shape (n,), float64; 0 and 1 for a category, NaN where a number is not known.
    """

    name: str
    level: str | None
    values: np.ndarray

    @property
    def compared(self) -> np.ndarray:
        """The values for an AUC, shape (n,): an unknown number says nothing, so it stands in the middle."""
        known = ~np.isnan(self.values)
        return np.where(known, self.values, np.median(self.values[known]))


def image_properties(facts: Mapping[str, np.ndarray]) -> list[ImageProperty]:
    """Returns the properties that are not the same in all images; the proportions are added to width and height.

    Args:
        facts: Name -> shape (n,), float64 or str.
    """
    known = dict(facts)
    if "width" in facts and "height" in facts:
        known["proportions"] = facts["width"] / np.maximum(facts["height"], 1)
    properties = []
    for name, values in known.items():
        if values.dtype.kind in "fiub":
            properties.append(ImageProperty(name, None, _finite(values)))
        else:
            properties += _levels(name, values)
    return [one for one in properties if len(np.unique(one.values[~np.isnan(one.values)])) > 1]


def property_matrix(properties: Sequence[ImageProperty], num_images: int) -> np.ndarray:
    """Returns what a linear head sees of the properties, shape (n, num_columns), each column of variance 1.

    A number becomes the normal scores of its ranks and their squares (an image may be typical by being in the middle),
    and a mark where it is not known. Without any property there is one column of zeros.

    Args:
        properties: The properties.
        num_images: n.
    """
    columns = []
    for one in properties:
        if one.level is not None:
            columns.append(one.values)
            continue
        known = ~np.isnan(one.values)
        scores = np.zeros(num_images)
        scores[known] = norm.ppf((rankdata(one.values[known]) - 0.5) / known.sum())
        columns += [scores, scores**2, (~known).astype(np.float64)]
    varying = [(one - one.mean()) / one.std() for one in columns if one.std() > 1e-9]
    return np.stack(varying, axis=1) if varying else np.zeros((num_images, 1))


def _finite(values: np.ndarray) -> np.ndarray:
    numbers = values.astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _levels(name: str, values: np.ndarray) -> list[ImageProperty]:
    levels, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_LEVELS]
    frequent = [place for place in order if counts[place] >= _LEAST_SHARE * len(values)]
    return [ImageProperty(name, str(levels[one]), (values == levels[one]).astype(np.float64)) for one in frequent]
