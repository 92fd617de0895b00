"""What a run depends on besides its settings: versions, device, processor, the commit."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from kbin.credentials import without_credentials

_PACKAGES = ("kbin", "keras", "torch", "numpy", "scikit-learn", "scipy", "pillow", "matplotlib", "openvino")


def describe_environment(device: str) -> dict[str, Any]:
    """Returns versions, device and processor as plain values for `environment.json`.

    Args:
        device: Where the networks run, such as "cpu" or "cuda:0".
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": available_cores(),
        "device": device,
        "packages": package_versions(),
        "commit": _commit(),
        "command": without_credentials(" ".join([Path(sys.argv[0]).name, *sys.argv[1:]])),
    }


def package_versions() -> dict[str, str]:
    """Returns the version of each installed package that decides on results."""
    return {name: version for name in _PACKAGES if (version := _version(name)) is not None}


def available_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str | None:
    """Returns the commit of the kbin checkout that runs, "-dirty" if changed since; None where it is not a checkout."""
    checkout = Path(__file__).parents[1]
    if not (checkout / ".git").exists():  # an installed kbin may lie inside somebody else's repository
        return None
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
