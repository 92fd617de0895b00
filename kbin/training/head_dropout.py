"""Dropout of several heads, each with its own rate, from the same noise."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch


class HeadDropout:
    """Dropout as Keras does it: what is kept is divided by the share that is kept.

    All heads of a part compare the same noise with their rates (common random numbers): the difference between two
    heads is then less of an accident, and one noise serves all. It depends on seed, step and layer alone, so a head
    drops the same whichever others train beside it.

    Args:
        rates: Of each head, ascending.
        seed: Of the noise.
        dtype: Of the features.
    """

    def __init__(self, rates: Sequence[float], seed: int, dtype: torch.dtype):
        self._rates, self._seed, self._dtype = list(rates), seed, dtype
        self._any = any(rates)
        self._of_heads = torch.tensor(self._rates, dtype=torch.float32)[:, None, None]
        self._scales = (1 / (1 - torch.tensor(self._rates, dtype=torch.float64)))[:, None, None].to(dtype)
        changes = [0, *(1 + np.flatnonzero(np.diff(self._rates))), len(self._rates)]
        self._groups = [slice(int(a), int(b)) for a, b in itertools.pairwise(changes)]

    def rows(self, rows: Sequence[int]) -> "HeadDropout":
        """Returns the dropout of some heads."""
        return HeadDropout([self._rates[row] for row in rows], self._seed, self._dtype)

    def factors(self, step: int, layer: int, units: int, batch: int) -> torch.Tensor | None:
        """Returns what the values of a hidden layer are multiplied with; None where no head drops any.

        Args:
            step: Counted from 0.
            layer: Counted from 0.
            units: Of the layer.
            batch: Samples.

        Returns:
            shape (num_heads, units, batch).
        """
        if not self._any:
            return None
        return (self._noise(step, layer, units, batch) >= self._of_heads).to(self._dtype).mul_(self._scales)

    def blocks(self, step: int, features: torch.Tensor) -> list[tuple[slice, torch.Tensor]]:
        """Returns what enters heads without hidden layers: heads of one rate, and their features with some dropped.

        Args:
            step: Counted from 0.
            features: shape (batch, num_features).
        """
        if not self._any:
            return [(slice(0, len(self._rates)), features)]
        noise = self._noise(step, 0, *features.shape)
        blocks = []
        for heads in self._groups:
            rate = self._rates[heads.start]
            kept = (noise >= self._of_heads[heads.start]).to(self._dtype).mul_(self._scales[heads.start])
            blocks.append((heads, features * kept if rate else features))
        return blocks

    def _noise(self, step: int, layer: int, *shape: int) -> torch.Tensor:
        generator = np.random.Generator(np.random.SFC64([self._seed, step, layer]))
        return torch.from_numpy(generator.random(shape, np.float32))
