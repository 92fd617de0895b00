"""Trained models that several tests use; read only."""

from pathlib import Path

import pytest

from tests.deploy.trained import THREE, trained_run


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `images` and a `run` on them, with a temperature."""
    folder = tmp_path_factory.mktemp("two")
    trained_run(folder, evaluation={"temperature": True})
    return folder


@pytest.fixture(scope="session")
def three_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `images` of three classes, and a `run` on them."""
    folder = tmp_path_factory.mktemp("three")
    trained_run(folder, THREE)
    return folder
