"""The vectorised bootstrap against a loop that gives scikit-learn one resample after the other."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from kbin.errors import DataError
from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.bootstrap import bootstrapped, metric_values, standard_error
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.resampling import num_resamples, resampled_weights

TWO, THREE = ("no", "yes"), ("a", "b", "c")


def drawn(num_classes, n=40, seed=0, levels=None):
    """Labels of all classes, probabilities (n,) or (n, num_classes); with `levels` there are many equal scores."""
    rng = np.random.default_rng(seed)
    y_true = np.concatenate([np.arange(num_classes), rng.integers(0, num_classes, n - num_classes)])
    logits = rng.normal(size=(n, num_classes))
    logits[np.arange(n), y_true] += 1
    if levels is not None:
        logits = np.round(logits * levels) / levels
    rows = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, rows[:, 1] if num_classes == 2 else rows


def answers(y_true, probabilities, num_classes, threshold=0.5):
    return ModelAnswers([probabilities], [threshold]).seeds(len(y_true), num_classes)[0]


def weighted_by_scikit_learn(y_true, probabilities, weights, num_classes):
    """The metrics of one resample, all classes occurring in it; of three classes the macro averages."""
    given = {"sample_weight": weights}
    if num_classes == 2:
        predicted, macro, labels = (probabilities >= 0.5).astype(int), {"zero_division": np.nan}, y_true
    else:
        predicted, macro = probabilities.argmax(axis=1), {"average": "macro", "zero_division": 0.0}
        labels = np.eye(3)[y_true]
    return {
        "accuracy": accuracy_score(y_true, predicted, **given),
        "balanced_accuracy": recall_score(y_true, predicted, average="macro", **given),
        "precision": precision_score(y_true, predicted, **macro, **given),
        "recall": recall_score(y_true, predicted, **macro, **given),
        "f1": f1_score(y_true, predicted, **macro, **given),
        "mcc": matthews_corrcoef(y_true, predicted, **given),
        "roc_auc": roc_auc_score(labels, probabilities, **given),
        "average_precision": average_precision_score(labels, probabilities, **given),
        "log_loss": log_loss(y_true, probabilities, **given),
        "brier": brier_score_loss(y_true, probabilities, **given),
    }


@pytest.mark.parametrize("classes", [TWO, THREE])
@pytest.mark.parametrize("levels", [None, 1])
def test_the_values_are_those_of_scikit_learn(classes, levels):
    y_true, probabilities = drawn(len(classes), levels=levels)
    expected = classification_metrics(y_true, probabilities, classes, 0.4).values
    found = metric_values(y_true, answers(y_true, probabilities, len(classes), 0.4))
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-12)
    assert set(expected) - set(found) == {"majority_accuracy"}


@pytest.mark.parametrize("classes", [TWO, THREE])
@pytest.mark.parametrize("is_grouped", [False, True])
def test_every_resample_has_the_metrics_of_its_weighted_images(classes, is_grouped):
    y_true, probabilities = drawn(len(classes), levels=2)
    groups = np.arange(40) // 3 if is_grouped else None
    (found,) = bootstrapped(y_true, [answers(y_true, probabilities, len(classes))], groups, 25)
    (weights,) = resampled_weights(y_true, groups, 25)
    for k in range(25):
        expected = weighted_by_scikit_learn(y_true, probabilities, weights[:, k], len(classes))
        for name, value in expected.items():
            assert found[name][k] == pytest.approx(value, abs=1e-9), (name, k)


def test_equal_scores_stand_in_for_near_ones_on_large_sets(monkeypatch):
    y_true, probabilities = drawn(2, 3_000)
    one = [answers(y_true, probabilities, 2)]
    (rough,) = bootstrapped(y_true, one, resamples=200)
    monkeypatch.setattr("kbin.evaluation.bootstrap._MOST_LEVELS", 10_000)
    (exact,) = bootstrapped(y_true, one, resamples=200)
    for name in ("roc_auc", "average_precision"):
        assert np.abs(rough[name] - exact[name]).max() > 0
        assert standard_error(rough[name]) == pytest.approx(standard_error(exact[name]), rel=0.01)


class TestResamples:
    Y = np.array([0, 0, 0, 1, 1, 2])

    def test_they_keep_the_counts_of_the_classes(self):
        weights = np.concatenate(list(resampled_weights(self.Y)), axis=1)
        assert weights.shape == (6, 2_000)
        for label, number in enumerate((3, 2, 1)):
            assert weights[label == self.Y].sum(axis=0) == pytest.approx(np.full(2_000, number))

    def test_each_image_weighs_one_on_average(self):
        weights = np.concatenate(list(resampled_weights(self.Y)), axis=1)
        assert weights.mean(axis=1) == pytest.approx(np.ones(6), abs=0.1)

    def test_they_are_the_same_at_every_call(self):
        first, second = (np.concatenate(list(resampled_weights(self.Y)), axis=1) for _ in range(2))
        assert (first == second).all()

    def test_the_images_of_a_group_come_together_within_the_class(self):
        groups = np.array([0, 0, 1, 2, 3, 4])
        (weights,) = resampled_weights(self.Y, groups, 500)
        assert (weights[0] == weights[1]).all()
        assert weights[[0, 2]].sum(axis=0) == pytest.approx(np.full(500, 2))
        assert weights[[3, 4]].sum(axis=0) == pytest.approx(np.full(500, 2))

    def test_groups_of_several_classes_are_drawn_from_all_groups(self):
        groups = np.array([0, 1, 2, 0, 1, 2])
        (weights,) = resampled_weights(self.Y, groups, 500)
        assert (weights[:3] == weights[3:]).all()
        assert weights[:3].sum(axis=0) == pytest.approx(np.full(500, 3))

    def test_the_standard_error_of_a_small_class_is_not_too_small(self):
        # Of the mean of five values: their standard deviation with n - 1, by the root of 5.
        y_true, values = np.zeros(5, dtype=int), np.array([1.0, 2.0, 4.0, 7.0, 11.0])
        weights = np.concatenate(list(resampled_weights(y_true)), axis=1)
        # 2,000 resamples know it to 1.6 %.
        assert (values @ weights / 5).std() == pytest.approx(values.std(ddof=1) / 5**0.5, rel=0.05)

    def test_an_image_that_is_alone_in_its_class_stays(self):
        weights = np.concatenate(list(resampled_weights(self.Y)), axis=1)
        assert (weights[5] == 1).all()

    def test_a_large_set_comes_in_pieces_and_has_fewer(self):
        assert num_resamples(100) == num_resamples(5_000) == 2_000
        assert num_resamples(10_000) == 1_000
        assert num_resamples(1_000_000) == 500
        y_true = np.repeat([0, 1], 15_000)
        chunks = list(resampled_weights(y_true, None, 50))
        assert len(chunks) == 3
        assert sum(chunk.shape[1] for chunk in chunks) == 50


def test_the_standard_error_is_that_of_scipys_bootstrap():
    y_true, scores = drawn(2, 150)
    predicted = (scores >= 0.5).astype(int)
    positive, negative = predicted[y_true == 1], predicted[y_true == 0]

    def f1(found, alarms, axis=-1):
        hits = found.sum(axis=axis)
        return 2 * hits / (hits + alarms.sum(axis=axis) + found.shape[axis])

    assert f1(positive, negative) == pytest.approx(f1_score(y_true, predicted))
    expected = bootstrap((positive, negative), f1, n_resamples=4_000, method="percentile", rng=1).standard_error
    (found,) = bootstrapped(y_true, [answers(y_true, scores, 2)])
    # Each is known to 1.6 % and 1.1 %.
    assert standard_error(found["f1"]) == pytest.approx(expected, rel=0.08)


class TestCorners:
    def test_where_no_image_is_called_positive_precision_alone_is_undefined(self):
        y_true, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])
        (found,) = bootstrapped(y_true, [answers(y_true, scores, 2)], resamples=20)
        assert np.isnan(found["precision"]).all()
        assert standard_error(found["precision"]) is None
        assert (found["f1"] == 0).all()
        assert (found["mcc"] == 0).all()

    def test_resamples_without_a_positive_answer_are_left_out(self):
        y_true, scores = np.repeat([0, 1], [6, 4]), np.array([0.1] * 6 + [0.9] + [0.2] * 3)
        (found,) = bootstrapped(y_true, [answers(y_true, scores, 2)])
        # One image of four is called positive: (3/4)^3 of the resamples, of three draws each, have none.
        assert np.isnan(found["precision"]).mean() == pytest.approx(0.422, abs=0.04)
        assert standard_error(found["precision"]) == 0

    @pytest.mark.parametrize(("y_true", "scores"), [([1, 1, 1], [0.2, 0.6, 0.7]), ([0], [0.2])])
    def test_one_class_or_one_image_leaves_undefined_what_needs_two(self, y_true, scores):
        y_true = np.array(y_true)
        found = metric_values(y_true, answers(y_true, np.array(scores), 2))
        expected = classification_metrics(y_true, np.array(scores), TWO).values
        assert found == pytest.approx({name: expected[name] for name in found})
        (draws,) = bootstrapped(y_true, [answers(y_true, np.array(scores), 2)], resamples=10)
        assert np.isnan(draws["roc_auc"]).all()

    def test_a_class_that_a_resample_misses_leaves_no_macro_average(self):
        y_true, rows = np.array([0, 1, 1, 1]), np.full((4, 3), 1 / 3)
        found = metric_values(y_true, answers(y_true, rows, 3))
        assert {name for name, value in found.items() if value is not None} == {"accuracy", "mcc", "log_loss", "brier"}


class TestAnswers:
    def test_two_columns_and_one_are_the_same_model(self):
        y_true, scores = drawn(2)
        rows = np.column_stack([1 - scores, scores])
        for one in (scores, scores[:, None], rows):
            found = answers(y_true, one, 2, 0.3)
            assert (found.predicted == (scores >= 0.3)).all()
            assert found.scores == pytest.approx(scores)

    def test_every_seed_needs_a_threshold(self):
        with pytest.raises(DataError, match="got 2 seeds and 1 thresholds"):
            ModelAnswers([[0.1], [0.2]], [0.5])
        with pytest.raises(DataError, match="got 0 seeds"):
            ModelAnswers([], [])

    def test_logits_are_refused(self):
        with pytest.raises(DataError, match="probabilities from 0 to 1"):
            ModelAnswers([np.array([0.1, 3.0])], [0.5]).seeds(2, 2)
