"""How lists of images and names are put into messages."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from kbin.printable_text import printable

__all__ = ["SHOWN", "counted", "first_few", "first_few_of", "printable"]

Item = TypeVar("Item")

SHOWN = 5


def first_few(items: Sequence[str], separator: str = ", ") -> str:
    """Returns the first five items, and how many more there are."""
    return first_few_of(items, str, separator)


def first_few_of(items: Sequence[Item], say: Callable[[Item], str], separator: str = ", ") -> str:
    """Returns what `say` makes of the first five items, and how many more there are, of which nothing is made."""
    shown = separator.join(map(say, items[:SHOWN]))
    return shown if len(items) <= SHOWN else f"{shown} and {len(items) - SHOWN} more"


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun, which takes an s unless the number is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
