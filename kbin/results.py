"""Predictions of every model and seed -> what results.json says of each evaluation set."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kbin.config.evaluation import OUT_OF_FOLD, EvaluationConfig
from kbin.evaluation.baselines import baseline_metrics
from kbin.evaluation.collapse import beats_majority, collapse_sentence, has_collapsed
from kbin.evaluation.intervals import set_intervals
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.outcomes import Metrics
from kbin.evaluation.seed_means import mean_metrics, metric_spread
from kbin.evaluation.temperature import Temperature
from kbin.operating_point import ChoiceData, fitted_temperature, locked_threshold, positive_scores, threshold_origin
from kbin.set_entries import SetScores, calibration_entry, operating_points

_VALIDATION = "validation"


@dataclass(frozen=True)
class SeedPredictions:
    """One seed's probabilities by set name: shape (n,) or (n, num_classes)."""

    seed: int
    probabilities: Mapping[str, np.ndarray]


def evaluation_entry(
    evaluation: EvaluationConfig, labels: Mapping[str, np.ndarray], classes: Sequence[str]
) -> dict[str, Any]:
    """Returns what results.json says of the operating point of all models: `threshold` and `costs`.

    Args:
        evaluation: The section `evaluation`.
        labels: Set name -> shape (n,), class indices.
        classes: The class names.

    Raises:
        ConfigError: There are costs, and more than two classes.
    """
    origin = threshold_origin(evaluation, labels, classes)
    return {
        "threshold": None if origin is None else asdict(origin),
        "costs": None if evaluation.costs is None else evaluation.costs.model_dump(),
    }


def evaluate_sets(
    labels: Mapping[str, np.ndarray],
    classes: Sequence[str],
    seeds: Sequence[SeedPredictions],
    evaluation: EvaluationConfig,
    out_of_fold: ChoiceData | None = None,
) -> dict[str, dict[str, Any]]:
    """Returns the entry `sets` of one model in results.json.

    Args:
        labels: Set name -> shape (n,), class indices.
        classes: In label order; the positive one last of two.
        seeds: The model's probabilities, an entry a seed.
        evaluation: The section `evaluation`.
        out_of_fold: What the folds of a search predict with the chosen settings; needed where `choose_on` says so.
    """
    chosen_on = [_choice_data(evaluation, labels, one, out_of_fold) for one in seeds]
    thresholds = [locked_threshold(evaluation, data) for data in chosen_on]
    temperatures = [fitted_temperature(evaluation, data) for data in chosen_on]
    return {
        name: _set_entry(name, true, classes, seeds, thresholds, temperatures, evaluation)
        for name, true in labels.items()
    }


def _choice_data(
    evaluation: EvaluationConfig,
    labels: Mapping[str, np.ndarray],
    seed: SeedPredictions,
    out_of_fold: ChoiceData | None,
) -> ChoiceData | None:
    if evaluation.threshold.choose_on == OUT_OF_FOLD:
        return out_of_fold
    return ChoiceData(labels[_VALIDATION], seed.probabilities[_VALIDATION]) if _VALIDATION in labels else None


def _set_entry(
    name: str,
    true: np.ndarray,
    classes: Sequence[str],
    seeds: Sequence[SeedPredictions],
    thresholds: Sequence[float],
    temperatures: Sequence[Temperature | None],
    evaluation: EvaluationConfig,
) -> dict[str, Any]:
    probabilities = [one.probabilities[name] for one in seeds]
    locked = [
        classification_metrics(true, scores, classes, threshold)
        for scores, threshold in zip(probabilities, thresholds, strict=True)
    ]
    mean = mean_metrics(locked)
    entry = mean.as_dict()
    entry["spread"] = metric_spread(locked)
    entry["beats_majority"] = beats_majority(mean)
    intervals = set_intervals(mean, true, [positive_scores(scores) for scores in probabilities])
    entry["intervals"] = {metric: list(interval) for metric, interval in intervals.items()}
    entry |= _collapse(collapse_sentence(mean, intervals.get("roc_auc")))
    entry["per_seed"] = _seed_entries(seeds, thresholds, locked)
    scores = SetScores(true, classes, probabilities)
    entry["operating_points"] = operating_points(scores, locked, thresholds, evaluation)
    entry["calibration"] = calibration_entry(scores, mean, temperatures)
    entry["baselines"] = baseline_metrics([one.n for one in mean.per_class.values()])
    return entry


def _seed_entries(
    seeds: Sequence[SeedPredictions], thresholds: Sequence[float], locked: Sequence[Metrics]
) -> list[dict[str, Any]]:
    return [
        {
            "seed": one.seed,
            "threshold": threshold,
            "metrics": metrics.values,
            "confusion": metrics.confusion,
            "collapsed": has_collapsed(metrics),
        }
        for one, threshold, metrics in zip(seeds, thresholds, locked, strict=True)
    ]


def _collapse(sentence: str | None) -> dict[str, Any]:
    return {"collapsed": False} if sentence is None else {"collapsed": True, "collapse": sentence}
