"""Every test starts from the same seed and leaves the person's own caches alone."""

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest

# Torch reads it when it is imported. Networks this small are no faster on several threads, and many times slower where
# other processes want the cores too.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _same_seed() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - Keras and scikit-learn draw from the global generator


@pytest.fixture(autouse=True, scope="session")
def _no_own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures that live longer than a test: they have no private caches yet."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        monkeypatch.setenv("KBIN_STORE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(autouse=True)
def _private_caches(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from, or written to, the caches of the person who runs the tests."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
    monkeypatch.setenv("KBIN_STORE", str(tmp_path_factory.mktemp("store")))
