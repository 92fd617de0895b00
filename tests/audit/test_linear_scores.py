import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kbin.audit.linear_scores import fold_numbers, out_of_fold_probabilities, out_of_fold_scores


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_every_fold_has_its_share_of_each_class(rng):
    labels = rng.permutation(np.repeat([0, 1], [40, 10]))
    folds = fold_numbers(labels)
    assert [np.bincount(labels[folds == number]).tolist() for number in range(5)] == [[8, 2]] * 5


def test_a_group_is_held_out_as_a_whole(rng):
    groups = np.repeat(np.arange(20), 4)
    folds = fold_numbers(rng.integers(0, 2, 80), groups)
    assert all(len(set(folds[groups == one].tolist())) == 1 for one in range(20))
    assert set(folds.tolist()) == set(range(5))


def test_scores_are_those_of_scikit_learns_ridge_without_the_held_out_fold(rng):
    features, targets = rng.normal(size=(60, 7)), rng.normal(size=(60, 2))
    folds = np.arange(60) % 3
    expected = np.empty_like(targets)
    for number in range(3):
        inside = folds != number
        centred = features[inside] - features[inside].mean(axis=0)
        penalty = 0.1 * (centred**2).sum() / 7
        expected[~inside] = Ridge(penalty).fit(features[inside], targets[inside]).predict(features[~inside])
    np.testing.assert_allclose(out_of_fold_scores(features, targets, folds), expected)
    np.testing.assert_allclose(out_of_fold_scores(features, targets[:, 0], folds), expected[:, 0])


def test_probabilities_are_those_of_scikit_learns_cross_val_predict(rng):
    features = rng.normal(size=(90, 5)) * [1, 10, 100, 1, 1] + 7
    labels = (features[:, 0] + rng.normal(size=90) > 7).astype(int) + (features[:, 3] > 8)
    folds = fold_numbers(labels)
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    expected = cross_val_predict(head, features, labels, cv=PredefinedSplit(folds), method="predict_proba")
    np.testing.assert_allclose(out_of_fold_probabilities(features, labels, folds), expected)


def test_features_that_are_constant_give_the_mean(rng):
    folds = np.array([0, 0, 1, 1])
    scores = out_of_fold_scores(np.ones((4, 3)), np.array([0.0, 1.0, 1.0, 1.0]), folds)
    np.testing.assert_allclose(scores, [1.0, 1.0, 0.5, 0.5])
