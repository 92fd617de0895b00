"""Predictions of every model and seed -> what results.json says of each evaluation set."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kbin.config.evaluation import EvaluationConfig
from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.baselines import baseline_metrics
from kbin.evaluation.collapse import beats_majority, collapse_sentence, has_collapsed
from kbin.evaluation.intervals import set_intervals
from kbin.evaluation.outcomes import Metrics
from kbin.evaluation.seed_means import mean_metrics, metric_spread
from kbin.evaluation.temperature import Temperature
from kbin.interruption import with_safe_points
from kbin.operating_point import ChoiceData, choice_data, fitted_temperature, locked_threshold, threshold_origin
from kbin.set_entries import SetScores, calibration_entry, operating_points

_TRAIN = "train"


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
    groups: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, Any]]:
    """Returns the entry `sets` of one model in results.json.

    Args:
        labels: Set name -> shape (n,), class indices.
        classes: In label order; the positive one last of two.
        seeds: The model's probabilities, an entry a seed.
        evaluation: The section `evaluation`.
        out_of_fold: What the folds of a search predict with the chosen settings; needed where `choose_on` says so.
        groups: Set name -> shape (n,), the group of each image; sets without groups are left out.
    """
    chosen_on = [choice_data(evaluation, labels, one.probabilities, out_of_fold) for one in seeds]
    thresholds = [locked_threshold(evaluation, data) for data in chosen_on]
    temperatures = [fitted_temperature(evaluation, data) for data in chosen_on]
    return {
        name: _set_entry(
            SetScores(true, classes, [one.probabilities[name] for one in seeds]),
            [one.seed for one in seeds],
            thresholds,
            temperatures,
            evaluation,
            (groups or {}).get(name),
            # Of what a model learned from, a bootstrap would say nothing, and take longest.
            is_resampled=name != _TRAIN,
        )
        for name, true in with_safe_points(labels.items())
    }


def _set_entry(
    scores: SetScores,
    seeds: Sequence[int],
    thresholds: Sequence[float],
    temperatures: Sequence[Temperature | None],
    evaluation: EvaluationConfig,
    groups: np.ndarray | None,
    is_resampled: bool,
) -> dict[str, Any]:
    locked = scores.at(thresholds)
    mean = mean_metrics(locked)
    answers = ModelAnswers(scores.probabilities, thresholds)
    intervals = set_intervals(mean, scores.true, answers, groups, resamples=None if is_resampled else 0)
    return (
        mean.as_dict()
        | {"spread": metric_spread(locked), "beats_majority": beats_majority(mean)}
        | intervals.as_dict()
        | _collapse(collapse_sentence(mean, intervals.by_metric.get("roc_auc")))
        | {
            "per_seed": _seed_entries(seeds, thresholds, locked),
            "operating_points": operating_points(scores, locked, thresholds, evaluation),
            "calibration": calibration_entry(scores, mean, temperatures),
            "baselines": baseline_metrics([one.n for one in mean.per_class.values()]),
        }
    )


def _seed_entries(seeds: Sequence[int], thresholds: Sequence[float], locked: Sequence[Metrics]) -> list[dict[str, Any]]:
    return [
        {
            "seed": seed,
            "threshold": threshold,
            "metrics": metrics.values,
            "confusion": metrics.confusion,
            "collapsed": has_collapsed(metrics),
        }
        for seed, threshold, metrics in zip(seeds, thresholds, locked, strict=True)
    ]


def _collapse(sentence: str | None) -> dict[str, Any]:
    return {"collapsed": False} if sentence is None else {"collapsed": True, "collapse": sentence}
