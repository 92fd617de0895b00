"""How much memory this process can still have on this machine, as far as the kernel says so."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_ROOT = Path("/")
_NO_LIMIT = 2**60  # cgroup v1 writes the largest multiple of a page where there is no limit


def available_memory(root: Path = _ROOT) -> int | None:
    """Returns the bytes that this process can still take; None where the machine does not say (not Linux).

    It is the smallest of: what the kernel has available, swap included; what the control groups (v2 or v1) of a
    container or job leave; and the limit of the process itself (`ulimit -v`).

    Args:
        root: Below which the kernel's files are; for tests.
    """
    left = [_machine(root), _address_space(root), *_control_groups(root)]
    return max(0, min(known)) if (known := [size for size in left if size is not None]) else None


def _machine(root: Path) -> int | None:
    sizes = _sizes(root / "proc/meminfo")
    available = sizes.get("MemAvailable")
    return None if available is None else available + sizes.get("SwapFree", 0)


def _address_space(root: Path) -> int | None:
    """Returns what the process's own limit leaves of its address space."""
    if sys.platform == "win32":
        return None
    import resource  # late: not on Windows

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _sizes(root / "proc/self/status").get("VmSize")
    return None if limit == resource.RLIM_INFINITY or used is None else limit - used


def _control_groups(root: Path) -> Iterator[int | None]:
    """Yields what each control group above the process leaves; inside a container it sees its own as the root."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folder, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            folder, names = (
                root / "sys/fs/cgroup/memory",
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            )
        else:
            continue
        own = Path(path.lstrip("/"))
        yield from (_left_by(folder / part, *names) for part in (own, *own.parents))


def _left_by(folder: Path, limit_name: str, used_name: str, droppable: str) -> int | None:
    limit, used = _text(folder / limit_name).strip(), _text(folder / used_name).strip()
    if not (limit.isdigit() and used.isdigit()) or int(limit) >= _NO_LIMIT:  # "max", or no such group
        return None
    counts = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if " " in line)
    return int(limit) - int(used) + int(counts.get(droppable, 0))  # pages of files count, but the kernel drops them


def _sizes(path: Path) -> Mapping[str, int]:
    """Returns the sizes of a file of lines such as "MemAvailable:   1024 kB", in bytes."""
    pairs = (line.split(":", 1) for line in _text(path).splitlines() if line.endswith(" kB"))
    return {name: int(size.split()[0]) * 1024 for name, size in pairs}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
