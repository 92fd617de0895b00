import numpy as np
import pytest
from scipy.stats import norm, t, ttest_ind
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.bootstrap import bootstrapped
from kbin.evaluation.comparison import compare_models
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.paired_tests import paired_accuracy, paired_auc
from kbin.metric_names import METRICS

CLASSES = ("no", "yes")
COMPARED = [row.name for row in METRICS if not row.is_baseline]


def model(y_true, distance, seeds=1, start=0, threshold=0.5):
    scores = [norm.cdf(np.random.default_rng([start, seed]).normal((y_true - 0.5) * distance)) for seed in range(seeds)]
    return ModelAnswers(scores, [threshold] * seeds)


@pytest.fixture(scope="module")
def y_true():
    return np.arange(300) % 3 % 2


@pytest.fixture(scope="module")
def models(y_true):
    return {
        "poor": model(y_true, 0.5, 3, 1),
        "good": model(y_true, 3.0, 3, 2),
        "as good": model(y_true, 3.0, 2, 3),
    }


@pytest.fixture(scope="module")
def found(y_true, models):
    return compare_models(y_true, models, CLASSES)


class TestPairs:
    def test_every_metric_has_all_pairs_in_the_order_of_the_models(self, found):
        assert list(found) == COMPARED
        for comparison in found.values():
            pairs = [pair.models for pair in comparison.pairs]
            assert pairs == [("poor", "good"), ("poor", "as good"), ("good", "as good")]

    def test_differences_are_those_of_the_means_over_seeds(self, found, y_true, models):
        means = {
            name: {
                metric: np.mean([classification_metrics(y_true, p, CLASSES).values[metric] for p in one.probabilities])
                for metric in COMPARED
            }
            for name, one in models.items()
        }
        for metric, comparison in found.items():
            for pair in comparison.pairs:
                first, second = pair.models
                assert pair.difference == pytest.approx(means[first][metric] - means[second][metric]), metric

    def test_accuracy_and_auc_have_their_own_tests(self, found, y_true, models):
        pair = found["accuracy"].pairs[0]
        right = [np.array([(p >= 0.5) == y_true for p in models[name].probabilities]) for name in pair.models]
        expected = paired_accuracy(*right)
        assert (pair.p_value, pair.interval, pair.differ_on) == (
            expected.p_value, expected.interval, expected.differ_on
        )  # fmt: skip
        expected = paired_auc(y_true, *(models[name].probabilities for name in pair.models))
        assert found["roc_auc"].pairs[0].p_value == expected.p_value

    def test_the_others_share_their_resamples(self, found, y_true, models):
        pair = found["f1"].pairs[2]
        means = []
        for name in pair.models:
            seeds = models[name].seeds(300, 2)
            means.append(np.mean([one["f1"] for one in bootstrapped(y_true, seeds)], axis=0))
        error = np.std(means[0] - means[1], ddof=1)
        assert pair.p_value == pytest.approx(2 * norm.sf(abs(pair.difference) / error))

    def test_what_could_have_been_shown_knows_images_seeds_and_the_number_of_pairs(self, found, y_true, models):
        pair = found["roc_auc"].pairs[0]
        scores = [models[name].probabilities for name in pair.models]
        values = [[roc_auc_score(y_true, seed) for seed in seeds] for seeds in scores]
        variances = [np.var(one, ddof=1) / len(one) for one in values]
        error = np.sqrt(paired_auc(y_true, *scores).error ** 2 + sum(variances))
        assert pair.detectable == pytest.approx((norm.ppf(1 - 0.025 / 3) + norm.ppf(0.8)) * error)

    def test_training_again_has_welchs_test(self, found, y_true, models):
        values = [
            [classification_metrics(y_true, p, CLASSES).values["f1"] for p in models[name].probabilities]
            for name in ("poor", "good")
        ]
        assert found["f1"].pairs[0].p_seeds == pytest.approx(ttest_ind(*values, equal_var=False).pvalue)

    @pytest.mark.parametrize("metric", COMPARED)
    def test_a_difference_counts_only_where_neither_images_nor_training_explain_it(self, found, metric):
        pairs = found[metric].pairs
        at_least = multipletests([max(pair.p_value, pair.p_seeds) for pair in pairs], method="holm")[1]
        assert all(pair.p_adjusted >= p * (1 - 1e-12) for pair, p in zip(pairs, at_least, strict=True))

    def test_nor_do_both_together(self, found, y_true, models):
        largest = []
        for pair in found["roc_auc"].pairs:
            scores = [models[name].probabilities for name in pair.models]
            values = [[roc_auc_score(y_true, seed) for seed in seeds] for seeds in scores]
            parts = [np.var(one, ddof=1) / len(one) for one in values]
            total = paired_auc(y_true, *scores).error ** 2 + sum(parts)
            freedom = total**2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, values, strict=True))
            largest.append(max(pair.p_value, pair.p_seeds, 2 * t.sf(abs(pair.difference) / total**0.5, freedom)))
        expected = multipletests(largest, method="holm")[1]
        assert [pair.p_adjusted for pair in found["roc_auc"].pairs] == pytest.approx(expected)

    def test_one_seed_says_nothing_of_training(self, y_true):
        found = compare_models(y_true, {"a": model(y_true, 3, 1, 1), "b": model(y_true, 0.2, 1, 2)}, CLASSES)
        (pair,) = found["accuracy"].pairs
        assert pair.p_seeds is None
        assert pair.p_adjusted == pair.p_value < 1e-6

    def test_one_seed_beside_two_counts_as_varying_like_them(self, y_true):
        found = compare_models(y_true, {"a": model(y_true, 3, 1, 1), "b": model(y_true, 0.2, 2, 2)}, CLASSES)
        (pair,) = found["accuracy"].pairs
        assert pair.p_seeds is None
        assert pair.p_adjusted > pair.p_value


class TestLetters:
    def test_the_best_has_a_and_what_cannot_be_told_apart_shares_it(self, found):
        letters = found["roc_auc"].letters
        assert letters == {"good": "a", "as good": "a", "poor": "b"}
        assert next(iter(letters)) != "poor"

    def test_where_lower_is_better_the_lowest_is_the_best(self, found):
        assert list(found["brier"].letters)[-1] == "poor"
        assert found["brier"].letters["poor"] == "b"

    def test_with_one_comparison_there_is_nothing_to_correct(self, y_true, models):
        (pair,) = compare_models(y_true, {name: models[name] for name in ("poor", "good")}, CLASSES)["brier"].pairs
        assert pair.p_adjusted == max(pair.p_value, pair.p_seeds)


class TestMethods:
    def test_they_are_named(self, found, y_true):
        assert found["accuracy"].method == "exact sign-flip test, mid-p"
        assert found["roc_auc"].method == "DeLong's paired test"
        assert found["f1"].method == "paired stratified bootstrap"
        single = {"a": model(y_true, 3, 1, 1), "b": model(y_true, 3, 1, 2)}
        assert compare_models(y_true, single, CLASSES)["accuracy"].method == "McNemar's test, mid-p"
        grouped = compare_models(y_true, single, CLASSES, np.arange(300) // 3)
        assert grouped["accuracy"].method == "exact sign-flip test, mid-p, by group"
        assert grouped["roc_auc"].method == "DeLong's paired test, by group (Obuchowski)"
        assert grouped["f1"].method == "paired bootstrap of whole groups"


class TestGroups:
    def test_images_that_are_groups_of_their_own_change_nothing(self, found, y_true, models):
        assert compare_models(y_true, models, CLASSES, np.arange(300)[::-1]) == found

    def test_copies_of_an_image_make_no_difference_surer(self, y_true):
        one = {"a": model(y_true, 2.0, 1, 1), "b": model(y_true, 1.6, 1, 2)}
        copies = {
            name: ModelAnswers([each.repeat(3) for each in answers.probabilities], answers.thresholds)
            for name, answers in one.items()
        }
        alone = compare_models(y_true, one, CLASSES)
        grouped = compare_models(y_true.repeat(3), copies, CLASSES, np.arange(300).repeat(3))
        for metric in COMPARED:
            first, second = alone[metric].pairs[0], grouped[metric].pairs[0]
            assert second.p_value == pytest.approx(first.p_value, abs=0.03), metric

    def test_one_group_tells_nothing(self, y_true, models):
        found = compare_models(y_true, models, CLASSES, ["all"] * 300)
        assert all(set(comparison.letters.values()) == {"a"} for comparison in found.values())


class TestCorners:
    def test_a_model_against_itself_cannot_be_told_apart(self, y_true, models):
        found = compare_models(y_true, {"a": models["good"], "b": models["good"]}, CLASSES)
        for comparison in found.values():
            (pair,) = comparison.pairs
            assert (pair.difference, pair.p_value, pair.p_adjusted) == (0, 1, 1)
            assert comparison.letters == {"a": "a", "b": "a"}

    def test_three_classes_have_all_metrics(self):
        rng = np.random.default_rng(0)
        y_true = np.arange(120) % 3
        sure, guess = 0.6 * rng.dirichlet(np.ones(3), 120) + 0.4 * np.eye(3)[y_true], rng.dirichlet(np.ones(3), 120)
        models = {"guess": ModelAnswers([guess], [0.5]), "sure": ModelAnswers([sure], [0.5])}
        found = compare_models(y_true, models, ("a", "b", "c"))
        assert list(found) == COMPARED
        assert found["roc_auc"].method == "paired stratified bootstrap"
        assert all(one.letters == {"sure": "a", "guess": "b"} for one in found.values())

    def test_a_set_with_one_class_compares_what_it_can(self):
        y_true = np.zeros(30, dtype=int)
        rng = np.random.default_rng(0)
        models = {name: ModelAnswers([rng.random(30)], [0.5]) for name in "ab"}
        found = compare_models(y_true, models, CLASSES)
        assert "roc_auc" not in found
        assert {"accuracy", "specificity", "log_loss", "brier"} <= set(found)

    def test_one_image_tells_nothing(self):
        models = {"right": ModelAnswers([[0.9]], [0.5]), "wrong": ModelAnswers([[0.1]], [0.5])}
        found = compare_models([1], models, CLASSES)
        assert found["accuracy"].pairs[0].p_value == 0.5
        assert all(set(comparison.letters.values()) == {"a"} for comparison in found.values())

    def test_a_metric_that_one_model_leaves_undefined_compares_the_others(self, y_true):
        models = {"a": model(y_true, 3, 1, 1), "b": model(y_true, 3, 1, 2), "never": model(y_true, 3, 1, 3, 1.1)}
        found = compare_models(y_true, models, CLASSES)
        assert [pair.models for pair in found["precision"].pairs] == [("a", "b")]
        assert set(found["precision"].letters) == {"a", "b"}
        assert len(found["recall"].pairs) == 3

    def test_one_model_has_nothing_to_be_compared_with(self, y_true):
        assert compare_models(y_true, {"a": model(y_true, 3)}, CLASSES) == {}
