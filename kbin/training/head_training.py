"""The heads of one part, from their initial weights to what they answer."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from kbin.engine.sampling import epoch_size
from kbin.interruption import safe_point, with_safe_points
from kbin.training.class_weights import class_weights
from kbin.training.head_dropout import HeadDropout
from kbin.training.head_losses import HeadLoss
from kbin.training.head_samples import PartSamples
from kbin.training.head_settings import HeadData, HeadOutcome, Slot
from kbin.training.head_stack import Stack, gradients_of, logits_of
from kbin.training.head_stopping import HeadStopping, figure_of
from kbin.training.head_updates import decay, decay_of, learning_rates, new_update

Done = Callable[[int, HeadOutcome], None]


class PartTraining:
    """Trains the heads of one part together.

    Args:
        slots: Their trainings, in the order of their dropout rates; alike in what `together_key` names.
        weights: Initial ones, a row a slot.
        samples: What the part sees.
        part: Its positions and seed.
        classes: Class names in label order.
        loss: Of all heads.
    """

    def __init__(
        self,
        *,
        slots: Sequence[Slot],
        weights: Stack,
        samples: PartSamples,
        part: HeadData,
        classes: Sequence[str],
        loss: HeadLoss,
    ):
        common, dtype = slots[0].training, weights.flat.dtype
        self._slots, self._samples, self._part, self._loss = list(slots), samples, part, loss
        self._batch_size, self._sampling = common.batch_size, common.sampling
        self._num_steps = -(-epoch_size(samples.train_labels, self._sampling) // self._batch_size)
        self._weights, self._gradients = weights, weights.zeros()
        self._update = new_update(common.optimizer, weights)
        self._dropout = HeadDropout([slot.settings.dropout for slot in slots], part.seed, dtype)
        self._decays = torch.tensor([decay_of(slot.training) for slot in slots], dtype=dtype)
        self._class_weights = _class_weight_rows(slots, samples.train_labels, classes).to(dtype)
        # A decay of 0 and a weight of 1 change nothing, so that these may speak for all heads.
        self._decays_any, self._weighs_any = bool(self._decays.any()), bool((self._class_weights != 1).any())
        self._targets = torch.eye(len(classes), dtype=dtype)[int(loss.output == "sigmoid") :]
        self._stopping = self._new_stopping()

    def run(self, done: Done) -> None:
        """Trains until every head is done.

        Args:
            done: Is told the place of a head, among those that were given, and what became of it.
        """
        epoch = 0
        while self._slots:
            epoch += 1
            self._train_epoch(epoch)
            ended = self._end_epoch(epoch, done)
            if ended:
                self._keep([row for row in range(len(self._slots)) if row not in ended])

    def _new_stopping(self) -> HeadStopping | None:
        settings, positions = self._slots[0].training.early_stopping, self._part.validation
        if settings is None or positions is None:
            return None
        labels = self._samples.labels(positions)
        figure = figure_of(settings.monitor, labels, self._targets[:, torch.from_numpy(labels)], self._loss)
        return HeadStopping(settings, figure, self._weights)

    def _train_epoch(self, epoch: int) -> None:
        positions = self._samples.order(self._part.seed, epoch, self._sampling)
        rates = torch.from_numpy(learning_rates([slot.training for slot in self._slots], self._num_steps, epoch))
        for step in range(self._num_steps):
            safe_point()
            batch = positions[step * self._batch_size : (step + 1) * self._batch_size]
            self._step((epoch - 1) * self._num_steps + step, batch, rates[step])

    def _step(self, number: int, positions: np.ndarray, rates: torch.Tensor) -> None:
        features, batch_labels = self._samples.training(positions)
        labels = torch.from_numpy(batch_labels)
        targets = self._targets[:, labels]
        weights = self._class_weights[:, labels] if self._weighs_any else None
        gradients_of(
            self._weights,
            features,
            self._dropout,
            number,
            lambda logits: self._loss.gradient(logits, targets, weights),
            into=self._gradients,
        )
        if self._decays_any:
            decay(self._weights, rates * self._decays)
        self._update.step(self._weights, self._gradients, rates)

    def _end_epoch(self, epoch: int, done: Done) -> list[int]:
        """Asks the heads that are done after this epoch, and returns the rows that need no more training."""
        last = [epoch == slot.training.epochs for slot in self._slots]
        if self._stopping is None:
            rows = [row for row, slot in enumerate(self._slots) if epoch in slot.heads]
            ended = [row for row in rows if last[row]]
            epochs, weights = [epoch] * len(rows), self._weights.rows(rows)
        else:
            stops = self._stopping.watch(
                epoch, self._probabilities(self._weights, self._part.validation), self._weights
            )
            rows = ended = np.flatnonzero(stops | last).tolist()
            epochs, weights = self._stopping.kept(rows, epoch, self._weights)
        if rows:
            for row, outcome in zip(rows, self._outcomes(rows, epochs, weights), strict=True):
                for head in self._slots[row].done_after(epoch):
                    done(head, outcome)
        return ended

    def _outcomes(self, rows: Sequence[int], epochs: Sequence[int], weights: Stack) -> list[HeadOutcome]:
        held_out = self._probabilities(weights, self._part.held_out)
        validation = self._probabilities(weights, self._part.validation)
        has_validation = self._part.validation is not None
        finite = np.isfinite(held_out).all(axis=(1, 2)) & np.isfinite(validation).all(axis=(1, 2))
        return [
            HeadOutcome(
                epoch,
                _as_keras_gives(held_out[place]),
                _as_keras_gives(validation[place]) if has_validation else None,
                None if finite[place] else _diverged(self._slots[row]),
            )
            for place, (row, epoch) in enumerate(zip(rows, epochs, strict=True))
        ]

    def _probabilities(self, weights: Stack, positions: np.ndarray | None) -> np.ndarray:
        """Returns what heads answer to samples of the problem, shape (num_heads, num_outputs, n)."""
        nothing = weights.biases[-1].new_zeros(*weights.biases[-1].shape, 0)
        blocks = [] if positions is None else self._samples.blocks(positions)
        answers = [self._loss.probabilities(logits_of(weights, block)) for block in with_safe_points(blocks)]
        return torch.cat([nothing, *answers], dim=2).numpy()

    def _keep(self, rows: Sequence[int]) -> None:
        chosen = list(rows)
        self._slots = [self._slots[row] for row in rows]
        self._weights, self._gradients = self._weights.rows(rows), self._gradients.rows(rows)
        self._update, self._dropout = self._update.rows(rows), self._dropout.rows(rows)
        self._decays, self._class_weights = self._decays[chosen], self._class_weights[chosen]
        if self._stopping is not None:
            self._stopping.keep_rows(rows)


def _class_weight_rows(slots: Sequence[Slot], labels: np.ndarray, classes: Sequence[str]) -> torch.Tensor:
    """Returns the weight of each class for each head, shape (num_heads, num_classes), float32 like Keras's targets."""
    rows = [class_weights(slot.training.class_weight, labels, classes) for slot in slots]
    return torch.tensor(np.array([np.ones(len(classes)) if row is None else row for row in rows], np.float32))


def _as_keras_gives(probabilities: np.ndarray) -> np.ndarray:
    """Returns shape (n,) for one output, else (n, num_outputs), from shape (num_outputs, n)."""
    return probabilities[0].copy() if len(probabilities) == 1 else np.ascontiguousarray(probabilities.T)


def _diverged(slot: Slot) -> str:
    rate = slot.training.rate(trains_backbone=False)
    return f"training diverged at learning rate {rate:g}: the head's outputs are not numbers any more."
