"""Training steps that compute fewer samples at a time where memory runs out, and still update once a batch.

Keras's `gradient_accumulation_steps` would not be the same training: it takes the mean of the parts' gradients, which
is another one where the last batch is smaller, and carries an unfinished sum into the next epoch. Here one step is
split: each part's loss counts by its share of the batch, the gradients add up, and the optimizer moves once. Learning
rate, schedule and weight decay see no difference (`tests/training/test_out_of_memory.py`). BatchNorm that trains does:
its statistics are those of a part.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import torch

from kbin.engine.memory_errors import is_out_of_memory, release_memory
from kbin.errors import TrainingError


class SplitSteps:
    """The training function of a compiled model: the whole batch at once, in halves or less after memory ran out.

    A step that fails is taken again from where it began: the weights have not moved by then, and moving statistics,
    states of random layers and running metrics are put back. A run whose first step fails is therefore, number by
    number, one that computed that many samples at a time from its beginning.

    Args:
        model: A compiled model.
        micro_batch: Samples whose gradients are computed at a time; None takes the whole batch.
        say: Where it is said that memory ran out.
    """

    def __init__(self, model: keras.Model, micro_batch: int | None, say: Callable[[str], None]):
        self.micro_batch = micro_batch
        self._model, self._say = model, say
        self._moved: list[keras.Variable] | None = None

    def __call__(self, data: Any) -> dict[str, Any]:
        """Trains on one batch; `fit` calls it with the batch in a list."""
        while not self._has_gradients(keras.utils.unpack_x_y_sample_weight(data[0])):
            release_memory()
        model = self._model
        variables = model.trainable_weights
        with torch.no_grad():
            # Not taken again where memory runs out here: some weights would have moved.
            model.optimizer.apply([variable.value.grad for variable in variables], variables)
        return model.get_metrics_result()

    def _has_gradients(self, batch: Any) -> bool:
        """Computes the gradients of a batch; where memory runs out, sets a smaller part and undoes what was done."""
        count = len(batch[0])
        size = min(count, self.micro_batch or count)
        if self._moved is None:  # not before `fit` has built the metrics
            self._moved = _moved_by_forward_passes(self._model)
        before = [variable.value.detach().clone() for variable in self._moved]
        self._model.zero_grad()
        try:
            for start in range(0, count, size):
                part = tuple(None if values is None else values[start : start + size] for values in batch)
                self._add_gradients(part, min(size, count - start) / count)
            return True
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Outside the `except` block: the error's traceback, gone now, held the tensors of the step.
        self._model.zero_grad()
        for variable, value in zip(self._moved, before, strict=True):
            variable.assign(value)
        self._halve(count, size)
        return False

    def _add_gradients(self, part: tuple[Any, ...], share: float) -> None:
        """As Keras's own training step, but for the share of the loss."""
        model, (x, y, weights) = self._model, part
        outputs = model(x, training=True)
        loss = model._compute_loss(x=x, y=y, y_pred=outputs, sample_weight=weights, training=True)
        model._loss_tracker.update_state(loss, sample_weight=len(x))
        model.optimizer.scale_loss(loss if share == 1 else loss * share).backward()
        model.compute_metrics(x, y, outputs, sample_weight=weights)

    def _halve(self, count: int, size: int) -> None:
        if size == 1:
            raise TrainingError(
                "memory does not suffice to train on one image at a time: train fewer blocks (`train_blocks`), set "
                "`data.image_size` smaller, or take a smaller backbone."
            )
        self.micro_batch = -(-size // 2)
        self._say(
            f"memory ran out in a training step of {size if size < count else count} images. From here on gradients "
            f"are computed for {self.micro_batch} at a time and added up: the optimizer still moves once a batch, but "
            "BatchNorm that trains sees the smaller parts."
        )


@contextmanager
def split_steps(
    model: keras.Model, micro_batch: int | None = None, say: Callable[[str], None] = lambda text: None
) -> Iterator[SplitSteps]:
    """Has a compiled model's `fit` train by `SplitSteps` while the block runs; the model stays a plain one after it.

    Args:
        model: A compiled model.
        micro_batch: Samples whose gradients are computed at a time from the beginning; None takes whole batches.
        say: Where it is said that memory ran out.
    """
    steps = model.train_function = SplitSteps(model, micro_batch, say)
    try:
        yield steps
    finally:
        model.train_function = None


def _moved_by_forward_passes(model: keras.Model) -> list[keras.Variable]:
    """Returns moving statistics, states of random layers, and running metrics.

    Frozen layers hold weights, which need not be copied step by step, and nothing that a pass would move.
    """
    layers = [layer for layer in model._flatten_layers(include_self=False) if layer.trainable and not layer._layers]
    return [variable for layer in layers for variable in layer.non_trainable_variables] + model.metrics_variables
