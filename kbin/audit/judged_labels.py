"""What a simple classifier, trained on other images, says of each label."""

import numpy as np

from kbin.audit.confident_learning import Contradictions, contradictions
from kbin.audit.held_together import unit_folds
from kbin.audit.inputs import AuditInputs
from kbin.audit.linear_scores import out_of_fold_probabilities
from kbin.audit.wrong_label_rate import WrongLabelRate, wrong_label_rate

_INVERSE_PENALTY = 0.01
_UNITS_A_COMPONENT = 10
_LEAST_COMPONENTS = 8


class JudgedLabels:
    """The labels of frequent classes, over all sets, as one logistic head on the features judges them.

    The sets share the head: on small sets it knows more than one of their own would, and the first principal components
    of the features serve as well as all of them (`experiments/benchmarks/planted_label_noise.py`).

    Attributes:
        positions: shape (n,), places in `inputs.pooled`.
        labels: shape (n,), class indices of the data.
        looks_like: shape (n,), likewise.
        said: What contradicts the labels.
        disagrees: shape (n,), whether it looks like another class than its label.
        classes: The classes whose images are looked at.
        estimate: The rate of wrong labels, and what follows.
        num_units: Independent images among them.
    """

    def __init__(self, inputs: AuditInputs, unit_of: np.ndarray, classes: np.ndarray) -> None:
        """Trains the head.

        Args:
            inputs: With features.
            unit_of: shape (n of all sets,), as `units` returns them.
            classes: At least two, as `classes_with` returns them.
        """
        labels = inputs.pooled(lambda one: one.labels)
        self.positions = np.flatnonzero(np.isin(labels, classes))
        self.labels = labels[self.positions]
        _, inverse, counts = np.unique(unit_of[self.positions], return_inverse=True, return_counts=True)
        self.num_units = len(counts)
        codes = np.searchsorted(classes, self.labels)
        folds = unit_folds(codes, inputs.set_of[self.positions], inverse)
        components = max(_LEAST_COMPONENTS, self.num_units // _UNITS_A_COMPONENT)
        features = np.concatenate([one[:, :components] for one in inputs.reduced_features.values()])[self.positions]
        if not features.shape[1]:  # all images have the same features
            features = np.zeros((len(features), 1), np.float32)
        probabilities = out_of_fold_probabilities(features, codes, folds, _INVERSE_PENALTY)
        self.said: Contradictions = contradictions(probabilities, codes)
        self.looks_like = classes[self.said.looks_like]
        self.disagrees = self.looks_like != self.labels
        self.classes = classes
        self.estimate: WrongLabelRate = wrong_label_rate(
            self.said.margins, self.said.looks_like, codes, 1 / counts[inverse], len(classes)
        )

    def ranked(self, chosen: np.ndarray) -> np.ndarray:
        """Returns the chosen ones of the n, the most contradicted label first."""
        places = np.flatnonzero(chosen)
        return places[np.argsort(self.said.normalised_margin[places], kind="stable")]
