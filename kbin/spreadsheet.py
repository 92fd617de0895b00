"""Cells that a spreadsheet shows and does not run."""

import re
from typing import Any

# OWASP, "CSV Injection": a cell that begins with one of these is run as a formula; four are full-width letters.
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORMULA_SPACES = ("\t", "\r", "\n")
# Where a spreadsheet splits a file that it was told, or whose country's comma is a decimal sign, to split there.
_SEPARATORS = re.compile(r"([;\t\n])")


def spreadsheet_cell(value: Any) -> Any:
    """Returns a value as a cell of a CSV file for people: text that would run as a formula gets an apostrophe in front.

    So does what follows a semicolon, a tab or a new line inside a text: where the semicolon separates cells,
    `a;=SUM(1)` is two of them, and neither quotes nor an apostrophe in front of the whole would stop the second.
    Other text stays.

    Numbers stay numbers, negative ones too, with nine digits; None is an empty cell.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    if not isinstance(value, str):
        return value
    # Python 3.11 leaves a carriage return without quotes, and a reader would take it for the end of the row.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    guarded = "".join(f"'{part}" if _runs(part) else part for part in _SEPARATORS.split(text))
    return f"'{guarded}" if text.startswith(_FORMULA_SPACES) else guarded


def _runs(part: str) -> bool:
    """Returns whether the first letter that is neither space, quote nor invisible begins a formula."""
    return next((one for one in part if one.isprintable() and one not in ' "'), "") in _FORMULA_STARTS
