"""The programs that the README shows for exported models, and a Python that has only what they say they need."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

README = Path(__file__).parents[2] / "README.md"

# Runs a program as if nothing but some packages were installed.
_ALONE = """
import importlib.machinery, runpy, sys
allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names)
class Only(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        here = name.partition(".")[0] in allowed or name.startswith("_sysconfigdata")
        return super().find_spec(name, path, target) if here else None
sys.meta_path[:] = [importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, Only]
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def readme_program(reads: str) -> str:
    """Returns the program of the README that opens a file."""
    blocks = [part.partition("\n```")[0] for part in README.read_text(encoding="utf-8").split("```python\n")[1:]]
    (program,) = [block for block in blocks if f'"{reads}"' in block]
    return program


def run_alone(program: str, folder: Path, photo: Path, packages: Sequence[str]) -> np.ndarray:
    """Runs a program of the README in a folder, with some packages alone, and returns the probabilities it prints."""
    (folder / "label.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-c", _ALONE, ",".join(packages), "label.py", str(photo)]
    return printed(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False))


def printed(done: subprocess.CompletedProcess[str]) -> np.ndarray:
    """Returns the probabilities that a program has printed."""
    assert done.returncode == 0, done.stderr
    line = done.stdout.strip().splitlines()[-1]
    classes, probabilities, threshold = ast.literal_eval(f"[{line.replace('] [', '], [').replace('] {', '], {')}]")
    assert classes == ["good", "bad"]
    assert threshold["value"] == 0.4
    return np.array(probabilities)
