"""The names of the sets that a source may hold, and the other names that people give them."""

from kbin.errors import DataError

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# The key for images whose source names no set.
UNSPLIT = "unsplit"

_ALIASES = {
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "testing": TEST,
}
_LONGEST = 60
_STANDARD = (TRAIN, VALIDATION, TEST, UNSPLIT)


def set_name(text: str) -> str:
    """Returns the set that a folder, a cell or an array names; a name of one's own stays as it is written."""
    lowered = text.lower()
    return _ALIASES.get(lowered, lowered if lowered in _STANDARD else text)


def set_name_of_file(text: str, origin: str) -> str:
    """Returns the set that a table or an archive names; files of a run are called after it.

    Args:
        text: The name there.
        origin: What messages call the file.

    Raises:
        DataError: The name has a slash or a control character, or is too long for a file's name.
    """
    if not text.isprintable() or set(text) & {"/", "\\"} or len(text) > _LONGEST:
        raise DataError(
            f"{origin}: a set is called {text[:_LONGEST]!r}. Give it a name of at most {_LONGEST} letters without "
            "slashes: files are called after it."
        )
    return set_name(text)
