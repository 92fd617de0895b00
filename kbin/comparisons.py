"""The predictions of a run folder -> what results.json says of the differences between its models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.comparison import compare_models
from kbin.runs import RunDirectory

_LEARNED_FROM = "train"


def comparison_entries(run: RunDirectory, results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the entry `comparisons` of results.json: set name -> metric -> pairs and letters.

    It has every set but the training set; it is empty with fewer than two models that have results.

    Args:
        run: The folder with the predictions of all models and, where images have groups, with `groups.csv`.
        results: The other entries of results.json.

    Raises:
        RunFolderError: Predictions are missing or damaged.
    """
    models = [model for model in results["models"] if model["status"] == "done" and model["sets"]]
    if len(models) < 2:
        return {}
    groups = run.groups()
    return {
        name: _set_comparisons(run, results["classes"], models, name, groups.get(name, {}))
        for name in results["sets"]
        if name != _LEARNED_FROM
    }


def _set_comparisons(
    run: RunDirectory,
    classes: Sequence[str],
    models: Sequence[Mapping[str, Any]],
    set_name: str,
    groups: Mapping[str, str],
) -> dict[str, Any]:
    indices = {name: k for k, name in enumerate(classes)}
    answers = {}
    for model in models:
        seeds = model["sets"][set_name]["per_seed"]
        predictions = [run.predictions(model["id"], one["seed"], set_name, classes) for one in seeds]
        answers[model["id"]] = ModelAnswers(
            [one.y_score if one.probabilities is None else one.probabilities for one in predictions],
            [one["threshold"] for one in seeds],
        )
    # All models of a run have the same images in the same order.
    y_true = np.array([indices[str(name)] for name in predictions[0].y_true])
    names = np.array([groups[sample] for sample in predictions[0].sample_ids]) if groups else None
    found = compare_models(y_true, answers, classes, names)
    return {metric: comparison.as_dict() for metric, comparison in found.items()}
