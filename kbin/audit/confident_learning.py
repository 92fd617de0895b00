"""Images whose label a head contradicts confidently.

Source:
    Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels".
"""

from dataclasses import dataclass

import numpy as np

_CLIP = 1e-9


@dataclass(frozen=True, eq=False)
class Contradictions:
    """What out-of-fold probabilities say of labels.

    Attributes:
        looks_like: shape (n,), the most probable class.
        own: shape (n,), probability of the label.
        margins: shape (n,), log ratio of the two largest probabilities: how sure the answer is, whatever the label.
        normalised_margin: shape (n,), probability of the label less the largest one of another class (section 3.2).
        confident: shape (n,), whether the image is off the diagonal of the confident joint.
    """

    looks_like: np.ndarray
    own: np.ndarray
    margins: np.ndarray
    normalised_margin: np.ndarray
    confident: np.ndarray


def contradictions(probabilities: np.ndarray, labels: np.ndarray) -> Contradictions:
    """Returns what contradicts the labels.

    A class's threshold is the mean probability of it among the images labelled so; an image counts for the most
    probable of the classes whose threshold it reaches (equation 1), and is off the diagonal where that is not its
    label.

    Args:
        probabilities: shape (n, num_classes), of images that the head did not see; each class has an image.
        labels: shape (n,), class indices.
    """
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -np.inf
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    thresholds = np.bincount(labels, weights=own, minlength=probabilities.shape[1]) / counts
    reached = np.where(probabilities >= thresholds, probabilities, -np.inf)
    ordered = np.log(np.maximum(np.sort(probabilities, axis=1)[:, -2:], _CLIP))
    return Contradictions(
        probabilities.argmax(axis=1),
        own,
        ordered[:, 1] - ordered[:, 0],
        own - others.max(axis=1),
        np.isfinite(reached.max(axis=1)) & (reached.argmax(axis=1) != labels),
    )
