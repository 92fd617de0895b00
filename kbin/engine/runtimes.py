"""How the frozen prefix is run: by torch as Keras built it, or converted to OpenVINO, which reaches a CPU's limit."""

import importlib.util
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import torch

from kbin.engine.conversion import ConversionError, openvino_network
from kbin.engine.memory_errors import InSmallerBatches
from kbin.engine.prefix import Cut
from kbin.errors import MissingExtraError
from kbin.progress import Progress

if TYPE_CHECKING:
    import openvino

BATCH_SIZE = 32  # images; what the networks are fastest with on a CPU, and what a shard is a multiple of


class Runtime(Protocol):
    """Something that computes the prefix's features.

    Attributes:
        name: "torch" or "openvino".
        precision: "float32" or "bfloat16", of the arithmetic inside; the features are float32 either way.
    """

    name: str
    precision: str

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the features of each batch, in order.

        Args:
            batches: uint8 images, shape (up to BATCH_SIZE, height, width, 3).
        """
        ...


class TorchRuntime:
    """The Keras network itself, in inference mode: the same arithmetic, to the bit, as in uncut training."""

    name = "torch"

    def __init__(self, prefix: keras.Model, precision: str):
        self._prefix, self.precision = prefix, precision

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the features of each batch, in order."""
        yield from map(InSmallerBatches(self._features), batches)

    def _features(self, batch: np.ndarray) -> np.ndarray:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=self._is_reduced()):
            features = self._prefix(batch, training=False)
        return keras.ops.convert_to_numpy(features.to(torch.get_default_dtype()) if self._is_reduced() else features)

    def _is_reduced(self) -> bool:
        return self.precision == "bfloat16"


class OpenVinoRuntime:
    """The prefix converted to OpenVINO; two batches are in flight, so that all cores are busy."""

    name = "openvino"

    def __init__(self, network: "openvino.Model", precision: str, cache: Path):
        import openvino  # late: an extra

        self.precision = precision
        compiled = openvino.Core().compile_model(
            network,
            "CPU",
            {
                # OpenVINO would choose bfloat16 by itself where the processor has it.
                "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
                "PERFORMANCE_HINT": "THROUGHPUT",
            },
        )
        self._batch_shape = tuple(compiled.input(0).shape)
        self._requests = [
            compiled.create_infer_request() for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        ]

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the features of each batch, in order."""
        idle = deque(self._requests)
        busy: deque[tuple[Any, int]] = deque()
        for batch in batches:
            if not idle:
                yield self._finish(busy, idle)
            request = idle.popleft()
            request.start_async({0: self._padded(batch)})
            busy.append((request, len(batch)))
        while busy:
            yield self._finish(busy, idle)

    def _finish(self, busy: deque[tuple[Any, int]], idle: deque[Any]) -> np.ndarray:
        request, count = busy.popleft()
        request.wait()
        features = np.array(request.get_output_tensor(0).data[:count])
        idle.append(request)
        return features

    def _padded(self, batch: np.ndarray) -> np.ndarray:
        """The network is compiled for one batch size: the last batch is filled up with black."""
        if len(batch) == self._batch_shape[0]:
            return batch
        padded = np.zeros(self._batch_shape, np.uint8)
        padded[: len(batch)] = batch
        return padded


def runtime_name(choice: str) -> str:
    """Returns the runtime that `engine.runtime` stands for on this machine.

    Raises:
        MissingExtraError: OpenVINO is asked for but not installed.
    """
    has_openvino = importlib.util.find_spec("openvino") is not None
    if choice == "openvino" and not has_openvino:
        raise MissingExtraError(
            "`engine.runtime: openvino` needs the package openvino: `pip install 'kbin[fast]'`, or use `runtime: auto`."
        )
    if choice == "auto":
        return "openvino" if has_openvino and not torch.cuda.is_available() else "torch"
    return choice


def open_runtime(parts: Cut, name: str, precision: str, cache: Path, progress: Progress) -> Runtime:
    """Returns a runtime for a prefix; where OpenVINO cannot take it, torch, with one line that says so.

    Args:
        parts: The cut classifier.
        name: "torch" or "openvino".
        precision: "float32" or "bfloat16".
        cache: The folder in which converted networks are kept.
        progress: Where the line is said.
    """
    if name == "openvino":
        try:
            return OpenVinoRuntime(openvino_network(parts, cache, BATCH_SIZE, progress), precision, cache)
        except ConversionError as error:
            progress.say(f"  {parts.prefix.name} runs on torch: OpenVINO cannot take it ({error}).")
    return TorchRuntime(parts.prefix, precision)
