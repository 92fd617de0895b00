import numpy as np
import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.errors import ConfigError
from kbin.operating_point import ChoiceData, fitted_temperature, locked_threshold, threshold_origin

YOUDEN = EvaluationConfig()
BOTH = np.array([0, 1])
SETS = {"train": BOTH, "validation": BOTH, "test": BOTH}
COSTS = {"false_positive": 1, "false_negative": 5}


def evaluation(**settings: object) -> EvaluationConfig:
    return EvaluationConfig.model_validate(settings)


def data(labels: list, probabilities: list) -> ChoiceData:
    return ChoiceData(np.array(labels), np.array(probabilities))


# Youden at .35 finds 1 of 2 positives without a false alarm (J = 1/2); at .065 it finds both with 2 of 5 false alarms
# (J = 3/5). Accuracy: 6 of 7 right at .35, 5 of 7 at .065. A miss that costs 5 false alarms: 5 at .35, 2 at .065; one
# that costs 1: 1 at .35, 2 at .065.
MIXED = data([0, 0, 0, 0, 1, 0, 1], [0.01, 0.02, 0.03, 0.2, 0.1, 0.3, 0.4])


class TestThreshold:
    def test_a_fixed_one_holds_whatever_the_data_says(self):
        assert locked_threshold(evaluation(threshold=0.9), data([0, 1], [0.1, 0.2])) == 0.9

    def test_it_is_chosen_on_the_data(self):
        # Both classes are told apart between 0.2 and 0.3, midway at 0.25.
        assert locked_threshold(YOUDEN, data([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])) == pytest.approx(0.25)

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"threshold": {"criterion": "youden"}}, 0.065),
            ({"threshold": {"criterion": "accuracy"}}, 0.35),
            ({"threshold": {"criterion": "cost"}, "costs": COSTS}, 0.065),
            ({"threshold": {"criterion": "cost"}, "costs": {"false_positive": 1, "false_negative": 1}}, 0.35),
            ({"threshold": {"sensitivity": 0.5}}, 0.35),
            ({"threshold": {"sensitivity": 0.95}}, 0.065),
        ],
    )
    def test_the_criterion_decides(self, settings, expected):
        assert locked_threshold(evaluation(**settings), MIXED) == pytest.approx(expected)

    def test_two_columns_are_judged_by_the_positive_one(self):
        assert locked_threshold(YOUDEN, data([0, 1], [[0.9, 0.1], [0.7, 0.3]])) == pytest.approx(0.2)

    def test_it_is_one_half_without_data(self):
        assert locked_threshold(YOUDEN, None) == 0.5

    def test_it_is_one_half_where_the_data_has_one_class(self):
        assert locked_threshold(YOUDEN, data([1, 1], [0.1, 0.2])) == 0.5

    def test_it_is_one_half_for_more_than_two_classes(self):
        assert locked_threshold(YOUDEN, ChoiceData(np.array([0, 1, 2]), np.full((3, 3), 1 / 3))) == 0.5


class TestOrigin:
    def test_it_is_fixed_or_chosen_by_a_criterion_on_the_data_that_the_file_names(self):
        fixed = threshold_origin(evaluation(threshold=0.3), SETS, ("a", "b"))
        chosen = threshold_origin(evaluation(threshold={"criterion": "f1"}), SETS, ("a", "b"))
        folds = threshold_origin(evaluation(threshold={"choose_on": "out_of_fold"}), SETS, ("a", "b"))
        assert [(one.chosen_on, one.criterion, one.note) for one in (fixed, chosen, folds)] == [
            ("fixed", None, ""),
            ("validation", "f1", ""),
            ("out_of_fold", "youden", ""),
        ]

    @pytest.mark.parametrize(
        ("sets", "reason"),
        [({"train": BOTH}, "no validation set"), ({"validation": np.array([1, 1])}, "of one class")],
    )
    def test_where_nothing_can_be_chosen_it_is_one_half_and_says_why(self, sets, reason):
        origin = threshold_origin(YOUDEN, sets, ("a", "b"))
        assert (origin.chosen_on, origin.criterion) == ("half", None)
        assert reason in origin.note

    def test_more_than_two_classes_have_no_threshold_and_no_such_costs(self):
        assert threshold_origin(YOUDEN, SETS, ("a", "b", "c")) is None
        with pytest.raises(ConfigError, match=r"evaluation: `costs` belong to two classes, .*; here are 3"):
            threshold_origin(evaluation(costs=COSTS), SETS, ("a", "b", "c"))


class TestTemperature:
    def test_there_is_none_unless_it_is_asked_for(self):
        assert fitted_temperature(YOUDEN, MIXED) is None

    def test_without_data_there_is_a_reason_instead(self):
        fitted = fitted_temperature(evaluation(temperature=True), None)
        assert (fitted.value, fitted.note) == (None, "No temperature: there is no validation set to fit it on.")
