"""How lists of images and names are put into messages."""

from collections.abc import Sequence

from kbin.printable_text import printable

__all__ = ["SHOWN", "counted", "first_few", "printable"]

SHOWN = 5


def first_few(items: Sequence[str], separator: str = ", ") -> str:
    """Returns the first five items, and how many more there are."""
    shown = separator.join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown} and {len(items) - SHOWN} more"


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun, which takes an s unless the number is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
