"""Predictions of every model and seed -> what results.json says of each evaluation set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.config.experiment import ThresholdConfig
from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.collapse import beats_majority, collapse_sentence, has_collapsed
from kbin.evaluation.intervals import set_intervals
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.seed_means import mean_metrics, metric_spread
from kbin.evaluation.thresholds import choose_threshold

HALF = 0.5


@dataclass(frozen=True)
class SeedPredictions:
    """One seed's probabilities by set name: shape (n,) or (n, num_classes)."""

    seed: int
    probabilities: Mapping[str, np.ndarray]


def locked_threshold(
    settings: ThresholdConfig, validation_labels: np.ndarray | None, probabilities: np.ndarray | None
) -> float:
    """Returns the threshold in force for all sets of one model and seed.

    It is the fixed one, or the one chosen on the validation set; .5 where there is none to choose on, and for more than
    two classes.

    Args:
        settings: The section `evaluation.threshold`.
        validation_labels: shape (n,), None without a validation set.
        probabilities: The model's, of the validation set.
    """
    if settings.fixed is not None:
        return settings.fixed
    if validation_labels is None or probabilities is None:
        return HALF
    if probabilities.ndim == 2 and probabilities.shape[1] > 2:
        return HALF
    choice = choose_threshold(validation_labels, _scores(probabilities), settings.criterion)
    return HALF if choice.threshold is None else choice.threshold


def evaluate_sets(
    labels: Mapping[str, np.ndarray],
    classes: Sequence[str],
    seeds: Sequence[SeedPredictions],
    threshold: ThresholdConfig,
    groups: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, Any]]:
    """Returns the entry `sets` of one model in results.json.

    Args:
        labels: Set name -> shape (n,), class indices.
        classes: In label order; the positive one last of two.
        seeds: The model's probabilities, an entry a seed.
        threshold: The section `evaluation.threshold`.
        groups: Set name -> shape (n,), the group of each image; sets without groups are left out.
    """
    thresholds = [
        locked_threshold(threshold, labels.get("validation"), one.probabilities.get("validation")) for one in seeds
    ]
    known = groups or {}
    return {name: _set_entry(name, true, classes, seeds, thresholds, known.get(name)) for name, true in labels.items()}


def _set_entry(
    name: str,
    true: np.ndarray,
    classes: Sequence[str],
    seeds: Sequence[SeedPredictions],
    thresholds: Sequence[float],
    groups: np.ndarray | None,
) -> dict[str, Any]:
    locked = [
        classification_metrics(true, one.probabilities[name], classes, threshold)
        for one, threshold in zip(seeds, thresholds, strict=True)
    ]
    mean = mean_metrics(locked)
    entry = mean.as_dict()
    entry["spread"] = metric_spread(locked)
    entry["beats_majority"] = beats_majority(mean)
    answers = ModelAnswers([one.probabilities[name] for one in seeds], thresholds)
    # Of what a model learned from, a bootstrap would say nothing, and take longest.
    intervals = set_intervals(mean, true, answers, groups, resamples=0 if name == "train" else None)
    entry |= intervals.as_dict()
    entry |= _collapse(collapse_sentence(mean, intervals.by_metric.get("roc_auc")))
    entry["per_seed"] = [
        {
            "seed": one.seed,
            "threshold": threshold,
            "metrics": metrics.values,
            "confusion": metrics.confusion,
            "collapsed": has_collapsed(metrics),
        }
        for one, threshold, metrics in zip(seeds, thresholds, locked, strict=True)
    ]
    entry["operating_points"] = {}
    if len(classes) == 2:
        half = mean_metrics([classification_metrics(true, one.probabilities[name], classes, HALF) for one in seeds])
        entry["operating_points"] = {
            "half": {"threshold": HALF, "metrics": half.values},
            "locked": {"threshold": float(np.mean(thresholds)), "metrics": mean.values},
        }
    return entry


def _collapse(sentence: str | None) -> dict[str, Any]:
    return {"collapsed": False} if sentence is None else {"collapsed": True, "collapse": sentence}


def _scores(probabilities: np.ndarray) -> np.ndarray:
    """Returns the scores of the last class: of two, the positive one."""
    return probabilities if probabilities.ndim == 1 else probabilities[:, -1]
