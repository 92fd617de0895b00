"""What a linear head says of images that it was not trained on: scores and probabilities from folds."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler


def fold_numbers(labels: np.ndarray, groups: np.ndarray | None = None, num_folds: int = 5, seed: int = 0) -> np.ndarray:
    """Returns the fold that holds each image out, shape (n,), stratified by class.

    Args:
        labels: shape (n,).
        groups: shape (n,); images of one group are held out together.
        num_folds: Of them; each class needs as many images.
        seed: Of the order.
    """
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = np.empty(len(labels), np.int64)
    splitter = kind(num_folds, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(np.zeros((len(labels), 1)), labels, groups)):
        folds[held_out] = number
    return folds


def out_of_fold_scores(features: np.ndarray, targets: np.ndarray, folds: np.ndarray, ridge: float = 0.1) -> np.ndarray:
    """Returns ridge regressions' values of images that they were not fitted on; many targets cost little more than one.

    Args:
        features: shape (n, num_features), of about equal variances.
        targets: shape (n,) or (n, num_targets): 0 and 1, or -1 and 1, say.
        folds: shape (n,), as `fold_numbers` returns them.
        ridge: The penalty, as a share of the features' mean sum of squares.

    Returns:
        The shape of `targets`.
    """
    columns = targets.reshape(len(targets), -1).astype(np.float64)
    scores = np.empty_like(columns)
    for number in np.unique(folds):
        inside, outside = folds != number, folds == number
        x = features[inside].astype(np.float64)
        mean, middle = x.mean(axis=0), columns[inside].mean(axis=0)
        x -= mean
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] += ridge * np.trace(gram) / len(gram) + 1e-12
        weights = np.linalg.solve(gram, x.T @ (columns[inside] - middle))
        scores[outside] = (features[outside].astype(np.float64) - mean) @ weights + middle
    return scores.reshape(targets.shape)


def out_of_fold_probabilities(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, inverse_penalty: float = 1.0
) -> np.ndarray:
    """Returns the probabilities of a logistic regression on standardised features that did not see the image.

    Args:
        features: shape (n, num_features).
        labels: shape (n,), 0 to num_classes - 1, each in every fold's training part.
        folds: shape (n,), as `fold_numbers` returns them.
        inverse_penalty: scikit-learn's `C`.

    Returns:
        shape (n, num_classes).
    """
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    for number in np.unique(folds):
        inside, outside = folds != number, folds == number
        scaler = StandardScaler().fit(features[inside])
        head = LogisticRegression(C=inverse_penalty, max_iter=300)
        head.fit(scaler.transform(features[inside]), labels[inside])
        probabilities[np.ix_(outside, head.classes_)] = head.predict_proba(scaler.transform(features[outside]))
    return probabilities
