import numpy as np
import pytest

from kbin.audit.domain_classifier import DomainClassifier, about_class_means, domain_classifier
from kbin.audit.set_pairs import SetPair, rearranged


def _pair(labels: np.ndarray, is_second: np.ndarray, units: np.ndarray | None = None) -> SetPair:
    number = len(labels)
    return SetPair(
        ("train", "test"), np.arange(number), is_second, labels, np.arange(number) if units is None else units
    )


def _told(features: np.ndarray, pair: SetPair, number: int = 199) -> DomainClassifier:
    return domain_classifier(features, pair, rearranged(pair, number))


def test_two_normal_sets_are_told_apart_as_often_as_theory_says():
    rng = np.random.default_rng(0)
    pair = _pair(rng.integers(0, 2, 4_000), np.arange(4_000) < 2_000)
    features = rng.normal(size=(4_000, 3))
    features[:, 1] += 1.2 * pair.is_second

    told = _told(features, pair, 99)

    # Two normal distributions 1.2 apart: Phi(1.2 / sqrt(2)) = Phi(.8485) = .802.
    assert told.auc == pytest.approx(0.802, abs=0.02)
    assert told.p_value == pytest.approx(1 / 100)


def test_another_mix_of_the_classes_is_no_difference_but_is_seen():
    rng = np.random.default_rng(1)
    is_second = np.arange(1_000) < 500
    labels = (rng.random(1_000) < np.where(is_second, 0.8, 0.2)).astype(int)
    features = rng.normal(size=(1_000, 4))
    features[:, 0] += 3 * labels

    told = _told(features, _pair(labels, is_second))

    assert 0.44 < told.auc < 0.56
    assert told.p_value > 0.02
    assert told.auc_with_classes > 0.7


def test_it_says_within_which_class_the_sets_differ():
    rng = np.random.default_rng(2)
    labels, is_second = rng.integers(0, 2, 800), np.arange(800) < 400
    features = rng.normal(size=(800, 4))
    features[:, 3] += 2 * (is_second & (labels == 1))

    told = _told(features, _pair(labels, is_second))

    assert told.class_aucs[1] > 0.85
    assert told.class_p_values[1] == pytest.approx(1 / 200)
    assert told.class_aucs[0] < 0.6


def test_p_values_of_equal_sets_are_spread_evenly():
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pair = _pair(rng.integers(0, 2, 60), rng.permutation(60) < 20)
        p_values.append(_told(rng.normal(size=(60, 10)), pair, 99).p_value)

    # Of 60 even ones, 12 are expected below .2, with a deviation of 3.1.
    assert 3 <= sum(p < 0.2 for p in p_values) <= 21
    assert 0.38 < np.mean(p_values) < 0.62


def test_few_groups_that_differ_are_no_drift_where_groups_change_sides_whole():
    alone, together = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        units = np.repeat(np.arange(30), 10)
        features = rng.normal(size=(300, 8)) + rng.normal(size=(30, 8))[units]
        is_second = np.isin(units, rng.permutation(30)[:10])
        labels = np.zeros(300, int)
        alone.append(_told(features, _pair(labels, is_second), 99).p_value)
        together.append(_told(features, _pair(labels, is_second, units), 99).p_value)

    assert sum(p < 0.02 for p in together) <= 1
    # As if the images were independent, nearly every split by group is "drift".
    assert sum(p < 0.02 for p in alone) >= 5


def test_constant_features_tell_nothing():
    pair = _pair(np.arange(80) % 2, np.arange(80) < 40)

    for features in (np.ones((80, 3)), np.zeros((80, 0))):
        told = _told(features, pair)
        assert (told.auc, told.p_value) == (0.5, 1.0)


def test_about_class_means_takes_each_classes_own_mean_away():
    values = about_class_means(np.array([[1.0], [3.0], [10.0]]), np.array([0, 0, 1]))

    assert values[:, 0].tolist() == [-1.0, 1.0, 0.0]
