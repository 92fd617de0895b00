"""Cells that a spreadsheet shows and does not run."""

from typing import Any

# OWASP, "CSV Injection": a cell that begins with one of these is run as a formula; four are full-width letters.
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORMULA_SPACES = ("\t", "\r", "\n")


def spreadsheet_cell(value: Any) -> Any:
    """Returns a value as a cell of a CSV file for people: text that would run as a formula gets an apostrophe in front.

    Numbers stay numbers, negative ones too, with nine digits; None is an empty cell.

    What this cannot prevent: a spreadsheet that is told to split a file at semicolons or tabs makes two cells of
    `a;=SUM(1)`, and runs the second. Neither quotes nor an apostrophe in front of the whole cell would stop it, as the
    split comes first, and one in the middle would change names of files and classes that are harmless everywhere else.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    if not isinstance(value, str):
        return value
    runs = value.startswith(_FORMULA_SPACES) or _first_seen(value) in _FORMULA_STARTS
    # Python 3.11 leaves a carriage return without quotes, and a reader would take it for the end of the row.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if runs else text


def _first_seen(text: str) -> str:
    """Returns the first letter that is neither space nor invisible (a byte order mark, a zero-width space), or ""."""
    return next((letter for letter in text if letter.isprintable() and letter != " "), "")
