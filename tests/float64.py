"""Keras in float64, where no rounding hides a difference."""

from collections.abc import Iterator

import keras
import pytest
import torch
from keras.src.backend.common import dtypes


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes Keras compute in float64, which it does on TensorFlow only: elsewhere products come out as float32."""
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")  # Keras fixes it at its first use, which may be an earlier test's
    torch.set_default_dtype(torch.float64)
    assert keras.ops.matmul(torch.ones(1, 1), torch.ones(1, 1)).dtype == torch.float64
    yield
    torch.set_default_dtype(torch.float32)
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
