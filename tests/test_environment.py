import subprocess
import sys
from pathlib import Path

import pytest

from kbin import environment


def test_it_names_versions_machine_and_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/kbin", "run", "cells.yaml"])
    described = environment.describe_environment("cpu")
    assert described["device"] == "cpu"
    assert described["command"] == "kbin run cells.yaml"
    assert described["cores"] == environment.available_cores() >= 1
    assert described["packages"]["numpy"] == __import__("numpy").__version__


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit, that of `kbin/environment.py`."""
    (tmp_path / "kbin").mkdir()
    (tmp_path / "kbin" / "environment.py").write_text("one\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_the_commit_of_a_checkout_is_named_and_whether_it_has_changed_since(checkout, monkeypatch):
    monkeypatch.setattr(environment, "__file__", str(checkout / "kbin" / "environment.py"))
    commit = git(checkout, "rev-parse", "HEAD")
    assert environment.describe_environment("cpu")["commit"] == commit
    (checkout / "kbin" / "environment.py").write_text("two\n")
    assert environment.describe_environment("cpu")["commit"] == f"{commit}-dirty"


def test_an_installed_kbin_does_not_name_the_commit_of_a_repository_around_it(checkout, monkeypatch):
    installed = checkout / ".venv" / "site-packages" / "kbin"
    installed.mkdir(parents=True)
    monkeypatch.setattr(environment, "__file__", str(installed / "environment.py"))
    assert environment.describe_environment("cpu")["commit"] is None
