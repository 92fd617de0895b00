"""Text for a terminal: at most 80 columns, and nothing in it that would steer the cursor."""

from rich.cells import cell_len, chop_cells

WIDTH = 80  # columns


def wrapped(text: str, indent: int = 0, hanging: int = 0) -> list[str]:
    """Returns text in lines of at most 80 columns, counted as a terminal shows them."""
    lines, line = [], " " * indent
    room = WIDTH - max(indent, hanging)
    words = [part for word in _harmless(text).split() for part in chop_cells(word, room)]
    for word in words:
        if line.strip() and cell_len(line) + 1 + cell_len(word) > WIDTH:
            lines.append(line)
            line = " " * hanging
        line += f" {word}" if line.strip() else word
    return [*lines, line] if line.strip() else lines


def _harmless(text: str) -> str:
    """Control characters in a class name must not steer the terminal."""
    return "".join(
        letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
