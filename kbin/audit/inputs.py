"""What the checks look at: arrays of everything that a run stored of its sets, and what was measured of the images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kbin.audit.reduction import reduced
from kbin.data.set_names import TRAIN, VALIDATION


@dataclass(frozen=True, eq=False)
class AuditedSet:
    """One evaluation set.

    Attributes:
        name: Of the set.
        sample_ids: shape (n,), str.
        paths: shape (n,), str, relative to the root of the data.
        labels: shape (n,), index into the classes; of two, 1 is the positive one.
        content_hashes: shape (n,), str, of the stored bytes.
        pixel_hashes: shape (n,), str, of the decoded pixels at their own size.
        miniatures: shape (n, 48, 48, 3), uint8, the images stretched to 48 x 48.
        facts: Name -> shape (n,), float64 or str: what is known of the file and its pixels; see
            `kbin.data.image_measures`. NaN or "" where it is not known.
        groups: shape (n,), str, the groups that the data itself names; None where it does not.
        features: shape (n, num_features), float32, of the frozen backbone; None where the run stored none.
        probabilities: Model id -> shape (num_seeds, n), probability of the positive class; for more than two classes
            (num_seeds, n, num_classes).
    """

    name: str
    sample_ids: np.ndarray
    paths: np.ndarray
    labels: np.ndarray
    content_hashes: np.ndarray
    pixel_hashes: np.ndarray
    miniatures: np.ndarray
    facts: Mapping[str, np.ndarray]
    groups: np.ndarray | None = None
    features: np.ndarray | None = None
    probabilities: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class AuditInputs:
    """All sets of a run.

    Attributes:
        classes: The class names; of two, the second is the positive one.
        sets: By name, in the order of the run; "train" is always there.
        parts: Test sets that are a part of another -> the other's name; the images of both are the same.
        thresholds: Model id -> shape (num_seeds,), in force; empty for more than two classes.
        input_numbers: Model id -> what entered its first convolution, as the run stored it.
        features_of: The id of the model whose frozen backbone gave the features; None where there are none.
        why_no_features: A sentence, where there are none.
        copy_groups: Set name -> shape (n,), int64: images that are copies of each other, as the checks before found,
            have one number over all sets; others a number of their own. Empty before they are known.
    """

    classes: tuple[str, ...]
    sets: Mapping[str, AuditedSet]
    parts: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, np.ndarray] = field(default_factory=dict)
    input_numbers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    features_of: str | None = None
    why_no_features: str = ""
    copy_groups: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def train(self) -> AuditedSet:
        """The training set."""
        return self.sets[TRAIN]

    @property
    def test_sets(self) -> tuple[AuditedSet, ...]:
        """The sets that took no part in training or in choosing anything."""
        return tuple(one for name, one in self.sets.items() if name not in (TRAIN, VALIDATION))

    @property
    def positive(self) -> str | None:
        """The positive class of two; None for more."""
        return self.classes[1] if len(self.classes) == 2 else None

    @property
    def each_image_once(self) -> "AuditInputs":
        """The same without the test sets that are a part of another."""
        own = {name: one for name, one in self.sets.items() if name not in self.parts}
        return self if len(own) == len(self.sets) else replace(self, sets=own, parts={})

    @property
    def has_features(self) -> bool:
        """Whether every set has features."""
        return all(one.features is not None for one in self.sets.values())

    @cached_property
    def reduced_features(self) -> dict[str, np.ndarray]:
        """Set name -> shape (n, at most 128), float32: the features' principal components over all sets, whitened.

        Quick to learn from, also with 100,000 images. Only where `has_features`.
        """
        return reduced({name: one.features for name, one in self.sets.items() if one.features is not None})

    def pooled(self, of: Callable[[AuditedSet], np.ndarray]) -> np.ndarray:
        """Returns an array of all sets in a row.

        Args:
            of: Takes it from one set, such as `lambda one: one.labels`.
        """
        return np.concatenate([of(one) for one in self.sets.values()])

    @cached_property
    def set_of(self) -> np.ndarray:
        """The name of each image's set, shape (n of all sets,), in the order of `pooled`."""
        return np.concatenate([np.full(len(one), name) for name, one in self.sets.items()])

    def place(self, position: int) -> tuple[str, int]:
        """Returns set and place there of an image at a position of `pooled`."""
        for name, one in self.sets.items():
            if position < len(one):
                return name, int(position)
            position -= len(one)
        raise IndexError(position)
