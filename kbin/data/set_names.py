"""The names of the sets that a source may hold, and the other names that people give them."""

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# The key for images whose source names no set.
UNSPLIT = "unsplit"

_ALIASES = {
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "testing": TEST,
}
_STANDARD = (TRAIN, VALIDATION, TEST, UNSPLIT)


def set_name(text: str) -> str:
    """Returns the set that a folder, a cell or an array names; a name of one's own stays as it is written."""
    lowered = text.lower()
    return _ALIASES.get(lowered, lowered if lowered in _STANDARD else text)
