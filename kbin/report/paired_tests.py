"""The paired tests between models of several runs on the same images: the one place that asks for them."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter

from kbin.report.recorded_comparisons import SetComparisons
from kbin.report.scores import Scores
from kbin.report.shared_sets import SharedSet

_AS_RECORDED: TypeAdapter[SetComparisons] = TypeAdapter(SetComparisons)


def compared_models(shared: SharedSet, scores: Mapping[str, Sequence[Scores]]) -> SetComparisons:
    """Returns the differences between all models of a set, of one run and of different ones, under each metric.

    Each seed answers at its own threshold, the one in force in its run.

    Args:
        shared: The set.
        scores: By the models' names, an entry a seed, as `read_shared_scores` gives them.
    """
    thresholds = {one.name: [seed.threshold for seed in one.model.sets[shared.name].per_seed] for one in shared.models}
    y_true = next(iter(scores.values()))[0].y_true
    models = {name: ([one.y_probability for one in seeds], thresholds[name]) for name, seeds in scores.items()}
    return _AS_RECORDED.validate_python(_compare(y_true, models, shared.classes))


def _compare(y_true: Any, models: Mapping[str, Any], classes: Sequence[str]) -> Mapping[str, Any]:
    """Returns the comparisons as results.json holds them; none where this kbin has no tests."""
    try:
        comparison, answers = import_module("kbin.evaluation.comparison"), import_module("kbin.evaluation.answers")
    except ModuleNotFoundError:
        return {}
    given = {name: answers.ModelAnswers(*one) for name, one in models.items()}
    found: Mapping[str, Any] = comparison.compare_models(y_true, given, classes, None)
    return found
