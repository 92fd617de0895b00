"""How lists of images and names are put into messages."""

from collections.abc import Sequence

SHOWN = 5


def first_few(items: Sequence[str], separator: str = ", ") -> str:
    """Returns the first five items, and how many more there are."""
    shown = separator.join(items[:SHOWN])
    return shown if len(items) <= SHOWN else f"{shown} and {len(items) - SHOWN} more"


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun, which takes an s unless the number is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def printable(text: str) -> str:
    r"""Returns text with escapes for what cannot be printed: a file's name may steer a terminal, or be no UTF-8.

    Such a byte stands as \udce9, as `write_whole` has it in files.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
