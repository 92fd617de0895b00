"""bfloat16 is used as long as probabilities stay near those of float32: two runtimes whose difference is known."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from kbin.deploy.checked_precision import CheckedRuntime
from kbin.engine.runtimes import BATCH_SIZE
from kbin.progress import Progress

BATCHES = 160  # one image each, whose value is its place


class Said(Progress):
    """Keeps lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


class Shifted:
    """Gives images back, moved by so much from a place on; keeps what it was given."""

    name = "torch"

    def __init__(self, precision: str, by: float = 0.0, since: int = 0):
        self.precision, self._by, self._since = precision, by, since
        self.given: list[int] = []

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for batch in batches:
            self.given.append(int(batch[0, 0]))
            yield batch + (self._by if batch[0, 0] >= self._since else 0.0)


def images(number: int = BATCHES) -> Iterator[np.ndarray]:
    return (np.full((1, 1), place, float) for place in range(number))


def values(found: Iterable[np.ndarray]) -> list[float]:
    return [float(one[0, 0]) for one in found]


def runtime_of(reduced: Shifted, exact: Shifted | None = None) -> tuple[CheckedRuntime, Said]:
    said = Said()
    return CheckedRuntime(reduced, exact or Shifted("float32"), lambda features: features, said), said


def test_within_a_hundredth_the_features_are_those_of_bfloat16_and_one_batch_in_fifty_is_compared() -> None:
    exact = Shifted("float32")
    runtime, said = runtime_of(Shifted("bfloat16", by=0.0099), exact)

    found = values(runtime.run(images()))

    assert found == pytest.approx([place + 0.0099 for place in range(BATCHES)], abs=1e-9)
    assert exact.given == [*range(7), 56, 106, 156]
    assert (runtime.precision, said.lines) == ("bfloat16", [])


def test_two_hundred_images_are_compared_before_any_is_given_out() -> None:
    exact = Shifted("float32")
    runtime, _ = runtime_of(Shifted("bfloat16"), exact)

    next(runtime.run(images()))

    assert len(exact.given) * BATCH_SIZE >= 200


@pytest.mark.parametrize("by", [0.0101, -0.3, np.nan])
def test_a_larger_difference_at_the_start_leaves_all_to_float32(by: float) -> None:
    reduced = Shifted("bfloat16", by, since=6)
    runtime, said = runtime_of(reduced)

    assert values(runtime.run(images())) == list(range(BATCHES))
    assert reduced.given == list(range(7))
    assert (runtime.precision, len(said.lines)) == ("float32", 1)
    assert "all images in float32" in said.lines[0]


def test_a_larger_difference_later_on_leaves_the_rest_to_float32() -> None:
    runtime, said = runtime_of(Shifted("bfloat16", by=0.5, since=80))

    found = values(runtime.run(images()))

    # Of batches 57 to 105 nobody knows better; batch 106 is compared.
    assert found == [*range(80), *(place + 0.5 for place in range(80, 106)), *range(106, BATCHES)]
    assert runtime.precision == "float32"
    assert f"from image {106 * 32 + 1:,} on in float32" in said.lines[0]


def test_the_next_pass_begins_in_bfloat16_again() -> None:
    runtime, said = runtime_of(Shifted("bfloat16", by=0.5, since=80))
    list(runtime.run(images()))

    list(runtime.run(images(60)))

    assert (runtime.precision, len(said.lines)) == ("bfloat16", 1)


def test_no_images_give_no_features() -> None:
    runtime, _ = runtime_of(Shifted("bfloat16"))

    assert list(runtime.run(iter(()))) == []
