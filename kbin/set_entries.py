"""Parts of a set's entry in results.json: operating points side by side, and how far probabilities can be believed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from kbin.config.evaluation import EvaluationConfig
from kbin.evaluation.calibration import judged, mean_bins, mean_error
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.outcomes import Metrics
from kbin.evaluation.seed_means import mean_metrics
from kbin.evaluation.temperature import Temperature, with_temperature
from kbin.evaluation.thresholds import choose_threshold
from kbin.operating_point import HALF, criterion_settings, error_costs, positive_scores


@dataclass(frozen=True, eq=False)
class SetScores:
    """What a model says of one set.

    Attributes:
        true: shape (n,), class indices.
        classes: In label order; the positive one last of two.
        probabilities: An entry a seed, shape (n,) or (n, num_classes).
    """

    true: np.ndarray
    classes: Sequence[str]
    probabilities: Sequence[np.ndarray]

    def at(self, thresholds: Sequence[float]) -> list[Metrics]:
        """Returns the metrics of each seed at its threshold."""
        return [
            classification_metrics(self.true, scores, self.classes, threshold)
            for scores, threshold in zip(self.probabilities, thresholds, strict=True)
        ]


def operating_points(
    scores: SetScores, locked: Sequence[Metrics], thresholds: Sequence[float], evaluation: EvaluationConfig
) -> dict[str, dict[str, Any]]:
    """Returns the metrics at .5, at the threshold in force, and at the best one of this very set; means over seeds.

    The last one, "oracle", is chosen by the criterion in force (by `youden` beside a fixed threshold), each seed by its
    own scores on the set that it is judged on. Nobody can reach it but by luck: it only tells a threshold that does not
    fit from an order that is lost, and nothing is ever chosen by it. A set with one class has none.

    Args:
        scores: Of one set.
        locked: The metrics of each seed at the threshold in force.
        thresholds: Those of the seeds.
        evaluation: The section `evaluation`.
    """
    if len(scores.classes) > 2:
        return {}
    settings = criterion_settings(evaluation)
    criterion = evaluation.threshold.criterion if evaluation.threshold.fixed is None else "youden"
    best = [
        choice.threshold
        for one in scores.probabilities
        if (choice := choose_threshold(scores.true, positive_scores(one), criterion, settings)).threshold is not None
    ]
    half = [HALF] * len(thresholds)
    points = {"half": (half, scores.at(half)), "locked": (thresholds, locked)}
    if best:
        points["oracle"] = (best, scores.at(best))
    costs = error_costs(evaluation.costs)
    entries = {}
    for name, (chosen, metrics) in points.items():
        mean = mean_metrics(metrics)
        cost = None if costs is None else costs.of_image(mean.confusion)
        entries[name] = {"threshold": fmean(chosen), "metrics": mean.values, "cost": cost}
    return entries


def calibration_entry(
    scores: SetScores, mean: Metrics, temperatures: Sequence[Temperature | None]
) -> dict[str, Any] | None:
    """Returns how far the probabilities can be believed, before and, on request, after temperature scaling.

    Args:
        scores: Of one set.
        mean: The metrics, means over seeds.
        temperatures: An entry a seed; None where none was asked for.
    """
    brier, log_loss = mean.values["brier"], mean.values["log_loss"]
    if brier is None or log_loss is None:
        return None
    per_seed = [judged(scores.true, one) for one in scores.probabilities]
    error, if_perfect = mean_error(per_seed)
    bins = [asdict(one) for one in mean_bins(per_seed)]
    entry: dict[str, Any] = {"ece": error, "ece_if_perfect": if_perfect, "brier": brier, "log_loss": log_loss}
    entry["bins"] = [{name: value for name, value in one.items() if name != "variance"} for one in bins]
    asked = [one for one in temperatures if one is not None]
    entry["temperature_note"] = next((one.note for one in asked if one.note), "")
    found = [one.value for one in asked if one.value is not None]
    if not found or len(found) < len(temperatures):
        return entry
    scaled = [with_temperature(one, value) for one, value in zip(scores.probabilities, found, strict=True)]
    error, if_perfect = mean_error([judged(scores.true, one) for one in scaled])
    after = mean_metrics(SetScores(scores.true, scores.classes, scaled).at([HALF] * len(scaled)))
    return entry | {
        "temperature": fmean(found),
        "ece_after": error,
        "ece_if_perfect_after": if_perfect,
        "brier_after": after.values["brier"],
        "log_loss_after": after.values["log_loss"],
    }
