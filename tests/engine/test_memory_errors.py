import errno
from collections.abc import Callable

import numpy as np
import pytest
import torch

from kbin.engine.features import predict_inputs
from kbin.engine.inputs import ArrayInputs
from kbin.engine.memory_errors import InSmallerBatches, is_out_of_memory
from kbin.engine.runtimes import TorchRuntime
from tests.networks import calibrated_classifier, random_images

_TORCH_ON_A_CPU = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4000000000000 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError(_TORCH_ON_A_CPU),
        RuntimeError("Exception from src/inference/src/cpp/infer_request.cpp:223:\nstd::bad_alloc"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_errors_of_memory_are_recognised(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.ENOSPC, "full"), ValueError("memory")])
def test_other_errors_are_not(error):
    assert not is_out_of_memory(error)


def test_what_torch_and_numpy_raise_is_recognised():
    for ask in (lambda: torch.empty(10**15), lambda: np.empty(10**15)):
        with pytest.raises(Exception, match="allocate") as raised:
            ask()
        assert is_out_of_memory(raised.value)


def _limited(most: int, sizes: list[int]) -> Callable[[np.ndarray], np.ndarray]:
    def doubled(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError
        return batch * 2

    return doubled


def test_a_batch_that_is_too_large_is_computed_in_halves_and_so_are_later_ones():
    sizes: list[int] = []
    function = InSmallerBatches(_limited(3, sizes))
    np.testing.assert_array_equal(function(np.arange(11)), np.arange(0, 22, 2))
    assert sizes == [11, 6, 3, 3, 3, 2]
    np.testing.assert_array_equal(function(np.arange(7)), np.arange(0, 14, 2))
    assert sizes[6:] == [3, 3, 1]


def test_one_sample_that_is_too_large_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        InSmallerBatches(_limited(0, []))(np.arange(4))


def test_predictions_and_features_in_parts_are_those_of_whole_batches(monkeypatch):
    images = random_images(10)
    model = calibrated_classifier("SmallCNN")
    expected = predict_inputs(model, ArrayInputs(images), 10)
    features = list(TorchRuntime(model, "float32").run([images]))
    refused = []
    call = type(model).__call__

    def limited(self, inputs, *arguments, **settings):
        if len(inputs) > 3:
            refused.append(len(inputs))
            raise torch.OutOfMemoryError
        return call(self, inputs, *arguments, **settings)

    monkeypatch.setattr(type(model), "__call__", limited)
    np.testing.assert_allclose(predict_inputs(model, ArrayInputs(images), 10), expected, atol=1e-6)
    np.testing.assert_allclose(list(TorchRuntime(model, "float32").run([images])), features, atol=1e-6)
    assert refused == [10, 5] * 2
    assert np.ptp(expected) > 0.01
