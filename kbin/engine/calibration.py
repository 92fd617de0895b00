"""How long the steps of a run take on this machine, from a few batches of each."""

import time

import keras
import numpy as np

from kbin.engine.inputs import Inputs
from kbin.engine.runtimes import BATCH_SIZE, Runtime
from kbin.interruption import safe_point

_PASS_BATCHES = 3
_MOST_STEPS, _ENOUGH_SECONDS = 10, 0.3


def seconds_per_image(runtime: Runtime, images: Inputs) -> float:
    """Measures decoding and the frozen network on a few batches; the slower of the two sets the pace."""
    count = min(BATCH_SIZE, len(images))
    start = time.perf_counter()
    batch = images.take(np.arange(count))
    decoding = (time.perf_counter() - start) / count
    safe_point()
    list(runtime.run([batch]))  # the first batch also allocates
    safe_point()
    start = time.perf_counter()
    list(runtime.run([batch] * _PASS_BATCHES))
    network = (time.perf_counter() - start) / (count * _PASS_BATCHES)
    return max(decoding, network)


def seconds_per_step(network: keras.Model, batch_size: int) -> float:
    """Measures training steps of a compiled network, or the tail of one, on random inputs; its weights come back."""
    weights = [keras.ops.convert_to_numpy(weight) for weight in network.weights]
    shape = (batch_size, *network.input.shape[1:])
    inputs = np.random.default_rng(0).random(shape, dtype=np.float32)
    num_outputs = network.output.shape[-1]
    labels = np.eye(max(2, num_outputs), dtype=np.float32)[np.arange(batch_size) % 2, -num_outputs:]
    safe_point()
    network.train_on_batch(inputs, labels)  # the first step also builds the optimizer
    start = time.perf_counter()
    steps = 0
    while steps < _MOST_STEPS and time.perf_counter() - start < _ENOUGH_SECONDS:
        safe_point()
        network.train_on_batch(inputs, labels)
        steps += 1
    seconds = (time.perf_counter() - start) / steps
    network.set_weights(weights)
    return seconds
