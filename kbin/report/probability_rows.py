"""How far probabilities can be believed, and what answers are worth at other shares of positives, as plain tables."""

from dataclasses import astuple, fields

from kbin.report.prevalence_table import PrevalenceRow
from kbin.report.prevalence_table import prevalence_rows as set_prevalence_rows
from kbin.report.recorded import RunResults
from kbin.report.recorded_sets import Calibration, SetResults
from kbin.report.table_rows import PlainTable

# Field -> column, where a table that stands alone has to say more.
_PREVALENCE = {
    "set_name": "set",
    "answers": "model",
    "share": "share_positive",
    "is_own": "is_own_share",
    "cost": "cost_per_image",
}
_FIGURES = (
    "ece",
    "ece_if_perfect",
    "brier",
    "log_loss",
    "temperature",
    "ece_after",
    "ece_if_perfect_after",
    "brier_after",
    "log_loss_after",
)


def calibration_rows(results: RunResults) -> PlainTable:
    """Returns a row a set and model: the calibration errors, before and after a temperature."""
    rows = [
        (set_name, model_id, *(getattr(calibration, figure) for figure in _FIGURES))
        for set_name, model_id, calibration in _calibrations(results)
    ]
    return PlainTable(("set", "model", *_FIGURES), tuple(rows))


def calibration_bin_rows(results: RunResults) -> PlainTable:
    """Returns a row a set, model and bin of scores: the mean score, and the share that is positive."""
    rows = [
        (set_name, model_id, one.low, one.high, one.n, one.mean_score, one.share)
        for set_name, model_id, calibration in _calibrations(results)
        for one in calibration.bins
    ]
    return PlainTable(("set", "model", "low", "high", "n", "mean_score", "share_positive"), tuple(rows))


def _calibrations(results: RunResults) -> list[tuple[str, str, Calibration]]:
    entries: list[tuple[str, str, SetResults]] = [
        (name, model.id, model.sets[name]) for name in results.reading_order for model in results.done
    ]
    return [(name, model_id, entry.calibration) for name, model_id, entry in entries if entry.calibration is not None]


def prevalence_rows(results: RunResults) -> PlainTable:
    """Returns what answers are worth at other shares of positives, if nothing else changed.

    The training set has none: how a model answers what it learned from holds nowhere else.
    """
    rows = [astuple(row) for set_name in results.reading_order for row in set_prevalence_rows(results, set_name)]
    return PlainTable(tuple(_PREVALENCE.get(one.name, one.name) for one in fields(PrevalenceRow)), tuple(rows))
