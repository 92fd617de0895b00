"""Small training sets of distinct images, with groups and copies where a test wants them."""

from collections.abc import Sequence

import numpy as np

from kbin.data.datasets import ArrayImages, Dataset


def dataset(
    labels: Sequence[int], groups: Sequence[str] | None = None, contents: Sequence[int] | None = None
) -> Dataset:
    """Images of one pixel colour each; equal contents are copies."""
    labels = np.array(labels)
    contents = np.arange(len(labels)) if contents is None else np.array(contents)
    images = np.zeros((len(labels), 2, 2, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = contents % 256, contents // 256
    names = ("cat", "dog", "bird")[: max(2, labels.max() + 1)]
    return Dataset(
        np.array([f"{number}.png" for number in range(len(labels))]),
        labels,
        names,
        ArrayImages(images, "images.npz"),
        {} if groups is None else {"group": np.array(groups)},
    )
