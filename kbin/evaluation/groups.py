"""Groups of images that belong together (patients, slides, tiles), as numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError


def group_numbers(groups: ArrayLike | None, num_images: int) -> NDArray[np.int64] | None:
    """Returns the groups as numbers 0, 1, ... in the order in which they first appear.

    None where there are no groups, or each image is a group of its own: the images are independent then.

    Args:
        groups: shape (n,), any names; None without groups.
        num_images: n.

    Raises:
        DataError: The number of names is another.
    """
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (num_images,):
        raise DataError(f"groups must have shape ({num_images},), one name an image, got {names.shape}.")
    _, first, numbers = np.unique(names, return_index=True, return_inverse=True)
    if len(first) == num_images:
        return None
    order = np.argsort(np.argsort(first))
    return order[numbers]


def mixes_classes(y_true: NDArray[np.int64], groups: NDArray[np.int64] | None) -> bool:
    """Returns whether some group has images of several classes.

    Args:
        y_true: shape (n,), class indices.
        groups: shape (n,), numbers from 0; None without groups.
    """
    if groups is None:
        return False
    return len(np.unique(np.stack([groups, y_true]), axis=1).T) > int(groups.max()) + 1


def group_sums(values: NDArray[np.float64], groups: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Returns the sum of each group's values, shape (num_groups,); the values themselves without groups.

    Args:
        values: shape (n,).
        groups: shape (n,), numbers from 0; None without groups.
    """
    return values if groups is None else np.bincount(groups, weights=values).astype(np.float64)
