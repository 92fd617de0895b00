import json
import re
from dataclasses import replace

import numpy as np
import pytest

from kbin.audit.input_numbers import CHECK
from kbin.audit.input_statistics import InputStatistics
from tests.audit.audited import audit_inputs, audited_set

USUAL = InputStatistics(
    num_images=64,
    raw_mean=(120.0, 118.0, 110.0),
    raw_max=(255.0, 255.0, 254.0),
    dark_share=0.0,
    constant_share=0.0,
    grey_share=0.05,
    correlations=(0.95, 0.9, 0.96),
    mean=(-0.05, -0.07, -0.13),
    std=(0.5, 0.5, 0.5),
    min=(-1.0, -1.0, -1.0),
    max=(1.0, 1.0, 1.0),
    expected_mean=(-0.026, -0.084, -0.183),
    expected_std=(0.456, 0.446, 0.448),
    discrepancies={"as they are": 0.25, "inverted": 0.23, "BGR for RGB": 0.24},
)
RESCALED = replace(USUAL, raw_max=(1.0, 1.0, 1.0), dark_share=1.0)


def run(**models: InputStatistics):
    stored = {name: json.loads(json.dumps(one.as_dict())) for name, one in models.items()}
    return CHECK.run(audit_inputs(audited_set("train", np.array([0, 1])), input_numbers=stored))


def test_what_is_as_it_should_be_is_clean():
    outcome = run(fixed=USUAL)
    assert outcome.outcome == "clean"
    assert outcome.summary == (
        "What enters the first convolution is as it should be: 64 training images use values up to 255 of 255, with "
        "means of 120 / 118 / 110."
    )
    assert outcome.values["models"]["fixed"]["reading"] == "usual"
    json.dumps(outcome.values, allow_nan=False)


def test_a_misfit_that_is_a_third_less_the_other_way_round_is_no_finding():
    # Histology, as it should be, has .56, and .40 inverted.
    pink = replace(USUAL, discrepancies={"as they are": 0.56, "inverted": 0.40, "BGR for RGB": 0.55})
    assert run(fixed=pink).outcome == "clean"


@pytest.mark.parametrize(
    ("statistics", "severity", "words"),
    [
        (RESCALED, "high", "100% of 64 training images are black to the eye, and the largest value of all is 1 of 255"),
        (replace(USUAL, constant_share=1.0), "high", "100% of 64 training images are of one colour each"),
        (
            replace(USUAL, discrepancies={"as they are": 0.5, "inverted": 0.2, "BGR for RGB": 0.5}),
            "medium",
            r"may be inverted: .* \(misfit 0\.20 instead of 0\.50\)",
        ),
        (
            replace(USUAL, discrepancies={"as they are": 0.5, "inverted": 0.5, "BGR for RGB": 0.2}),
            "medium",
            r"may be BGR instead of RGB: .* \(misfit 0\.20 instead of 0\.50\)",
        ),
        (replace(USUAL, grey_share=1.0), "low", "100% of 64 training images are grey"),
    ],
)
def test_each_fault_has_its_words_and_its_severity(statistics, severity, words):
    outcome = run(fixed=statistics)
    assert (outcome.outcome, outcome.severity) == ("found", severity)
    assert re.search(words, outcome.summary)


def test_images_that_use_the_lowest_quarter_need_the_network_to_say_so_too():
    dim = replace(USUAL, raw_max=(60.0, 60.0, 60.0))
    assert run(fixed=dim).outcome == "clean"
    stretched = replace(dim, discrepancies={"as they are": 2.0, "stretched": 0.3})
    assert run(fixed=stretched).severity == "high"


def test_the_gravest_of_several_models_is_told_with_all_that_it_concerns():
    outcome = run(first=USUAL, second=RESCALED, third=RESCALED)
    assert outcome.severity == "high"
    assert outcome.summary.endswith("(second, third).")


def test_a_model_without_reference_says_why():
    outcome = run(cnn=replace(USUAL, discrepancies={}, why_no_reference="its weights are not pretrained"))
    assert outcome.outcome == "clean"
    assert "cnn has no reference: its weights are not pretrained." in outcome.details


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"raw_mean": None}, "TypeError"),
        ({"std": [1.0]}, "1 values for 3 channels"),
        ({"dark_share": float("nan")}, "nan is no finite number"),
        ({"discrepancies": [1]}, "AttributeError"),
    ],
)
def test_damaged_numbers_are_said_and_not_believed(damage, reason):
    inputs = audit_inputs(audited_set("train", np.array([0, 1])), input_numbers={"fixed": USUAL.as_dict() | damage})
    outcome = CHECK.run(inputs)
    assert outcome.outcome == "not_applicable"
    assert outcome.summary.startswith("The numbers of fixed cannot be read (")
    assert reason in outcome.summary


def test_a_run_that_stored_nothing_cannot_be_judged():
    outcome = CHECK.run(audit_inputs(audited_set("train", np.array([0, 1]))))
    assert outcome.outcome == "not_applicable"
