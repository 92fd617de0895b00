"""A disk of some kilobytes, to fill: a file system in memory, where the tests may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def can_mount(folder: Path) -> bool:
    """Returns whether this process may mount a disk."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with small_disk(folder, 64):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mounts a disk over an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _call("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        yield
    finally:
        _call("umount", "--lazy", str(folder))  # lazy: stored features may still be mapped


def resize(folder: Path, kilobytes: int) -> None:
    """Makes room on a small disk."""
    _call("mount", "-o", f"remount,size={kilobytes}k", str(folder))


def make_read_only(folder: Path) -> None:
    """Lets nobody write to a small disk any more."""
    _call("mount", "-o", "remount,ro", str(folder))


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
