"""Text that may be printed: what came from files must not steer a terminal."""


def printable(text: str) -> str:
    r"""Returns text with escapes for what cannot be printed: a file's name may steer a terminal, or be no UTF-8.

    Such a byte stands as \udce9, as `write_whole` has it in files.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def printable_lines(text: str) -> str:
    """Returns text as `printable` does, with its line ends as they are."""
    return "\n".join(map(printable, text.split("\n")))
