"""Arithmetic in bfloat16 that is watched: some images go through float32 too, and where the two part, float32 stays.

bfloat16 rounds what each layer gives to eight bits. How far a probability moves by that depends on the network and on
the head above it: by a thousandth in one model and by a tenth in another, which only a comparison tells.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from kbin.engine.runtimes import BATCH_SIZE, Runtime
from kbin.progress import Progress

LARGEST_DIFFERENCE = 1e-2  # of a probability
_FIRST = 7  # batches, which are more than 200 images
_BETWEEN = 49  # batches from there to the next that is compared: one in fifty costs some 4 % of the speed

Classify = Callable[[np.ndarray], np.ndarray]


class CheckedRuntime:
    """Features in bfloat16 as long as the probabilities above them stay within 1e-2 of those in float32.

    The first 200 images of a pass are compared before any is given out, then one batch in fifty. Once a probability
    differs by more, that batch and all that follow are computed in float32, and a line says so.

    Args:
        reduced: Computes in bfloat16.
        exact: Computes the same features in float32.
        classify: Turns features into probabilities, shape (k, 1) or (k, num_classes).
        progress: Where the line is said.

    Attributes:
        name: "torch" or "openvino".
        precision: "bfloat16", or "float32" once the pass has gone over to it.
    """

    def __init__(self, reduced: Runtime, exact: Runtime, classify: Classify, progress: Progress):
        self.name = reduced.name
        self.precision = reduced.precision
        self._reduced, self._exact, self._classify, self._progress = reduced, exact, classify, progress

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the features of each batch, in order."""
        rest = iter(batches)
        runtime, self.precision = self._reduced, self._reduced.precision
        compared, done = list(islice(rest, _FIRST)), 0
        while compared:
            features = list(runtime.run(compared))
            if runtime is self._reduced:
                exact = list(self._exact.run(compared))
                difference = self._difference(features, exact)
                if not difference <= LARGEST_DIFFERENCE:  # nor is NaN
                    runtime, features, self.precision = self._exact, exact, self._exact.precision
                    self._say(difference, done)
            yield from features
            yield from runtime.run(islice(rest, _BETWEEN))
            done += (len(compared) + _BETWEEN) * BATCH_SIZE
            compared = list(islice(rest, 1))

    def _difference(self, features: list[np.ndarray], exact: list[np.ndarray]) -> float:
        pairs = zip(features, exact, strict=True)
        # NumPy's max, which keeps NaN; Python's may drop it.
        return float(np.max([np.abs(self._classify(one) - self._classify(other)).max() for one, other in pairs]))

    def _say(self, difference: float, done: int) -> None:
        since = f"from image {done + 1:,} on" if done else "all images"
        self._progress.say(
            f"  bfloat16 moves a probability by {difference:.2g}, more than {LARGEST_DIFFERENCE:g}: {since} in float32."
        )
