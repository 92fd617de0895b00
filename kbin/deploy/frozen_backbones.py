"""Wholly frozen backbones, which all fits of a process share: they are only asked, and never change."""

from functools import cached_property, lru_cache
from pathlib import Path

import keras

from kbin.catalogue import NONE
from kbin.deploy.estimator_settings import FittedSettings
from kbin.engine.prefix import Cut, cut
from kbin.models.classifiers import build_classifier


class FrozenPart(Cut):
    """The part below a head; its fingerprint is computed once."""

    def fingerprint(self) -> str:
        """Returns a hash of every weight."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return super().fingerprint()


def frozen_part(settings: FittedSettings, seed: int) -> FrozenPart:
    """Returns the part of a classifier that is below its head, built once where several fits need the same.

    Args:
        settings: Of the model; nothing of its backbone trains.
        seed: Of a backbone without weights.
    """
    model = settings.model
    file = Path(model.weights)
    # Another file may have taken the place of a file of weights.
    stamp = file.stat().st_mtime_ns if file.suffix and file.is_file() else 0
    return _built(model.backbone, model.weights, settings.image_size, seed if model.weights == NONE else 0, stamp)


@lru_cache(maxsize=1)  # a large one takes hundreds of MB
def _built(backbone: str, weights: str, image_size: int, seed: int, stamp: int) -> FrozenPart:
    keras.utils.set_random_seed(seed)
    parts = cut(build_classifier(backbone, weights=weights, image_size=image_size))
    if parts is None:
        raise ValueError("a wholly frozen model has a part to cut off")
    return FrozenPart(parts.prefix, parts.tail, parts.boundary, parts.first_depth)
