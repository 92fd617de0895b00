from math import atanh, log, sqrt

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.bootstrap import bootstrapped
from kbin.evaluation.intervals import auc_interval, set_intervals
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.proportions import wilson_interval
from kbin.evaluation.seed_means import mean_metrics
from kbin.metric_names import METRICS
from tests.evaluation.test_delong import all_pairs_covariance

CLASSES = ("functional", "defective")
Z = norm.ppf(0.975)


def found_for(y_true, seeds, classes=CLASSES, thresholds=None, **settings):
    thresholds = thresholds or [0.5] * len(seeds)
    per_seed = [classification_metrics(y_true, p, classes, t) for p, t in zip(seeds, thresholds, strict=True)]
    return set_intervals(mean_metrics(per_seed), y_true, ModelAnswers(seeds, thresholds), **settings)


def drawn(n=60, seed=0):
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % 3 % 2
    return y_true, np.clip(rng.normal(0.4 + 0.25 * y_true, 0.2), 0, 1)


def logit(value):
    return log(value / (1 - value))


class TestAuc:
    Y, SCORES = (1, 1, 1, 0, 0, 0), (0.9, 0.7, 0.3, 0.8, 0.2, 0.1)

    def test_it_is_symmetric_on_the_logit_scale(self):
        # Of nine pairs .7 and .3 under .8 are wrong.
        area = 7 / 9
        low, high = auc_interval(self.Y, [self.SCORES], area)
        reach = Z * sqrt(all_pairs_covariance(self.Y, self.SCORES, self.SCORES)) / (area * (1 - area))
        assert logit(high) - logit(area) == pytest.approx(reach)
        assert logit(area) - logit(low) == pytest.approx(reach)

    def test_several_seeds_share_the_mean_of_their_variances(self):
        seeds = [self.SCORES, (0.9, 0.7, 0.3, 0.5, 0.4, 0.1)]
        variance = sum(all_pairs_covariance(self.Y, scores, scores) for scores in seeds) / 2
        area = (7 / 9 + 7 / 9) / 2
        low, high = auc_interval(self.Y, seeds, area)
        assert logit(high) - logit(low) == pytest.approx(2 * Z * sqrt(variance) / (area * (1 - area)))

    @pytest.mark.parametrize("area", [None, 0.0, 1.0])
    def test_an_undefined_or_perfect_one_has_none(self, area):
        assert auc_interval([1, 1, 0, 0], [[0.9, 0.8, 0.2, 0.1]], area) is None

    def test_a_class_of_one_image_has_none(self):
        assert auc_interval([1, 0, 0], [[0.3, 0.6, 0.2]], 0.5) is None

    def test_near_the_end_it_stays_inside(self):
        rng = np.random.default_rng(0)
        y_true = np.repeat([0, 1], 200)
        wrong_order = np.clip(y_true * 0.6 + rng.random(400) * 0.45, 0, 1)
        wrong_order[[0, 399]] = 1.0, 0.0
        area = 1 - (200 + 200 - 1) / 200**2  # one negative above all positives, one positive below all negatives
        low, high = auc_interval(y_true, [wrong_order], area)
        assert 0.9 < low < area < high < 1


class TestShares:
    def test_the_counts_are_those_of_the_classes(self):
        # At .5: of 4 positives 3 are found, of 6 negatives 2 are called positive.
        y_true = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        scores = [0.9, 0.8, 0.7, 0.1, 0.6, 0.55, 0.4, 0.3, 0.2, 0.05]
        found = found_for(y_true, [scores]).by_metric
        for name, successes, trials in (
            ("accuracy", 7, 10),
            ("precision", 3, 5),
            ("recall", 3, 4),
            ("specificity", 4, 6),
        ):
            expected = binomtest(successes, trials).proportion_ci(method="wilson")
            assert found[name] == pytest.approx((expected.low, expected.high)), name
        # Balanced accuracy: half of both distances.
        (recall_low, _), (specificity_low, _) = found["recall"], found["specificity"]
        expected = (3 / 4 + 4 / 6) / 2 - sqrt((3 / 4 - recall_low) ** 2 + (4 / 6 - specificity_low) ** 2) / 2
        assert found["balanced_accuracy"][0] == pytest.approx(expected)

    def test_seeds_are_not_counted_as_more_images(self):
        # Accuracies 3/4 and 1/2; precisions 1 of 1 and 1 of 2.
        found = found_for([1, 1, 0, 0], [[0.9, 0.4, 0.3, 0.2], [0.9, 0.4, 0.6, 0.2]]).by_metric
        assert found["accuracy"] == wilson_interval(0.625, 4)
        assert found["precision"] == wilson_interval(0.75, 1.5)

    def test_each_seed_is_judged_at_its_own_threshold(self):
        y_true, scores = [1, 1, 0, 0], [0.9, 0.4, 0.3, 0.2]
        found = found_for(y_true, [scores, scores], thresholds=[0.35, 0.95]).by_metric
        assert found["recall"] == wilson_interval(0.5, 2)


class TestBootstrap:
    def test_every_metric_has_one(self):
        y_true, scores = drawn()
        found = found_for(y_true, [scores])
        assert list(found.by_metric) == [row.name for row in METRICS if not row.is_baseline]
        values = classification_metrics(y_true, scores, CLASSES).values
        assert all(low < values[name] < high for name, (low, high) in found.by_metric.items())

    @pytest.mark.parametrize(
        ("name", "scale"),
        [("f1", logit), ("average_precision", logit), ("mcc", atanh), ("log_loss", log), ("brier", log)],
    )
    def test_it_reaches_as_far_to_both_sides_on_the_metrics_scale(self, name, scale):
        y_true, scores = drawn()
        value = classification_metrics(y_true, scores, CLASSES).values[name]
        (draws,) = bootstrapped(y_true, ModelAnswers([scores], [0.5]).seeds(60, 2))
        step = 1e-6
        reach = Z * draws[name].std(ddof=1) * (scale(value + step) - scale(value - step)) / (2 * step)
        low, high = found_for(y_true, [scores]).by_metric[name]
        assert (scale(low), scale(high)) == pytest.approx((scale(value) - reach, scale(value) + reach), rel=1e-4)

    def test_seeds_share_the_mean_of_their_variances(self):
        (y_true, first), (_, second) = drawn(seed=0), drawn(seed=1)
        seeds = [first, second]
        draws = bootstrapped(y_true, ModelAnswers(seeds, [0.5, 0.5]).seeds(60, 2))
        error = sqrt(sum(one["f1"].var(ddof=1) for one in draws) / 2)
        mean = sum(classification_metrics(y_true, one, CLASSES).values["f1"] for one in seeds) / 2
        low, high = found_for(y_true, seeds).by_metric["f1"]
        assert logit(high) - logit(low) == pytest.approx(2 * Z * error / (mean * (1 - mean)), rel=1e-5)

    def test_more_classes_have_all_but_the_baseline(self):
        rng = np.random.default_rng(0)
        y_true, rows = np.arange(90) % 3, rng.dirichlet(np.ones(3), 90)
        rows = 0.8 * rows + 0.2 * np.eye(3)[y_true]
        found = found_for(y_true, [rows], ("a", "b", "c"))
        assert list(found.by_metric) == [row.name for row in METRICS if not row.is_baseline]

    def test_without_resamples_only_the_others_are_there(self):
        found = found_for(*(lambda y, s: (y, [s]))(*drawn()), resamples=0)
        assert list(found.by_metric) == [
            "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "roc_auc"
        ]  # fmt: skip
        assert found.notes == found_for(*(lambda y, s: (y, [s]))(*drawn())).notes


class TestGroups:
    def test_images_that_are_groups_of_their_own_change_nothing(self):
        y_true, scores = drawn()
        alone = found_for(y_true, [scores])
        assert found_for(y_true, [scores], groups=[f"patient {k}" for k in range(60)]) == alone
        assert alone.num_groups is None

    def test_copies_of_an_image_in_a_group_change_next_to_nothing(self):
        y_true, scores = drawn(240)
        alone = found_for(y_true, [scores]).by_metric
        copies = found_for(y_true.repeat(3), [scores.repeat(3)], groups=np.arange(240).repeat(3))
        assert copies.num_groups == 240
        for name, (low, high) in copies.by_metric.items():
            # Groups are counted as n - 1 once, and resamples differ.
            assert (low, high) == pytest.approx(alone[name], abs=0.006, rel=0.02), name
        as_images = found_for(y_true.repeat(3), [scores.repeat(3)]).by_metric
        for name, (low, high) in as_images.items():
            assert high - low < 0.7 * (alone[name][1] - alone[name][0]), name

    def test_what_is_hard_about_a_group_of_both_classes_moves_recall_and_specificity_together(self):
        # 40 patients of 3 images a class; of every fourth all are answered wrongly. Independent halves would have
        # variances of 1 / 2 of a patient each way, together they are as wide as the accuracy of 40 patients.
        patients = np.arange(40).repeat(6)
        y_true = np.tile([0, 0, 0, 1, 1, 1], 40)
        scores = np.where((patients % 4 == 0) == (y_true == 1), 0.2, 0.8) + 0.001 * np.arange(240) / 240
        found = found_for(y_true, [scores], groups=patients).by_metric
        low, high = found["balanced_accuracy"]
        assert (high - low) == pytest.approx(found["accuracy"][1] - found["accuracy"][0], rel=0.1)

    def test_one_group_of_all_images_has_none_but_shares(self):
        y_true, scores = drawn()
        found = found_for(y_true, [scores], groups=["all"] * 60)
        assert found.by_metric["accuracy"] == wilson_interval(np.mean((scores >= 0.5) == y_true), 1)
        assert not {"roc_auc", "f1", "brier"} & set(found.by_metric)


class TestCorners:
    def test_what_is_undefined_has_none(self):
        # Precision is 0 of 1.
        found = found_for([0, 0, 0], [[0.1, 0.2, 0.7]]).by_metric
        assert set(found) == {"accuracy", "precision", "specificity", "log_loss", "brier"}

    def test_one_image_has_those_of_shares_only(self):
        found = found_for([1], [[0.7]]).by_metric
        assert set(found) == {"accuracy", "precision", "recall"}

    def test_perfect_answers_have_those_of_shares_only(self):
        y_true = np.repeat([0, 1], 60)
        found = found_for(y_true, [0.2 + 0.6 * y_true])
        assert set(found.by_metric) == {"accuracy", "balanced_accuracy", "precision", "recall", "specificity"}
        assert found.by_metric["accuracy"][1] == 1

    def test_equal_scores_have_none_of_the_order(self):
        found = found_for(np.repeat([0, 1], 60), [np.full(120, 0.3)])
        assert not {"roc_auc", "average_precision", "mcc", "f1"} & set(found.by_metric)
        assert found.as_dict()["num_groups"] is None
