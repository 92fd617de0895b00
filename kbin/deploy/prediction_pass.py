"""One pass over images: the engine's fast runtime up to the head, then the head, and how unlike training they are."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import keras
import numpy as np
import torch

from kbin.data.image_sources import MAX_PIXELS
from kbin.deploy.checked_precision import CheckedRuntime
from kbin.deploy.decoded_batches import AnyImage, DecodedBatch, decoded_batches
from kbin.engine.feature_store import NETWORKS, FeatureStore
from kbin.engine.memory_errors import InSmallerBatches
from kbin.engine.prefix import Cut
from kbin.engine.runtimes import BATCH_SIZE, Runtime, open_runtime, runtime_name
from kbin.evaluation.novelty import NoveltyMeasure
from kbin.interruption import safe_point
from kbin.model_description import ImageInput
from kbin.progress import Progress

Item = TypeVar("Item")
_NO_NUMBER = "the model's answer is no number"
_FEW_IMAGES = 256  # which torch has done before OpenVINO has converted a network


@dataclass(frozen=True, eq=False)
class PredictedBatch(Generic[Item]):
    """What a model says of some images in a row.

    Attributes:
        items: What was given, bad images among them.
        faults: What is wrong with each; "" where nothing is.
        probabilities: Of the sound ones, shape (k, 1) or (k, num_classes).
        ratios: How unlike training they are, as a share of the limit, shape (k,); None where nothing tells.
    """

    items: list[Item]
    faults: list[str]
    probabilities: np.ndarray
    ratios: np.ndarray | None


class PredictionPass:
    """A trained model that is run by one of the engine's runtimes.

    Args:
        parts: The model, cut below its head.
        wanted: What goes into it.
        novelty: What tells unlike images; None where there is nothing.
        runtime: What runs it up to the head.
    """

    def __init__(self, parts: Cut, wanted: ImageInput, novelty: NoveltyMeasure | None, runtime: Runtime):
        self.runtime = runtime
        self._wanted, self._novelty = wanted, novelty
        self._num_also = parts.num_also
        self._head = InSmallerBatches(lambda features: _probabilities(parts, features))

    def run(
        self, pairs: Iterable[tuple[Item, AnyImage]], max_pixels: int = MAX_PIXELS
    ) -> Iterator[PredictedBatch[Item]]:
        """Yields what the model says of all images, in order, batch by batch; only some batches are in memory.

        Args:
            pairs: Each item with its image.
            max_pixels: The most that an image may have; one with more is bad.
        """
        waiting: deque[DecodedBatch[Item]] = deque()

        def images() -> Iterator[np.ndarray]:
            for batch in decoded_batches(pairs, self._wanted, BATCH_SIZE, max_pixels):
                safe_point()
                waiting.append(batch)
                # A runtime gives features for each batch, in order: one without sound images gets a black one.
                yield batch.images if len(batch.images) else np.zeros((1, *batch.images.shape[1:]), np.uint8)

        for features in self.runtime.run(images()):
            batch = waiting.popleft()
            yield self._judged(batch, features[: len(batch.images)])

    def _judged(self, batch: DecodedBatch[Item], features: np.ndarray) -> PredictedBatch[Item]:
        probabilities = self._head(features) if len(features) else np.zeros((0, 1))
        faults = np.array(batch.faults, object)
        is_number = np.isfinite(probabilities).all(axis=1)
        faults[np.flatnonzero(faults == "")[~is_number]] = _NO_NUMBER
        # Up to there is what tells unlike images; where that is what enters the head, it is all there is.
        ratios = None if self._novelty is None else self._novelty.ratios(features[is_number, : self._num_also or None])
        return PredictedBatch(list(batch.items), faults.tolist(), probabilities[is_number], ratios)


def chosen_runtime(choice: str, number: int | None) -> str:
    """Returns the runtime that is meant on this machine: "torch" or "openvino".

    Args:
        choice: "auto", "torch" or "openvino".
        number: Of the images, where it is known: for few of them, "auto" converts nothing.

    Raises:
        MissingExtraError: OpenVINO is asked for but not installed.
    """
    is_few = number is not None and number < _FEW_IMAGES
    return "torch" if choice == "auto" and is_few else runtime_name(choice)


def open_pass(
    parts: Cut, wanted: ImageInput, novelty: NoveltyMeasure | None, name: str, precision: str, progress: Progress
) -> PredictionPass:
    """Returns what runs a model; where OpenVINO cannot take it, torch does, and a line says so.

    Args:
        parts: The model, cut below its head.
        wanted: What goes into it.
        novelty: What tells unlike images; None where there is nothing.
        name: "torch" or "openvino".
        precision: "float32", or "bfloat16", which is used as long as probabilities stay within 1e-2 of float32.
        progress: Where it is said that a network is converted, or that float32 takes the place of bfloat16.
    """
    networks = FeatureStore.of_this_machine().root / NETWORKS
    runtime = open_runtime(parts, name, precision, networks, progress)
    if precision == "bfloat16":
        exact = open_runtime(parts, name, "float32", networks, progress)
        runtime = CheckedRuntime(runtime, exact, lambda features: _probabilities(parts, features), progress)
    return PredictionPass(parts, wanted, novelty, runtime)


def _probabilities(parts: Cut, features: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return keras.ops.convert_to_numpy(parts.tail(features[:, parts.num_also :], training=False))
