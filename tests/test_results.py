import numpy as np
import pytest

from kbin.config.experiment import ThresholdConfig
from kbin.results import SeedPredictions, evaluate_sets, locked_threshold

CLASSES = ("no", "yes")
YOUDEN = ThresholdConfig()


def seed(number: int, **probabilities: list) -> SeedPredictions:
    return SeedPredictions(number, {name: np.array(values) for name, values in probabilities.items()})


class TestThreshold:
    def test_a_fixed_one_holds_whatever_the_validation_set_says(self):
        labels, scores = np.array([0, 1]), np.array([0.1, 0.2])
        assert locked_threshold(ThresholdConfig(fixed=0.9), labels, scores) == 0.9

    def test_it_is_chosen_on_the_validation_set(self):
        # Both classes are told apart between 0.2 and 0.3, midway at 0.25.
        labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])
        assert locked_threshold(YOUDEN, labels, scores) == pytest.approx(0.25)

    def test_the_criterion_decides(self):
        # Youden at .35 finds 1 of 2 positives without a false alarm (J = 1/2); at .05 it finds both with 2 of 5 false
        # alarms (J = 3/5). Accuracy: 6 of 7 right at .35, 5 of 7 at .05.
        labels = np.array([0, 0, 0, 0, 1, 0, 1])
        scores = np.array([0.01, 0.02, 0.03, 0.2, 0.1, 0.3, 0.4])
        assert locked_threshold(YOUDEN, labels, scores) == pytest.approx(0.065)
        assert locked_threshold(ThresholdConfig(criterion="accuracy"), labels, scores) == pytest.approx(0.35)

    def test_two_columns_are_judged_by_the_positive_one(self):
        labels, scores = np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]])
        assert locked_threshold(YOUDEN, labels, scores) == pytest.approx(0.2)

    def test_it_is_one_half_without_a_validation_set(self):
        assert locked_threshold(YOUDEN, None, None) == 0.5

    def test_it_is_one_half_where_the_validation_set_has_one_class(self):
        assert locked_threshold(YOUDEN, np.array([1, 1]), np.array([0.1, 0.2])) == 0.5

    def test_it_is_one_half_for_more_than_two_classes(self):
        assert locked_threshold(YOUDEN, np.array([0, 1, 2]), np.full((3, 3), 1 / 3)) == 0.5


LABELS = {"validation": np.array([0, 1]), "test": np.array([0, 0, 1, 1])}
# Seed 0: threshold (.1 + .3) / 2 = .2, so the test set's answers are 0 1 1 1. Seed 1: (.6 + .8) / 2 = .7: 0 0 0 1.
SEEDS = (
    seed(0, validation=[0.1, 0.3], test=[0.1, 0.3, 0.6, 0.8]),
    seed(1, validation=[0.6, 0.8], test=[0.1, 0.4, 0.3, 0.8]),
)


@pytest.fixture
def entry():
    return evaluate_sets(LABELS, CLASSES, SEEDS, YOUDEN)["test"]


class TestTwoClasses:
    def test_every_seed_is_judged_at_the_threshold_of_its_own_validation_set(self, entry):
        first, second = entry["per_seed"]
        assert (first["seed"], second["seed"]) == (0, 1)
        assert (first["threshold"], second["threshold"]) == (pytest.approx(0.2), pytest.approx(0.7))
        assert first["confusion"] == [[1, 1], [0, 2]]
        assert second["confusion"] == [[2, 0], [1, 1]]

    def test_metrics_are_the_means_over_seeds(self, entry):
        metrics = entry["metrics"]
        assert metrics["accuracy"] == pytest.approx((3 / 4 + 3 / 4) / 2)
        assert metrics["precision"] == pytest.approx((2 / 3 + 1) / 2)
        assert metrics["recall"] == pytest.approx((1 + 1 / 2) / 2)
        assert metrics["specificity"] == pytest.approx((1 / 2 + 1) / 2)
        assert metrics["roc_auc"] == pytest.approx((1 + 3 / 4) / 2)
        assert entry["confusion"] == [[1.5, 0.5], [0.5, 1.5]]

    def test_the_spread_is_the_standard_deviation_over_seeds(self, entry):
        # Of two values a and b it is |a - b| / sqrt(2).
        assert entry["spread"]["roc_auc"] == pytest.approx(0.25 / 2**0.5)
        assert entry["spread"]["accuracy"] == pytest.approx(0)

    def test_counts_and_classes_are_there(self, entry):
        assert (entry["n"], entry["positives"]) == (4, 2)
        assert set(entry["per_class"]) == {"no", "yes"}
        assert entry["per_class"]["no"]["recall"] == pytest.approx((1 / 2 + 1) / 2)

    def test_one_half_stands_beside_the_threshold_in_force(self, entry):
        # At .5: seed 0 answers 0 0 1 1, all right; seed 1 answers 0 0 0 1, three of four.
        points = entry["operating_points"]
        assert points["half"]["threshold"] == 0.5
        assert points["half"]["metrics"]["accuracy"] == pytest.approx((1 + 3 / 4) / 2)
        assert points["locked"]["threshold"] == pytest.approx(0.45)
        assert points["locked"]["metrics"] == entry["metrics"]

    def test_every_set_has_an_entry(self):
        assert list(evaluate_sets(LABELS, CLASSES, SEEDS, YOUDEN)) == ["validation", "test"]


def test_one_seed_has_no_spread():
    entry = evaluate_sets({"test": np.array([0, 1])}, CLASSES, [seed(0, test=[0.1, 0.9])], YOUDEN)["test"]
    assert entry["metrics"]["accuracy"] == 1
    assert entry["spread"]["accuracy"] is None


@pytest.mark.parametrize(
    ("scores", "beats"),
    [([0.1, 0.1, 0.1, 0.9], True), ([0.1, 0.1, 0.1, 0.1], False), ([0.1, 0.1, 0.9, 0.9], False), ([0.9] * 4, False)],
)
def test_a_model_must_be_right_more_often_than_the_most_frequent_class(scores, beats):
    """Three of the four images are negative, so always answering so is right 3 times: 4, 3, 3 and 1 are tried."""
    entry = evaluate_sets({"test": np.array([0, 0, 0, 1])}, CLASSES, [seed(0, test=scores)], YOUDEN)["test"]
    assert entry["metrics"]["majority_accuracy"] == 0.75
    assert entry["beats_majority"] is beats


def test_a_set_with_one_class_says_why_it_has_no_auc():
    entry = evaluate_sets({"test": np.array([0, 0])}, CLASSES, [seed(0, test=[0.1, 0.9])], YOUDEN)["test"]
    assert entry["metrics"]["roc_auc"] is None
    assert entry["undefined"]["roc_auc"] == "no image of this set is 'yes'"


def test_more_than_two_classes_have_no_operating_points():
    probabilities = [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.6, 0.2, 0.2]]
    entry = evaluate_sets({"test": np.array([0, 1, 2])}, ("a", "b", "c"), [seed(0, test=probabilities)], YOUDEN)["test"]
    assert entry["operating_points"] == {}
    assert entry["positives"] is None
    assert entry["metrics"]["accuracy"] == pytest.approx(2 / 3)
    assert entry["confusion"] == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_a_collapse_is_recorded_with_a_sentence_and_for_each_seed():
    """Three negatives, three positives: seed 0 answers "yes" throughout, seed 1 is right on all; the mean is .75."""
    labels = {"test": np.array([0, 0, 0, 1, 1, 1])}
    all_yes, right = [0.6, 0.6, 0.6, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9]
    both = evaluate_sets(labels, CLASSES, [seed(0, test=all_yes), seed(1, test=right)], YOUDEN)["test"]
    alone = evaluate_sets(labels, CLASSES, [seed(0, test=all_yes)], YOUDEN)["test"]

    assert both["collapsed"] is False
    assert "collapse" not in both
    assert [one["collapsed"] for one in both["per_seed"]] == [True, False]
    assert alone["collapsed"] is True
    assert alone["collapse"].startswith("accuracy 0.500 is not above 0.500, which always answering 'no' gets")


def test_the_training_set_can_collapse_too():
    entry = evaluate_sets({"train": np.array([0, 1])}, CLASSES, [seed(0, train=[0.1, 0.1])], YOUDEN)["train"]
    assert entry["collapsed"] is True


def test_every_set_has_intervals_around_its_numbers(entry):
    for name, (low, high) in entry["intervals"].items():
        assert low <= entry["metrics"][name] <= high, name
        if name not in ("mcc", "log_loss"):
            assert 0 <= low <= high <= 1, name
    assert set(entry["intervals"]) == set(entry["metrics"]) - {"majority_accuracy"}
    assert entry["interval_notes"][0].startswith("Only 2 images are 'no'")
    assert entry["num_groups"] is None


def test_the_training_set_has_no_resampled_ones():
    scores = [0.1, 0.3, 0.2, 0.9]
    entry = evaluate_sets({"train": LABELS["test"]}, CLASSES, [seed(0, train=scores)], YOUDEN)["train"]
    assert "f1" not in entry["intervals"]
    assert "roc_auc" in entry["intervals"]


def test_images_of_a_group_make_intervals_wider():
    y_true = np.arange(60) // 4 % 2
    scores = np.where(np.arange(60) % 24 < 4, 0.45 + 0.1 * (1 - y_true), 0.4 + 0.2 * y_true)
    seeds = [seed(0, test=scores, other=scores)]
    found = evaluate_sets({"test": y_true, "other": y_true}, CLASSES, seeds, YOUDEN, {"test": np.arange(60) // 4})
    assert (found["test"]["num_groups"], found["other"]["num_groups"]) == (15, None)
    (low, high), (low_alone, high_alone) = (found[name]["intervals"]["accuracy"] for name in ("test", "other"))
    assert low < low_alone < high_alone < high
