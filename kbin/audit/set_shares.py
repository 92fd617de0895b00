"""The shares of the classes of a test set: labelled, estimated without labels, and in training."""

from dataclasses import dataclass

import numpy as np

from kbin.audit.class_shares import SharesCompared
from kbin.audit.inputs import AuditedSet
from kbin.audit.label_shift import EstimatedShares

_LEVEL = 0.01  # of all test sets together, corrected
# Labels and images disagree where the estimate is as many standard errors away, and as many points.
_ERRORS_APART, _POINTS_APART = 3.0, 0.1


@dataclass(frozen=True, eq=False)
class SetShares:
    """One test set: its labelled shares beside those of the training set, and the estimates of each model.

    Attributes:
        of: The set.
        compared: With the training set.
        corrected: The p-value, corrected over the test sets.
        estimated: By the best model; None where nothing could be estimated.
        by_model: Model id -> shape (num_classes,), its estimate.
    """

    of: AuditedSet
    compared: SharesCompared
    corrected: float
    estimated: EstimatedShares | None
    by_model: dict[str, np.ndarray]

    @property
    def is_found(self) -> bool:
        """Whether the labelled shares differ by more than chance, and by enough to matter."""
        return self.corrected < _LEVEL and self.compared.does_matter

    @property
    def distance(self) -> float:
        """The largest difference of a labelled share, 0 to 1."""
        return float(np.abs(self.compared.first - self.compared.second).max())

    @property
    def farthest(self) -> int:
        """The class whose labelled share differs most; of two, the positive one."""
        differences = np.abs(self.compared.first - self.compared.second)
        return 1 if len(differences) == 2 else int(differences.argmax())

    @property
    def disagreeing(self) -> int | None:
        """The class whose labelled share is farthest from the estimate, where it is too far; of two, the positive."""
        if self.estimated is None:
            return None
        apart = np.abs(self.estimated.shares - self.compared.second)
        errors = np.maximum(self.estimated.errors, 1e-9)
        is_apart = (apart > _ERRORS_APART * errors) & (apart >= _POINTS_APART)
        if not is_apart.any():
            return None
        return 1 if len(apart) == 2 else int((apart * is_apart).argmax())
