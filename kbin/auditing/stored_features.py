"""The features that a run computed, as vectors, from the store of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kbin.data.datasets import Dataset
from kbin.engine.feature_store import FeatureStore, StoredFeatures
from kbin.report.recorded import RunResults
from kbin.runs import RunDirectory

_AT_ONCE = 1024  # images whose feature maps are in memory together


@dataclass(frozen=True)
class FoundFeatures:
    """The features of all sets, or why there are none.

    Attributes:
        model_id: Whose frozen backbone computed them; None where there are none.
        by_set: Set name -> shape (n, num_features), float32; feature maps are averaged over their positions.
        reason: Why there are none, as a sentence.
    """

    model_id: str | None = None
    by_set: Mapping[str, np.ndarray] = field(default_factory=dict)
    reason: str = ""


def find_features(
    run: RunDirectory, results: RunResults, sets: Mapping[str, Dataset], store: FeatureStore
) -> FoundFeatures:
    """Returns the features of the first model that has vectors, else of the first that has feature maps.

    Args:
        run: The run's folder.
        results: Its results.
        sets: The images by set name.
        store: Of this machine.
    """
    reason = "No model of this run has a frozen backbone whose features were stored."
    maps: FoundFeatures | None = None
    for model in results.done:
        key = run.features_key(model.id, model.seeds[0])
        if key is None:
            continue
        table = store.peek(key)
        if any(table.missing(one.content_hashes()) for one in sets.values()):
            reason = (
                f"The features of {model.id} are not in the store any more: `kbin run` on the experiment with --fresh "
                "computes them again."
            )
            continue
        stored = {name: table.stored(one.content_hashes()) for name, one in sets.items()}
        if len(next(iter(stored.values())).feature_shape) == 1:
            return FoundFeatures(model.id, {name: _vectors(one) for name, one in stored.items()})
        maps = maps or FoundFeatures(model.id, {name: _vectors(one) for name, one in stored.items()})
    return maps or FoundFeatures(reason=reason)


def _vectors(stored: StoredFeatures) -> np.ndarray:
    vectors = np.empty((len(stored), stored.feature_shape[-1]), np.float32)
    between = tuple(range(1, len(stored.feature_shape)))  # the positions of a map, channels last
    for start in range(0, len(stored), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(stored)))
        vectors[rows] = stored.take(rows).mean(axis=between) if between else stored.take(rows)
    return vectors
