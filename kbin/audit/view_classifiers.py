"""Classifiers that learn the classes of the training set from a plain view, and what they say of the other sets."""

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kbin.audit.reduction import reduced

MOST_TRAINED_ON = 20_000  # images
_SEED = 0
_IMAGES_A_COMPONENT = 10
_LEAST_COMPONENTS = 8


def view_probabilities(
    views: Mapping[str, np.ndarray], train: str, labels: np.ndarray, chosen: np.ndarray, *, is_picture: bool
) -> dict[str, np.ndarray] | None:
    """Returns what a classifier says of each set but the training set; None where the view is the same everywhere.

    Colours go through a logistic regression on their principal components, facts through boosted trees, which take
    numbers without an order and missing ones as they are.

    Args:
        views: Set name -> shape (n, num_columns), NaN where a fact is not known.
        train: The name of the training set.
        labels: shape (n of the training set,), class indices.
        chosen: Places of the training set to learn from, of at least two classes.
        is_picture: Whether columns are colours.

    Returns:
        Set name -> shape (n, largest label + 1).
    """
    chosen = np.asarray(chosen)
    if len(chosen) > MOST_TRAINED_ON:
        chosen = np.sort(np.random.default_rng(_SEED).choice(chosen, MOST_TRAINED_ON, replace=False))
    if is_picture:
        components = max(_LEAST_COMPONENTS, len(chosen) // _IMAGES_A_COMPONENT)
        views = {name: one[:, :components] for name, one in reduced(views).items()}
    else:
        known = ~np.isnan(views[train][chosen]).all(axis=0)
        views = {name: one[:, known] for name, one in views.items()}
    x, y = views[train][chosen], labels[chosen]
    if not x.shape[1] or not (x != x[0]).any():
        return None
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)) if is_picture else _trees()
    classifier.fit(x, y)
    found = {}
    for name, one in views.items():
        if name != train:
            rows = np.zeros((len(one), int(labels.max()) + 1))
            if len(one):
                rows[:, classifier.classes_] = classifier.predict_proba(one)
            found[name] = rows
    return found


def _trees() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=_SEED)
