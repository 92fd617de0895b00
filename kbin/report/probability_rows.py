"""How far probabilities can be believed, and what answers are worth at other shares of positives, as plain tables."""

from math import isnan

from kbin.evaluation.prevalence import PrevalenceCurve
from kbin.report.recorded import Costs, RunResults
from kbin.report.recorded_sets import Calibration, SetResults
from kbin.report.set_figures import prevalence_curves
from kbin.report.table_rows import PlainTable

_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of positives, beside the set's own
_FIGURES = ("ece", "brier", "log_loss", "temperature", "ece_after", "brier_after", "log_loss_after")


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
    """Returns precision, accuracy, F1 and the cost an image at other shares of positives, if nothing else changed.

    The training set has none: how a model answers what it learned from holds nowhere else.
    """
    rows = []
    for set_name in results.reading_order:
        for curve in prevalence_curves(results, set_name):
            for share in sorted({*_SHARES, curve.share}):
                values = [float(quantity(share)) for quantity in (curve.precision, curve.accuracy, curve.f1)]
                defined = [None if isnan(value) else value for value in values]
                is_own = share == curve.share
                rows.append((set_name, curve.label, share, is_own, *defined, _cost(curve, share, results.costs)))
    columns = ("set", "model", "share_positive", "is_own_share", "precision", "accuracy", "f1", "cost_per_image")
    return PlainTable(columns, tuple(rows))


def _cost(curve: PrevalenceCurve, share: float, costs: Costs | None) -> float | None:
    if costs is None:
        return None
    misses, false_alarms = share * (1 - curve.sensitivity), (1 - share) * (1 - curve.specificity)
    return misses * costs.false_negative + false_alarms * costs.false_positive
