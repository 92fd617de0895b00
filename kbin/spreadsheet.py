"""Cells that a spreadsheet shows and does not run."""

from typing import Any

# OWASP, "CSV Injection": a cell that begins with one of these is run as a formula; four are full-width letters.
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORMULA_SPACES = ("\t", "\r", "\n")


def spreadsheet_cell(value: Any) -> Any:
    """Returns a value as a cell of a CSV file for people: text that would run as a formula gets an apostrophe in front.

    Numbers stay numbers, negative ones too, with nine digits; None is an empty cell.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    if not isinstance(value, str):
        return value
    runs = value.startswith(_FORMULA_SPACES) or value.lstrip().startswith(_FORMULA_STARTS)
    # Python 3.11 leaves a carriage return without quotes, and a reader would take it for the end of the row.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if runs else text
