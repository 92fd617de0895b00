"""Marks of tests that need KerasHub or KerasCV: `pytest -m extras` runs them where these are installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest


def _needing(package: str, extra: str) -> list[pytest.MarkDecorator]:
    is_missing = importlib.util.find_spec(package) is None
    return [pytest.mark.extras, pytest.mark.skipif(is_missing, reason=f"{package} is not installed (extra {extra})")]


# For `pytest.param(..., marks=...)`.
OF_KERAS_HUB, OF_KERAS_CV = _needing("keras_hub", "hub"), _needing("keras_cv", "cv")


def needs_keras_hub(test: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a test, or a class of tests, that builds Swin-Tiny."""
    return _marked(test, OF_KERAS_HUB)


def needs_keras_cv(test: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a test that uses a layer of KerasCV."""
    return _marked(test, OF_KERAS_CV)


def _marked(test: Callable[..., Any], marks: list[pytest.MarkDecorator]) -> Callable[..., Any]:
    for mark in marks:
        test = mark(test)
    return test
