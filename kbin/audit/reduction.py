"""Features in fewer numbers: their principal components over all sets."""

from collections.abc import Mapping

import numpy as np

_MOST_COMPONENTS = 128
_FITTED_ON = 20_000  # images, of which the components are computed
_AT_ONCE = 8_192  # images projected together
_SEED = 0


def reduced(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the principal components of features, each of variance 1 over all sets.

    Args:
        features: Set name -> shape (n, num_features).

    Returns:
        Set name -> shape (n, num_components), float32; as many components as matter, at most 128.
    """
    sizes = {name: len(one) for name, one in features.items()}
    number = sum(sizes.values())
    chosen = np.arange(number)
    if number > _FITTED_ON:
        chosen = np.sort(np.random.default_rng(_SEED).choice(number, _FITTED_ON, replace=False))
    sample = _rows(features, chosen)
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample.astype(np.float64) - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / max(1, len(centred) - 1))
    order = np.argsort(variances)[::-1][: min(_MOST_COMPONENTS, max(1, len(centred) - 1))]
    kept = order[variances[order] > 1e-9 * max(variances[order[0]], 1e-30)]
    projection = (directions[:, kept] / np.sqrt(variances[kept])).astype(np.float32)
    offset = mean.astype(np.float32)
    return {
        name: np.concatenate(
            [np.zeros((0, projection.shape[1]), np.float32)]
            + [
                (np.asarray(one[start : start + _AT_ONCE], np.float32) - offset) @ projection
                for start in range(0, len(one), _AT_ONCE)
            ]
        )
        for name, one in features.items()
    }


def _rows(features: Mapping[str, np.ndarray], positions: np.ndarray) -> np.ndarray:
    """Returns the features at sorted positions of all sets in a row."""
    parts, start = [], 0
    for one in features.values():
        inside = positions[(positions >= start) & (positions < start + len(one))] - start
        parts.append(np.asarray(one[inside], np.float32))
        start += len(one)
    return np.concatenate(parts)
