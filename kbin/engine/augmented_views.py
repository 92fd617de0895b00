"""Augmented views of the training images: a number of them that is stored, or new ones in every batch."""

import hashlib
from collections.abc import Sequence

import numpy as np

from kbin.engine.augmentation import Augmenter
from kbin.engine.inputs import Inputs

_GROUP = 32  # images that are augmented together; a batch of the feature pass, so that each group is drawn once
_BYTES_KEPT = 2 * 2**30  # of drawn views: the next model's pass then draws none


class StoredViews:
    """A number of views of every image, in an order made for computing them once.

    Every view takes the images in an order of its own, group by group: so a layer that mixes images meets all classes,
    though the images come sorted by class. A group is always drawn whole, whoever asks for which of its images, and
    kept where all views take at most 2 GiB.

    Args:
        images: The images, shape (height, width, 3), uint8 each.
        hashes: shape (n,), their content hashes; they seed what is drawn.
        augmenter: The layers.
        num_views: Views of each image.

    Attributes:
        hashes: shape (num_views * n,), a name for each position: what features are stored under.
        places: shape (num_views * n,), the position of view v of image i, at `v * n + i`.
    """

    def __init__(self, images: Inputs, hashes: np.ndarray, augmenter: Augmenter, num_views: int):
        self._images, self._augmenter = images, augmenter
        count = len(images)
        self._order = np.concatenate([np.random.default_rng(view).permutation(count) for view in range(num_views)])
        view = np.repeat(np.arange(num_views), count)
        self.places = np.empty(num_views * count, np.int64)
        self.places[view * count + self._order] = np.arange(num_views * count)
        # What is drawn depends on all images, whose groups it comes in, and on who draws it: features of other views
        # must not be taken for these.
        drawn = _digest([*hashes, augmenter.version, str(_GROUP)])
        self.hashes = np.array([f"{drawn}-{index}-{view}" for index, view in zip(self._order, view, strict=True)])
        self._drawn: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Returns the images at `positions`, shape (len(positions), height, width, 3), uint8."""
        groups = positions // _GROUP
        parts = []
        for run in np.split(np.arange(len(positions)), np.flatnonzero(np.diff(groups)) + 1):
            parts.append(self._group(int(groups[run[0]]))[positions[run] % _GROUP])
        return np.concatenate(parts)

    def mixed(self, rows: np.ndarray, image_size: int) -> np.ndarray:
        """Returns the labels of the views, that of view v of image i at `v * n + i`.

        Args:
            rows: shape (n, num_classes), the share of each class in the images themselves.
            image_size: Side of the images in pixels.
        """
        groups = [
            self._augmenter.mix_labels(rows[self._order[start : start + _GROUP]], image_size, self._seed(start))
            for start in range(0, len(self), _GROUP)
        ]
        return np.concatenate(groups)[self.places]

    def _group(self, number: int) -> np.ndarray:
        if number not in self._drawn:
            start = number * _GROUP
            images = self._images.take(self._order[start : start + _GROUP])
            if images[0].nbytes * len(self) > _BYTES_KEPT:
                self._drawn.clear()
            self._drawn[number] = self._augmenter.augment(images, self._seed(start))
        return self._drawn[number]

    def _seed(self, start: int) -> int:
        return _seed(self.hashes[start : start + _GROUP])


class LiveViews:
    """A new view of every image in every epoch, drawn batch by batch: position `epoch * n + i` is image i.

    Args:
        images: The images, shape (height, width, 3), uint8 each.
        hashes: shape (n,), their content hashes; with the epoch they seed what is drawn.
        augmenter: The layers.
        epochs: The number of epochs.
    """

    def __init__(self, images: Inputs, hashes: np.ndarray, augmenter: Augmenter, epochs: int):
        self._images, self._hashes, self._augmenter, self._epochs = images, hashes, augmenter, epochs

    def __len__(self) -> int:
        return len(self._hashes) * self._epochs

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Returns the images at `positions`; the same positions give the same images."""
        return self._augmenter.augment(self._images.take(positions % len(self._images)), self._seed(positions))

    def mixed(self, positions: np.ndarray, rows: np.ndarray, image_size: int) -> np.ndarray:
        """Returns the labels of what `take` gives for the same positions.

        Args:
            positions: shape (k,).
            rows: shape (n, num_classes), the share of each class in the images themselves.
            image_size: Side of the images in pixels.
        """
        return self._augmenter.mix_labels(rows[positions % len(rows)], image_size, self._seed(positions))

    def _seed(self, positions: np.ndarray) -> int:
        count = len(self._hashes)
        return _seed(np.array([f"{self._hashes[position % count]}-{position // count}" for position in positions]))


def _digest(names: Sequence[str]) -> str:
    return hashlib.blake2b("".join(names).encode(), digest_size=8).hexdigest()


def _seed(names: np.ndarray) -> int:
    return int.from_bytes(hashlib.blake2b("".join(names).encode(), digest_size=4).digest(), "big")
