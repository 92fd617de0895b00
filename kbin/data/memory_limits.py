"""A file that needs more memory than there is, is refused before it is read."""

from pathlib import Path

from kbin.errors import DataError
from kbin.machine_memory import available_memory

_GB = 10**9


def check_memory(path: Path, needed_bytes: int) -> None:
    """Raises a DataError that names both sizes where a file does not fit into memory.

    Args:
        path: The file.
        needed_bytes: What reading it takes.
    """
    available = available_memory()
    if available is not None and needed_bytes > available:
        raise DataError(
            f"{path} needs {needed_bytes / _GB:.1f} GB of memory, and {available / _GB:.1f} GB are available. "
            "Close other programs, use a machine with more memory, or give the images as a folder: they are then read "
            "one by one."
        )
