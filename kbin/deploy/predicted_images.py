"""What is said of one image, and its columns: in CSV, in JSON lines, in a table of pandas'."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.deploy.prediction_pass import PredictedBatch
from kbin.errors import KbinError
from kbin.evaluation.temperature import with_temperature
from kbin.model_description import ModelDescription

_DISTANCE, _UNLIKE = "training_distance", "unlike_training"


@dataclass(frozen=True, eq=False)
class Naming:
    """The model's own words for what it says, and the threshold in force.

    Attributes:
        description: Of the model.
        threshold: For two classes; None for more.
        has_novelty: Whether unlike images are told.
        has_truth: Whether there is a column of true classes.
    """

    description: ModelDescription
    threshold: float | None
    has_novelty: bool
    has_truth: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return [
            "path",
            *(["y_true"] if self.has_truth else []),
            "probability",
            "label",
            *(["calibrated_probability"] if self.description.temperature is not None else []),
            *([_DISTANCE, _UNLIKE] if self.has_novelty else []),
            "error",
            *self._class_columns(),
        ]

    def rows(self, batch: PredictedBatch[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """Yields a row an image: column -> value, None where an image has none.

        Args:
            batch: Its items are path and true class.
        """
        sound = self._sound_rows(batch)
        for (path, truth), fault in zip(batch.items, batch.faults, strict=True):
            row: dict[str, Any] = dict.fromkeys(self.columns)
            row["path"], row["error"] = path, fault
            if self.has_truth:
                row["y_true"] = truth
            if not fault:
                row |= next(sound)
            yield row

    def _sound_rows(self, batch: PredictedBatch[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        probabilities = batch.probabilities.astype(np.float64)
        if not len(probabilities):
            return
        scores, answers = self._scores(probabilities)
        columns: dict[str, Sequence[Any]] = {
            "probability": scores.tolist(),
            "label": [self.description.classes[index] for index in answers],
        }
        if self.description.temperature is not None:
            calibrated = with_temperature(probabilities, self.description.temperature)
            columns["calibrated_probability"] = self._scores(calibrated)[0].tolist()
        if batch.ratios is not None:
            columns |= {_DISTANCE: batch.ratios.tolist(), _UNLIKE: (batch.ratios > 1).tolist()}
        columns |= {name: column.tolist() for name, column in zip(self._class_columns(), probabilities.T, strict=False)}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))

    def _scores(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns probabilities of the positive class, or of the answer, and the answers' places, shape (k,) each."""
        if self.threshold is None:
            return probabilities.max(axis=1), probabilities.argmax(axis=1)
        positive = probabilities[:, -1]
        return positive, (positive >= self.threshold).astype(int)

    def _class_columns(self) -> list[str]:
        """Of more than two classes each has a column; one that is called as another column says that it is a class."""
        if self.threshold is not None:
            return []
        others = {"path", "y_true", "probability", "label", "calibrated_probability", _DISTANCE, _UNLIKE, "error"}
        return [f"class {name}" if name in others else name for name in self.description.classes]


def threshold_in_force(description: ModelDescription, given: float | None) -> float | None:
    """Returns the threshold that was given, or the locked one; None for more than two classes.

    Raises:
        KbinError: One was given that is no probability, or there are more than two classes.
    """
    if given is None:
        return None if description.threshold is None else description.threshold.value
    if description.threshold is None:
        raise KbinError(
            f"a threshold is for two classes; this model has {len(description.classes)}, and its answer is the "
            "likeliest. Leave the threshold out."
        )
    if not 0 <= given <= 1:
        raise KbinError(f"the threshold is {given:g}; it must be a probability, from 0 to 1.")
    return given
