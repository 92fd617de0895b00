"""How many cases a fuzz test tries, and where a failure is kept.

The short form runs with every `pytest`, the long one with `pytest -m slow`. Hypothesis keeps each failing case in
`.hypothesis/examples` beside this checkout and tries it first the next time; it also prints a line
`@reproduce_failure(...)`: put above the inner function of the test, it replays that case anywhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.database import DirectoryBasedExampleDatabase

_DATABASE = DirectoryBasedExampleDatabase(Path(__file__).parents[2] / ".hypothesis" / "examples")


def forms(short: int, long: int) -> pytest.MarkDecorator:
    """Runs a test with `cases` of the short form, and of the long form under the mark slow."""
    return pytest.mark.parametrize(
        "cases", [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.slow)]
    )


def fuzz(cases: int) -> Callable[[Any], Any]:
    """Decorates the inner function of a test, above `given`."""
    return settings(
        max_examples=cases,
        deadline=None,
        database=_DATABASE,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@strategies.composite
def damaged(draw: strategies.DrawFn, content: bytes) -> bytes:
    """Returns bytes that differ: some flipped, the end cut off, a piece doubled, left out or overwritten."""
    place = draw(strategies.integers(0, max(len(content) - 1, 0)))
    kind = draw(strategies.sampled_from(["flip", "truncate", "insert", "remove", "overwrite", "empty"]))
    if kind == "truncate":
        return content[:place]
    if kind == "empty":
        return b""
    end = min(len(content), place + draw(strategies.integers(1, 64)))
    if kind == "insert":
        return content[:end] + content[place:]
    if kind == "remove":
        return content[:place] + content[end:]
    if kind == "overwrite":
        return content[:place] + draw(strategies.binary(min_size=end - place, max_size=end - place)) + content[end:]
    changed = bytearray(content)
    for _ in range(draw(strategies.integers(1, 4))):
        one = draw(strategies.integers(0, len(content) - 1))
        changed[one] ^= 1 << draw(strategies.integers(0, 7))
    return bytes(changed)


def scalars() -> strategies.SearchStrategy[Any]:
    """Plain values, the odd ones among them."""
    numbers = [0, 1, -1, 2**31, 10**30, 0.5, -0.0, 1e308, float("inf"), float("nan")]
    texts = ["", "none", "all", "..", "../x", "/etc/passwd", "~", "a\0b", "\x1b[2J", "\ud800", "=1", "null", "1e5", "é"]
    return strategies.one_of(
        strategies.none(), strategies.booleans(), strategies.sampled_from(numbers), strategies.sampled_from(texts)
    )


def values() -> strategies.SearchStrategy[Any]:
    """Plain values, lists and mappings of them."""
    keys = strategies.text(max_size=6)
    return strategies.recursive(
        scalars() | strategies.text(max_size=8) | strategies.integers(),
        lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def places_in(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Returns the path to every value inside plain dicts and lists."""
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return [place]
    return [place, *(path for key, one in inner for path in places_in(one, (*place, key)))]


def with_value(value: Any, place: tuple[str | int, ...], new: Any) -> Any:
    """Returns plain values with another one at a path."""
    if not place:
        return new
    key, rest = place[0], place[1:]
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[key] = with_value(value[key], rest, new)
    return changed
