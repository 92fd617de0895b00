import numpy as np
import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.evaluation.thresholds import choose_threshold
from kbin.operating_point import ChoiceData
from kbin.results import SeedPredictions, evaluate_sets, evaluation_entry

CLASSES = ("no", "yes")
YOUDEN = EvaluationConfig()


def seed(number: int, **probabilities: list) -> SeedPredictions:
    return SeedPredictions(number, {name: np.array(values) for name, values in probabilities.items()})


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

    def test_the_oracle_is_the_best_of_each_seed_on_the_very_set(self, entry):
        # Seed 0 tells the classes apart between .3 and .6. Seed 1 does not: .35 finds 1 of 2 with 1 of 2 false alarms
        # (J = 0), .6 finds 1 of 2 without one and .2 both with 1 of 2 (J = 1/2 both): .6 lies nearer to .5.
        oracle = entry["operating_points"]["oracle"]
        assert oracle["threshold"] == pytest.approx((0.45 + 0.6) / 2)
        assert oracle["metrics"]["accuracy"] == pytest.approx((1 + 3 / 4) / 2)

    def test_nothing_costs_anything_unless_costs_are_given(self, entry):
        assert [point["cost"] for point in entry["operating_points"].values()] == [None, None, None]

    def test_costs_are_means_of_an_image_over_seeds(self):
        costs = {"false_positive": 2, "false_negative": 10}
        evaluation = EvaluationConfig.model_validate({"costs": costs, "threshold": {"criterion": "cost"}})
        points = evaluate_sets(LABELS, CLASSES, SEEDS, evaluation)["test"]["operating_points"]
        # Both kinds of threshold lie as with `youden`. Locked: a false alarm of seed 0, a miss of seed 1, 4 images
        # each; at .5 one miss of seed 1.
        assert points["locked"]["cost"] == pytest.approx((2 / 4 + 10 / 4) / 2)
        assert points["half"]["cost"] == pytest.approx((0 + 10 / 4) / 2)
        # The oracle of seed 1 now finds both positives, with one false alarm.
        assert points["oracle"]["cost"] == pytest.approx((0 + 2 / 4) / 2)

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
    found = evaluate_sets(
        {"test": y_true, "other": y_true}, CLASSES, seeds, YOUDEN, groups={"test": np.arange(60) // 4}
    )
    assert (found["test"]["num_groups"], found["other"]["num_groups"]) == (15, None)
    (low, high), (low_alone, high_alone) = (found[name]["intervals"]["accuracy"] for name in ("test", "other"))
    assert low < low_alone < high_alone < high


class TestOutOfFold:
    def test_one_threshold_is_chosen_on_all_rows_and_locked_for_all_seeds_and_sets(self):
        evaluation = EvaluationConfig.model_validate({"threshold": {"choose_on": "out_of_fold"}})
        # Two repeats of two images: the classes are told apart between .5 and .7.
        out_of_fold = ChoiceData(np.array([0, 1, 0, 1]), np.array([0.2, 0.9, 0.5, 0.7]))
        sets = evaluate_sets(LABELS, CLASSES, SEEDS, evaluation, out_of_fold)
        for one in sets.values():
            assert [row["threshold"] for row in one["per_seed"]] == [pytest.approx(0.6)] * 2

    def test_no_test_set_moves_the_threshold(self):
        other = LABELS | {"test": 1 - LABELS["test"]}
        thresholds = [evaluate_sets(labels, CLASSES, SEEDS, YOUDEN)["test"]["per_seed"] for labels in (LABELS, other)]
        assert [row["threshold"] for row in thresholds[0]] == [row["threshold"] for row in thresholds[1]]


def test_a_set_with_one_class_has_no_oracle():
    entry = evaluate_sets({"test": np.array([0, 0])}, CLASSES, [seed(0, test=[0.1, 0.9])], YOUDEN)["test"]
    assert list(entry["operating_points"]) == ["half", "locked"]


def test_the_oracle_of_a_fixed_threshold_is_that_of_youden():
    evaluation = EvaluationConfig.model_validate({"threshold": {"fixed": 0.9, "criterion": "accuracy"}})
    oracle = evaluate_sets(LABELS, CLASSES, SEEDS, evaluation)["test"]["operating_points"]["oracle"]
    thresholds = [choose_threshold(LABELS["test"], one.probabilities["test"], "youden").threshold for one in SEEDS]
    assert oracle["threshold"] == pytest.approx(np.mean(thresholds))


class TestCalibration:
    def test_error_brier_and_log_loss_stand_in_every_set_and_bins_hold_all_images(self, entry):
        calibration = entry["calibration"]
        assert calibration["brier"] == entry["metrics"]["brier"]
        assert calibration["log_loss"] == entry["metrics"]["log_loss"]
        assert sum(one["n"] for one in calibration["bins"]) == pytest.approx(4)
        assert "temperature" not in calibration

    def test_a_temperature_is_fitted_by_each_seed_on_its_validation_set(self):
        rng = np.random.default_rng(0)
        truth = rng.integers(0, 2, 400)
        # Logits twice and four times too large: the temperatures are about 2 and 4.
        logits = np.where(truth == 1, 0.5, -0.5) + rng.normal(size=400)
        seeds = [
            SeedPredictions(n, dict.fromkeys(("validation", "test"), 1 / (1 + np.exp(-factor * logits))))
            for n, factor in enumerate((2, 4))
        ]
        labels = {"validation": truth, "test": truth}
        evaluation = EvaluationConfig(temperature=True)
        entry = evaluate_sets(labels, CLASSES, seeds, evaluation)["test"]
        plain = evaluate_sets(labels, CLASSES, seeds, YOUDEN)["test"]
        calibration = entry["calibration"]
        assert calibration["temperature"] == pytest.approx(3, rel=0.25)
        assert calibration["ece_after"] < calibration["ece"] / 2
        assert calibration["log_loss_after"] < calibration["log_loss"]
        # Nothing else has changed by it.
        assert {**entry, "calibration": None} == {**plain, "calibration": None}

    def test_why_there_is_no_temperature_is_said(self):
        seeds = [seed(0, validation=[0.2, 0.8], test=[0.1, 0.3, 0.6, 0.8])]
        entry = evaluate_sets(LABELS, CLASSES, seeds, EvaluationConfig(temperature=True))["test"]
        assert "temperature" not in entry["calibration"]
        assert "told apart without an error" in entry["calibration"]["temperature_note"]

    def test_more_than_two_classes_are_judged_by_their_answer(self):
        # Stated .6, .5, .8; the first and the third come true: |.6 - 1|, |.5 - 0|, |.8 - 1| in bins of one image.
        rows = np.array([[0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
        labels = {"test": np.array([0, 1, 2])}
        entry = evaluate_sets(labels, ("a", "b", "c"), [SeedPredictions(0, {"test": rows})], YOUDEN)["test"]
        assert entry["calibration"]["ece"] == pytest.approx((0.4 + 0.5 + 0.2) / 3)


def test_the_run_says_where_its_threshold_comes_from_and_what_errors_cost():
    costs = {"false_positive": 1.0, "false_negative": 5.0}
    evaluation = EvaluationConfig.model_validate({"threshold": {"criterion": "cost"}, "costs": costs})
    assert evaluation_entry(evaluation, LABELS, CLASSES) == {
        "threshold": {"chosen_on": "validation", "criterion": "cost", "sensitivity": None, "note": ""},
        "costs": costs,
    }
    assert evaluation_entry(YOUDEN, LABELS, ("a", "b", "c")) == {"threshold": None, "costs": None}


def test_every_set_has_its_baselines(entry):
    assert entry["baselines"]["majority"]["accuracy"] == entry["metrics"]["majority_accuracy"]
    assert entry["baselines"]["random"]["accuracy"] == pytest.approx(0.5)
