"""The paired tests between models of several runs on the same images: the one place that asks for them."""

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter

from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.comparison import compare_models
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
    answers = {
        name: ModelAnswers([one.y_probability for one in seeds], thresholds[name]) for name, seeds in scores.items()
    }
    found = compare_models(y_true, answers, shared.classes, shared.groups)
    return _AS_RECORDED.validate_python({metric: one.as_dict() for metric, one in found.items()})
