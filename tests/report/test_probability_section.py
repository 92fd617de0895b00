import numpy as np
import pytest

from kbin.config.evaluation import EvaluationConfig
from kbin.report.plots import draw_plots
from kbin.report.probability_section import probabilities
from kbin.report.recorded import read_results
from kbin.report.wording import UNDEFINED
from tests.report.synthetic_runs import SyntheticRun

SETS = {"train": (20, 20), "validation": (60, 40), "test": (60, 40)}


@pytest.fixture
def part(tmp_path, quick_pictures):
    def of(**settings):
        run = SyntheticRun(models={"one": 1.0, "two": 2.0}, **{"sets": SETS} | settings).write(tmp_path / "run")
        draw_plots(run, run.results())
        return run.results(), probabilities(run, read_results(run.results()))

    return of


def test_errors_are_the_recorded_ones_beside_what_perfect_probabilities_would_show(part):
    results, section = part()
    assert list(section.sets) == ["test"]
    assert not section.with_temperature
    for model, row in zip(results["models"], section.sets["test"].rows, strict=True):
        entry = model["sets"]["test"]["calibration"]
        names = ("ece", "ece_if_perfect", "brier", "log_loss")
        assert row.before == tuple(f"{entry[name]:.3f}" for name in names)
        assert row.after == ()


def test_on_request_the_temperature_and_the_errors_after_it_stand_beside_them(part):
    results, section = part(evaluation=EvaluationConfig(temperature=True))
    assert section.with_temperature
    entry, row = results["models"][0]["sets"]["test"]["calibration"], section.sets["test"].rows[0]
    errors = [f"{entry[name]:.3f}" for name in ("ece_after", "brier_after", "log_loss_after")]
    assert row.after == (f"{entry['temperature']:.2f}", *errors)


def test_why_there_is_no_temperature_is_said_of_the_model(part):
    sets = {"train": (20, 20), "test": (60, 40)}
    _, section = part(evaluation=EvaluationConfig(temperature=True), sets=sets)
    assert section.sets["test"].rows[0].after == (UNDEFINED,) * 4
    assert section.sets["test"].notes[0] == "one: No temperature: there is no validation set to fit it on."


def test_the_picture_has_its_numbers_as_text(part):
    results, section = part()
    text = section.sets["test"].picture.alternative
    for model in results["models"]:
        entry = model["sets"]["test"]["calibration"]
        assert f"{model['id']}, expected calibration error {entry['ece']:.3f}, " in text
        assert f"{entry['bins'][0]['mean_score']:.2f}: {entry['bins'][0]['share']:.2f}" in text
    assert "stated probability of being defective" in text


def test_of_more_classes_the_probability_of_the_answer_is_judged(part):
    _, section = part(classes=("a", "b", "c"), sets={"train": (9, 9, 9), "test": (30, 30, 30)})
    assert section.judged == "the probability of the answer"


def test_a_run_of_an_earlier_version_has_no_such_part(tmp_path):
    run = SyntheticRun(models={"only": 1.0}).write(tmp_path / "run")
    results = run.results()
    for entry in results["models"][0]["sets"].values():
        del entry["calibration"]
    assert probabilities(run, read_results(results)) is None


def test_numbers_are_plain(part):
    results, _ = part()
    values = results["models"][0]["sets"]["test"]["calibration"]["bins"][0].values()
    assert not any(isinstance(value, np.generic) for value in values)
