"""Predictions of images whose true classes are known: metrics at the threshold in force, with intervals."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from kbin.data.wording import counted
from kbin.deploy.prediction_pass import PredictedBatch
from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.intervals import set_intervals
from kbin.evaluation.metrics import classification_metrics
from kbin.metric_names import metric_row

_SHOWN = ("accuracy", "precision", "recall", "f1", "roc_auc")


class LabelEvaluation:
    """Collects labels and probabilities, of which an image takes some bytes; images without a label do not count.

    Args:
        classes: The model's; of two the positive one last.
        threshold: In force; None for more than two classes.
    """

    def __init__(self, classes: Sequence[str], threshold: float | None):
        self._classes, self._threshold = tuple(classes), threshold
        self._places = {name: place for place, name in enumerate(classes)}
        self._labels, self._probabilities = array("l"), array("d")
        self._unlabelled = 0

    def add(self, batch: PredictedBatch[tuple[str, str]]) -> None:
        """Takes a batch of images; its items are path and true class, "" where that is not known."""
        truths = [truth for (_, truth), fault in zip(batch.items, batch.faults, strict=True) if not fault]
        for truth, row in zip(truths, batch.probabilities, strict=True):
            if truth:
                self._labels.append(self._places[truth])
                self._probabilities.extend(row.tolist())
            else:
                self._unlabelled += 1

    def as_dict(self) -> dict[str, Any] | None:
        """Returns metrics and intervals as plain values; None where no image had a label."""
        if not self._labels:
            return None
        labels = np.array(self._labels)
        probabilities = np.array(self._probabilities).reshape(len(labels), -1)
        if len(self._classes) == 2:
            probabilities = probabilities[:, -1]
        threshold = 0.5 if self._threshold is None else self._threshold
        metrics = classification_metrics(labels, probabilities, self._classes, threshold)
        intervals = set_intervals(metrics, labels, ModelAnswers([probabilities], [threshold]))
        return metrics.as_dict() | intervals.as_dict() | {"threshold": self._threshold, "unlabelled": self._unlabelled}

    def lines(self) -> list[str]:
        """Returns what a person reads."""
        found = self.as_dict()
        if found is None:
            return ["no image had a label, so nothing was evaluated"]
        where = "" if self._threshold is None else f" at the threshold {self._threshold:.4g}"
        lines = [f"{counted(found['n'], 'image')} with a label{where}, 95 % intervals over images:"]
        for name in _SHOWN:
            value, interval = found["metrics"][name], found["intervals"].get(name)
            if value is None:
                lines.append(f"  {metric_row(name).title:<10} none: {found['undefined'][name]}")
            else:
                ends = "" if interval is None else f"  [{interval[0]:.3f}, {interval[1]:.3f}]"
                lines.append(f"  {metric_row(name).title:<10} {value:.3f}{ends}")
        lines += [f"  note: {note}" for note in found["interval_notes"]]
        if self._unlabelled:
            lines.append(f"  {counted(self._unlabelled, 'image')} had no label")
        return lines
