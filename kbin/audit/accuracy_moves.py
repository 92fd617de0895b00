"""How far accuracies move if labels of test images are wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from kbin.audit.inputs import AuditedSet
from kbin.evaluation.answers import ModelAnswers


@dataclass(frozen=True)
class AccuracyMove:
    """Of one model on one set, means over seeds.

    Attributes:
        set_name: The set.
        model: Its id.
        num_suspects: Suspects in the set.
        as_labelled: Accuracy with the labels as they are.
        relabelled: With every suspect labelled as it looks.
        removed: Without the suspects; None where nothing is left.
    """

    set_name: str
    model: str
    num_suspects: int
    as_labelled: float
    relabelled: float
    removed: float | None

    @property
    def share_of_errors(self) -> float:
        """The share of the model's errors that relabelling ends, 0 to 1."""
        errors = 1 - self.as_labelled
        return max(0.0, self.relabelled - self.as_labelled) / errors if errors > 0 else 0.0


def accuracy_moves(
    one: AuditedSet,
    num_classes: int,
    thresholds: Mapping[str, np.ndarray],
    suspects: np.ndarray,
    looks_like: np.ndarray,
) -> list[AccuracyMove]:
    """Returns an entry a model.

    Args:
        one: The set.
        num_classes: Number of classes.
        thresholds: Model id -> shape (num_seeds,), in force; not used for more than two classes.
        suspects: shape (n,), whether the image is one.
        looks_like: shape (n,), the class that a suspect would be given.
    """
    changed = np.where(suspects, looks_like, one.labels)
    moves = []
    for model, probabilities in one.probabilities.items():
        in_force = thresholds[model] if num_classes == 2 else np.full(len(probabilities), 0.5)
        answers = [
            seed.predicted for seed in ModelAnswers(list(probabilities), list(in_force)).seeds(len(one), num_classes)
        ]
        kept = ~suspects
        moves.append(
            AccuracyMove(
                one.name,
                model,
                int(suspects.sum()),
                fmean(float((said == one.labels).mean()) for said in answers),
                fmean(float((said == changed).mean()) for said in answers),
                fmean(float((said == one.labels)[kept].mean()) for said in answers) if kept.any() else None,
            )
        )
    return moves
