"""The page's part on probabilities: calibration curves, and errors before and after temperature scaling."""

from dataclasses import dataclass

from kbin.report.pictures import Picture, embedded
from kbin.report.recorded import RunResults
from kbin.report.recorded_sets import Calibration
from kbin.report.set_figures import calibration_curves
from kbin.report.wording import UNDEFINED, metric_text
from kbin.runs import RunDirectory


@dataclass(frozen=True)
class ProbabilityRow:
    """One model on one set: errors before, and temperature and errors after where it was asked for."""

    model_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class SetProbabilities:
    """One set: its picture, a row a model, and why there is no temperature, model by model."""

    picture: Picture
    rows: tuple[ProbabilityRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Probabilities:
    """The whole part.

    Attributes:
        sets: Set name -> its picture and rows.
        with_temperature: Whether a temperature was asked for.
        judged: What is judged, in words.
    """

    sets: dict[str, SetProbabilities]
    with_temperature: bool
    judged: str


def probabilities(run: RunDirectory, results: RunResults) -> Probabilities | None:
    """Returns the part; None where the results say nothing of calibration.

    Raises:
        RunFolderError: A plot is missing.
    """
    found = {
        name: {model.id: entry for model in results.done if (entry := model.sets[name].calibration) is not None}
        for name in results.shown_sets
        if results.done and calibration_curves(results, name)
    }
    if not found:
        return None
    entries = [entry for models in found.values() for entry in models.values()]
    asked = any(entry.temperature is not None or entry.temperature_note for entry in entries)
    judged = f"the probability of “{results.positive}”" if results.positive else "the probability of the answer"
    return Probabilities(
        {name: _of_set(run, results, name, models, asked) for name, models in found.items()}, asked, judged
    )


def _of_set(
    run: RunDirectory, results: RunResults, set_name: str, models: dict[str, Calibration], asked: bool
) -> SetProbabilities:
    picture = embedded(
        run.plot_path(f"calibration-{set_name}"),
        _curve_text(results, set_name),
        f"Calibration on {set_name}",
    )
    rows = tuple(ProbabilityRow(name, _before(one), _after(one) if asked else ()) for name, one in models.items())
    notes = tuple(f"{name}: {one.temperature_note}" for name, one in models.items() if one.temperature_note)
    return SetProbabilities(picture, rows, notes)


def _before(entry: Calibration) -> tuple[str, ...]:
    return (
        metric_text("brier", entry.ece),
        metric_text("brier", entry.ece_if_perfect),
        metric_text("brier", entry.brier),
        metric_text("log_loss", entry.log_loss),
    )


def _after(entry: Calibration) -> tuple[str, ...]:
    return (
        UNDEFINED if entry.temperature is None else f"{entry.temperature:.2f}",
        metric_text("brier", entry.ece_after),
        metric_text("brier", entry.brier_after),
        metric_text("log_loss", entry.log_loss_after),
    )


def _curve_text(results: RunResults, set_name: str) -> str:
    """Returns the numbers of the picture: what was stated, and the share for which it came true."""
    parts = []
    for curve in calibration_curves(results, set_name):
        points = ", ".join(f"{one.stated:.2f}: {one.share:.2f}" for one in curve.points)
        parts.append(f"{curve.label}, expected calibration error {curve.ece:.3f}, {points}")
    what = f"being {results.positive}" if results.positive else "the answer"
    return f"Calibration on {set_name}: stated probability of {what}, and how often it came true. {'; '.join(parts)}."
