"""The section `evaluation`: what it takes, and one message a fault."""

import pytest

from kbin.config.evaluation import CRITERIA
from kbin.errors import ConfigError
from kbin.evaluation import thresholds
from kbin.experiment_file import dump_experiment
from tests.experiment_texts import SMALLEST, Load, loader

COSTS = "costs: {false_positive: 1, false_negative: 5}"


@pytest.fixture
def load(tmp_path) -> Load:
    return loader(tmp_path)


def evaluation(load: Load, text: str, before: str = ""):
    return load(f"{SMALLEST}{before}evaluation: {{{text}}}").evaluation


def test_the_criteria_are_those_that_a_threshold_can_be_chosen_by():
    assert tuple(row.name for row in thresholds.CRITERIA) == CRITERIA


def test_a_number_is_a_fixed_threshold(load):
    assert evaluation(load, "threshold: 0.4").threshold.fixed == 0.4


def test_the_criterion_and_what_it_is_chosen_on_are_named(load):
    threshold = evaluation(load, "threshold: {choose_on: validation, criterion: youden}").threshold
    assert (threshold.fixed, threshold.choose_on, threshold.criterion) == (None, "validation", "youden")


@pytest.mark.parametrize(
    ("written", "share"),
    [("{sensitivity: 0.9}", 0.9), ("{criterion: sensitivity}", 0.95), ("{criterion: sensitivity, sensitivity: 1}", 1)],
)
def test_a_wanted_sensitivity_is_a_criterion_by_itself(load, written, share):
    threshold = evaluation(load, f"threshold: {written}").threshold
    assert (threshold.criterion, threshold.sensitivity) == ("sensitivity", share)


def test_costs_and_temperature_stand_beside_the_threshold(load):
    one = evaluation(load, f"threshold: {{criterion: cost}}, {COSTS}, temperature: true")
    assert (one.costs.false_positive, one.costs.false_negative, one.temperature) == (1, 5, True)
    assert evaluation(load, COSTS).threshold.criterion == "youden"
    plain = load().evaluation
    assert (plain.costs, plain.temperature) == (None, False)


def test_out_of_fold_predictions_come_from_a_search(load):
    one = evaluation(load, "threshold: {choose_on: out_of_fold}", "search: {folds: 3}\n")
    assert one.uses_out_of_fold
    assert not load().evaluation.uses_out_of_fold


@pytest.mark.parametrize("text", [f"{COSTS}, threshold: {{criterion: cost}}", "threshold: {sensitivity: 0.9}"])
def test_the_resolved_settings_load_again_as_the_same(load, text):
    config = load(f"{SMALLEST}evaluation: {{{text}}}")
    assert load(dump_experiment(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("threshold: {criterion: yuden}", "evaluation.threshold.criterion: unknown criterion 'yuden'. Did you mean 'y"),
        ("threshold: {criterion: cost}", "evaluation: `criterion: cost` needs `costs: {false_positive: 1, false_negat"),
        ("threshold: {criterion: f1, sensitivity: 0.9}", "evaluation.threshold: `sensitivity` belongs to `criterion:"),
        ("threshold: {sensitivity: 0}", "evaluation.threshold.sensitivity: should be greater than 0; got 0"),
        ("threshold: {sensitivity: 1.5}", "evaluation.threshold.sensitivity: should be less than or equal to 1"),
        ("threshold: {choose_on: test}", "evaluation.threshold.choose_on: should be 'validation' or 'out_of_fold'"),
        ("threshold: {choose_on: out_of_fold}", "evaluation: `choose_on: out_of_fold` needs a section `search`"),
        ("costs: {false_positive: 1}", "evaluation.costs.false_negative: this key is required"),
        ("costs: {false_positive: -1, false_negative: 1}", "evaluation.costs.false_positive: should be greater than o"),
        (
            "costs: {false_positive: 1e300, false_negative: 1}",
            "evaluation.costs.false_positive: should be less than or",
        ),
        ("costs: {false_positive: 0, false_negative: 0}", "evaluation.costs: false positives and false negatives cost"),
        ("costs: {false_alarm: 1, false_positive: 1, false_negative: 1}", "evaluation.costs.false_alarm: unknown key"),
        ("temperature: 1.5", "evaluation.temperature: should be true or false; got 1.5"),
    ],
)
def test_each_fault_has_one_message_with_its_line(load, text, message):
    with pytest.raises(ConfigError) as caught:
        evaluation(load, text)
    first, fault = str(caught.value).splitlines()
    assert first.endswith(": 1 fault")
    assert fault.startswith(f"  line 8: {message}")


def test_a_model_that_is_not_searched_has_no_out_of_fold_predictions(load):
    models = "  - {id: plain, backbone: ResNet18, weights: none, search: false}\n"
    with pytest.raises(ConfigError, match=r"needs a search of every model, and `search: false` stands at plain"):
        evaluation(load, "threshold: {choose_on: out_of_fold}", f"{models}search: {{folds: 3}}\n")


def test_a_fault_of_the_search_is_not_said_twice(load):
    with pytest.raises(ConfigError, match="1 fault"):
        evaluation(load, "threshold: {choose_on: out_of_fold}", "search: {folds: one}\n")


def test_costs_of_positives_and_negatives_need_two_classes(load):
    text = SMALLEST.replace("[functional, defective]", "[a, b, c]").replace("  positive: defective\n", "")
    with pytest.raises(ConfigError, match=r"line 7: evaluation: `costs` belong to two classes, .*; here are 3"):
        load(f"{text}evaluation: {{{COSTS}}}")
