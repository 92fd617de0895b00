"""What enters the network that trains: stored features for the tail of a model, images for an uncut one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.data.datasets import Dataset
from kbin.engine.augmentation import Augmenter
from kbin.engine.augmented_views import LiveViews, StoredViews
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ArrayInputs, Chosen, ImageInputs, Inputs
from kbin.engine.prefix import Cut
from kbin.errors import StoreFullError
from kbin.progress import Progress

_AUGMENTED = "train, augmented"
_DECODED_BYTES_KEPT = 2 * 2**30  # of decoded images between the epochs of uncut training


@dataclass(frozen=True)
class SetImages:
    """An evaluation set with its images."""

    data: Dataset
    images: ImageInputs

    @property
    def decoded_bytes(self) -> int:
        """What the images take when all are decoded."""
        return len(self.data) * self.images.image_size**2 * 3

    @property
    def label_rows(self) -> np.ndarray:
        """The labels as shares of each class, shape (n, num_classes)."""
        return np.eye(len(self.data.classes), dtype=np.float32)[self.data.labels]


@dataclass(frozen=True)
class Augmentation:
    """How training images are augmented.

    Attributes:
        augmenter: The layers.
        text: The same as text, for the store's key.
        views: Views of the training images that are computed once, the same for all models; None draws new ones in
            every epoch and trains the uncut model.
        num_views: Stored views of each image.
    """

    augmenter: Augmenter
    text: str
    views: StoredViews | None
    num_views: int


@dataclass(frozen=True)
class NetworkInputs:
    """Inputs of the network that trains.

    Attributes:
        training: Of the training set, augmented where that is asked for; view v of image i at `v * n + i`.
        label_rows: The share of each class in these, shape (num_classes,) each; None where the images are not mixed.
        num_views: Views of each training image.
        by_set: Of every set, as it is.
        is_uncut: Whether they are images for the whole model, not features for its tail.
        features_key: The key of the store's table that has the features of all sets; None for images.
    """

    training: Inputs
    label_rows: Inputs | None
    num_views: int
    by_set: Mapping[str, Inputs]
    is_uncut: bool
    features_key: Mapping[str, Any] | None = None


def stored_inputs(
    parts: Cut | None,
    sets: Mapping[str, SetImages],
    engine: FeatureEngine | None,
    augmentation: Augmentation | None,
    progress: Progress,
) -> NetworkInputs | None:
    """Returns features; None where nothing is frozen, views are drawn anew, or the store has no room for them.

    Args:
        parts: The cut model, None where it is not cut.
        sets: The images by set name.
        engine: What computes and stores features; None where models are trained uncut.
        augmentation: How training images are augmented; None where they are not.
        progress: Where it is said that there is no room.
    """
    if parts is None or engine is None or (augmentation is not None and augmentation.views is None):
        return None
    hashed = {name: HashedImages(one.data.content_hashes(), one.images) for name, one in sets.items()}
    try:
        by_set = engine.features(parts, hashed)
        key = engine.key(parts)
        if augmentation is None or augmentation.views is None:
            return NetworkInputs(by_set["train"], None, 1, by_set, is_uncut=False, features_key=key)
        train, views, num_views = sets["train"], augmentation.views, augmentation.num_views
        stored = engine.features(parts, {_AUGMENTED: HashedImages(views.hashes, views)}, augmentation.text)
        rows = (
            ArrayInputs(views.mixed(train.label_rows, train.images.image_size))
            if augmentation.augmenter.mixes
            else None
        )
        training = Chosen(stored[_AUGMENTED], views.places)
        return NetworkInputs(training, rows, num_views, by_set, is_uncut=False, features_key=key)
    except StoreFullError as error:
        progress.say(f"  {error}: the uncut model is trained instead.")
        return None


def uncut_inputs(sets: Mapping[str, SetImages], augmentation: Augmentation | None, epochs: int) -> NetworkInputs:
    """Returns the images themselves; augmented ones are drawn anew in each of `epochs`.

    Decoded images of the sets that every epoch sees are kept, together at most 2 GiB; others are decoded again.
    """
    by_set: dict[str, Inputs] = {name: one.images for name, one in sets.items()}
    room = _DECODED_BYTES_KEPT
    for name in ("train", "validation"):
        if name in sets and (size := sets[name].decoded_bytes) <= room:
            by_set[name] = sets[name].images.keeping()
            room -= size
    if augmentation is None:
        return NetworkInputs(by_set["train"], None, 1, by_set, is_uncut=True)
    train = sets["train"]
    views = LiveViews(by_set["train"], train.data.content_hashes(), augmentation.augmenter, epochs)
    rows = MixedRows(views, train.label_rows, train.images.image_size) if augmentation.augmenter.mixes else None
    return NetworkInputs(views, rows, epochs, by_set, is_uncut=True)


class MixedRows:
    """The labels of views that are drawn batch by batch."""

    def __init__(self, views: LiveViews, rows: np.ndarray, image_size: int):
        self._views, self._rows, self._image_size = views, rows, image_size

    def __len__(self) -> int:
        return len(self._views)

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Returns the share of each class in the images that the views have at `positions`."""
        return self._views.mixed(positions, self._rows, self._image_size)
