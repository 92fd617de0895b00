"""All pairs of models on the same images, metric by metric."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.evaluation.answers import ModelAnswers, SeedAnswers
from kbin.evaluation.bootstrap import MetricDraws, bootstrapped, metric_values
from kbin.evaluation.groups import group_numbers
from kbin.evaluation.inputs import checked_classes, checked_labels
from kbin.evaluation.multiple import combined_p_value, compact_letters, holm, seeds_p_value, seeds_variances
from kbin.evaluation.paired_tests import (
    PairedTest,
    detectable_difference,
    paired_accuracy,
    paired_auc,
    paired_bootstrap,
    unmoved,
)
from kbin.interruption import with_safe_points
from kbin.metric_names import METRICS, MetricRow

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class PairComparison:
    """Two models under one metric; the difference is the first's value less the second's.

    Attributes:
        models: Their ids.
        difference: Of the means over seeds.
        interval: Of the difference over images, 95 %; None where the images do not tell.
        p_value: Whether other images would explain it.
        p_seeds: Whether another training would explain it; None where a model has one seed.
        p_adjusted: The largest of both and of that of both sources together, after Holm's correction over all pairs.
        detectable: The smallest true difference that such images and seeds show in four of five cases, where all pairs
            are tested.
        differ_on: Images that only one of the two answers rightly; None for metrics other than accuracy.
    """

    models: tuple[str, str]
    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    p_seeds: float | None
    p_adjusted: float | None
    detectable: float | None
    differ_on: float | None

    @property
    def is_significant(self) -> bool:
        """Whether neither other images nor, where there are seeds, another training would explain the difference."""
        return self.p_adjusted is not None and self.p_adjusted < SIGNIFICANT


@dataclass(frozen=True)
class MetricComparison:
    """All pairs of models under one metric.

    Attributes:
        method: The test, in plain words.
        pairs: In the order of the models.
        letters: Model id -> letters, the best model first; models that share one cannot be told apart.
    """

    method: str
    pairs: tuple[PairComparison, ...]
    letters: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Returns the entry in results.json."""
        pairs = [asdict(pair) for pair in self.pairs]
        for pair in pairs:
            pair["models"] = list(pair["models"])
            pair["interval"] = None if pair["interval"] is None else list(pair["interval"])
        return {"method": self.method, "pairs": pairs, "letters": dict(self.letters)}


@dataclass(frozen=True, eq=False)
class _Model:
    """One model: its seeds, their values, and the means over seeds in each resample."""

    seeds: Sequence[SeedAnswers]
    values: Sequence[Mapping[str, float | None]]
    draws: MetricDraws

    def seed_values(self, name: str) -> list[float] | None:
        """Returns the seeds' values; None where one is undefined."""
        known = [value for one in self.values if (value := one[name]) is not None]
        return known if len(known) == len(self.values) else None


def compare_models(
    y_true: ArrayLike,
    models: Mapping[str, ModelAnswers],
    classes: Sequence[str],
    groups: ArrayLike | None = None,
    resamples: int | None = None,
) -> dict[str, MetricComparison]:
    """Returns the comparison of all pairs under each metric that at least two models have a value of.

    Accuracy has McNemar's mid-p test (sign changes, with several seeds or groups), the ROC AUC of two classes DeLong's
    paired test (Obuchowski's, with groups), all others the paired bootstrap on resamples that all models share.

    Args:
        y_true: shape (n,), class indices.
        models: Model id -> its probabilities and thresholds on these images; numbers of seeds may differ.
        classes: Class names in label order; of two classes the second is the positive one.
        groups: shape (n,), names of groups of images that belong together; None where the images are independent.
        resamples: How many; as many as the number of images asks for if None.

    Raises:
        DataError: The arrays do not fit together.
    """
    names = checked_classes(classes)
    truth = checked_labels(y_true, len(names))
    units = group_numbers(groups, len(truth))
    measured = _measured(truth, models, len(names), units, resamples)
    found = {}
    for row in METRICS:
        if row.is_baseline:
            continue
        known = {model_id: one for model_id, one in measured.items() if one.seed_values(row.name) is not None}
        if len(known) >= 2:
            found[row.name] = _compared(row, truth, known, units)
    return found


def _measured(
    truth: NDArray[np.int64],
    models: Mapping[str, ModelAnswers],
    num_classes: int,
    groups: NDArray[np.int64] | None,
    resamples: int | None,
) -> dict[str, _Model]:
    seeds = {model_id: answers.seeds(len(truth), num_classes) for model_id, answers in models.items()}
    draws = iter(bootstrapped(truth, [one for several in seeds.values() for one in several], groups, resamples))
    measured = {}
    for model_id, several in seeds.items():
        own = [next(draws) for _ in several]
        means = {name: np.mean([one[name] for one in own], axis=0) for name in own[0]}
        measured[model_id] = _Model(several, [metric_values(truth, one) for one in several], means)
    return measured


def _compared(
    row: MetricRow, truth: NDArray[np.int64], models: Mapping[str, _Model], groups: NDArray[np.int64] | None
) -> MetricComparison:
    pairs = list(combinations(models, 2))
    values = {model_id: one.seed_values(row.name) or [] for model_id, one in models.items()}
    tests = [_tested(row.name, truth, models[one], models[two], groups) for one, two in with_safe_points(pairs)]
    of_seeds = [seeds_p_value(values[first], values[second]) for first, second in pairs]
    of_both = [
        combined_p_value(test.difference, test.error, values[first], values[second])
        for test, (first, second) in zip(tests, pairs, strict=True)
    ]
    largest = [_largest(test.p_value, *others) for test, *others in zip(tests, of_seeds, of_both, strict=True)]
    num_tested = sum(p_value is not None for p_value in largest)
    compared = tuple(
        PairComparison(
            models=pair,
            difference=test.difference,
            interval=test.interval,
            p_value=test.p_value,
            p_seeds=p_seeds,
            p_adjusted=adjusted,
            detectable=_detectable(test, values[pair[0]], values[pair[1]], num_tested),
            differ_on=test.differ_on,
        )
        for pair, test, p_seeds, adjusted in zip(pairs, tests, of_seeds, holm(largest), strict=True)
    )
    sign = -1 if row.higher_is_better else 1
    ordered = sorted(models, key=lambda model_id: sign * fmean(values[model_id]))
    places = {model_id: place for place, model_id in enumerate(ordered)}
    differing = [(places[pair.models[0]], places[pair.models[1]]) for pair in compared if pair.is_significant]
    letters = dict(zip(ordered, compact_letters(len(ordered), differing), strict=True))
    one_seed = all(len(one.seeds) == 1 for one in models.values())
    return MetricComparison(_method(row.name, models, one_seed, groups is not None), compared, letters)


def _tested(
    name: str, truth: NDArray[np.int64], first: _Model, second: _Model, groups: NDArray[np.int64] | None
) -> PairedTest:
    if name == "accuracy":
        right = [np.array([seed.predicted == truth for seed in one.seeds]) for one in (first, second)]
        return paired_accuracy(right[0], right[1], groups)
    if name == "roc_auc" and first.seeds[0].rows.shape[1] == 2:
        scores = [[seed.scores for seed in one.seeds] for one in (first, second)]
        return paired_auc(truth, scores[0], scores[1], groups)
    means = [fmean(one.seed_values(name) or []) for one in (first, second)]
    difference = means[0] - means[1]
    if groups is not None and not groups.any():  # one group, drawn again and again
        return PairedTest(difference, None, None, None)
    test = paired_bootstrap(difference, first.draws[name] - second.draws[name])
    return unmoved(difference, truth, groups) if test is None else test


def _method(name: str, models: Mapping[str, _Model], one_seed: bool, has_groups: bool) -> str:
    if name == "accuracy":
        if one_seed and not has_groups:
            return "McNemar's test, mid-p"
        return f"exact sign-flip test, mid-p{', by group' if has_groups else ''}"
    if name == "roc_auc" and next(iter(models.values())).seeds[0].rows.shape[1] == 2:
        return "DeLong's paired test" + (", by group (Obuchowski)" if has_groups else "")
    return "paired bootstrap of whole groups" if has_groups else "paired stratified bootstrap"


def _largest(p_value: float | None, *others: float | None) -> float | None:
    """Without a test of the images there is none at all; the others need several seeds."""
    return None if p_value is None else max([p_value, *(other for other in others if other is not None)])


def _detectable(test: PairedTest, first: Sequence[float], second: Sequence[float], num_pairs: int) -> float | None:
    if test.error is None or test.p_value is None:
        return None
    return detectable_difference(sqrt(test.error**2 + sum(seeds_variances(first, second) or (0.0,))), num_pairs)
