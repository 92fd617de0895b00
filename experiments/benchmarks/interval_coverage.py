"""Do 95% intervals hold the true value in 95% of all sets, and how often do paired tests part equally good models?

Scores are drawn: two normal distributions of images, as far apart as an ROC AUC asks, turned into true probabilities.
Labels have fixed counts of each class, as in a stratified split, or are drawn too. The threshold is .5, or the share of
positives, where recall and specificity are equal. Two models have most of their noise in common and are equally good;
seeds add noise of their own; the images of a group have noise in common.

Run: python -m experiments.benchmarks.interval_coverage [--repetitions 2000] [--json] (hours; 200 take some minutes)
Measured (700 to 1,000 sets a row, so a coverage is known to .8 points and a share of false alarms to .7 to 1 point):
- fixed counts, n = 200 and 2,000, 50 % and 10 % positive: F1 93.6 to 97.2 %, ROC AUC with 50 positives or more 92.7 to
  95.4 %, accuracy 94.1 to 95.7 %, but 99 % at 10 % positive and a threshold of .5, where the classes differ:
  Wilson's interval is for drawn labels.
- drawn labels: accuracy 93.8 to 95.8 %, ROC AUC 93.6 to 96.2 %. F1 94.1 to 96.4 %, but 84 % at 10 % positive and a low
  threshold: it moves with the share of positives, which the stratified bootstrap holds fixed; so do log loss and Brier.
- fewer positives of 500 images: ROC AUC 88 % with 10, 90 % with 20, 92 % with 30, 93 % with 50.
- groups of 10 (2,000 images): accuracy and F1 93 %, ROC AUC 94 %. Three seeds: 96 to 98 %, for one typical training.
- false alarms: accuracy 3.5 to 5.8 %, ROC AUC 4.0 to 6.3 %, F1 4.1 to 6.5 %, all others 3.6 to 7.2 %.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import log, sqrt
from statistics import fmean
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from experiments.benchmarks.measuring import arguments, show
from kbin.evaluation.answers import ModelAnswers
from kbin.evaluation.bootstrap import metric_values
from kbin.evaluation.comparison import compare_models
from kbin.evaluation.intervals import set_intervals
from kbin.evaluation.outcomes import ClassMetrics, Metrics

CLASSES = ("negative", "positive")
# Of the noise of an image's score: what all models have in common.
_SHARED = 0.7
# And what the images of a group have in common.
_WITHIN_GROUP = 0.5
_TRUTH_IMAGES = 1_000_000
# A standard error from 300 resamples is known to 4 %, which moves a coverage of 95 % by less than .1 %.
_RESAMPLES = 300


@dataclass(frozen=True)
class Sets:
    """One kind of evaluation set, and of models on it.

    Attributes:
        num_images: n.
        share: Of positives, 0 to 1.
        auc: True ROC AUC of every model.
        is_half: Whether the threshold is .5; else recall and specificity are equal.
        is_stratified: Whether the counts of the classes are fixed; else labels are drawn.
        num_seeds: Trained models of each model.
        group_size: Images of a group, all of one class; 1 for independent images.
    """

    num_images: int
    share: float
    auc: float = 0.9
    is_half: bool = False
    is_stratified: bool = True
    num_seeds: int = 1
    group_size: int = 1

    @property
    def distance(self) -> float:
        """Between the means of the two classes, in standard deviations."""
        return float(norm.ppf(self.auc) * sqrt(2))

    @property
    def threshold(self) -> float:
        """Of the probability."""
        return 0.5 if self.is_half else self.share

    def probabilities(self, latent: np.ndarray) -> np.ndarray:
        """Returns the true probability that an image is positive."""
        return expit(self.distance * latent + log(self.share / (1 - self.share)))

    def drawn(self, rng: np.random.Generator, num_models: int = 1) -> tuple[np.ndarray, np.ndarray, list[ModelAnswers]]:
        """Returns labels and groups, shape (n,), and what each model says."""
        num_groups = self.num_images // self.group_size
        positives = round(num_groups * self.share) if self.is_stratified else rng.binomial(num_groups, self.share)
        groups = np.repeat(np.arange(num_groups), self.group_size)
        y_true = (groups < positives).astype(int)
        within = sqrt(_WITHIN_GROUP) if self.group_size > 1 else 0.0
        common = within * rng.normal(size=num_groups)[groups] + sqrt(1 - within**2) * rng.normal(size=len(groups))
        center = (y_true - 0.5) * self.distance
        answers = []
        for _ in range(num_models):
            own = sqrt((1 - _SHARED) / 2) * rng.normal(size=len(groups))
            latents = [
                center + sqrt(_SHARED) * common + own + sqrt((1 - _SHARED) / 2) * rng.normal(size=len(groups))
                for _ in range(self.num_seeds)
            ]
            answers.append(ModelAnswers([self.probabilities(x) for x in latents], [self.threshold] * self.num_seeds))
        return y_true, groups, answers


@cache
def true_values(share: float, auc: float, is_half: bool) -> dict[str, float]:
    """Returns the metrics of a set so large that they hardly move: their standard error is below .001."""
    large = Sets(_TRUTH_IMAGES, share, auc, is_half)
    y_true, _, (answers,) = large.drawn(np.random.default_rng(1))
    found = metric_values(y_true, answers.seeds(len(y_true), 2)[0])
    return {name: value for name, value in found.items() if value is not None} | {"roc_auc": auc}


def coverage(sets: Sets, repetitions: int, seed: int = 0) -> dict[str, float]:
    """Returns the share of drawn sets whose interval holds the true value, by metric; no interval counts as a miss."""
    rng, truth = np.random.default_rng(seed), true_values(sets.share, sets.auc, sets.is_half)
    hits = dict.fromkeys(truth, 0)
    for _ in range(repetitions):
        y_true, groups, (answers,) = sets.drawn(rng)
        found = set_intervals(_metrics(y_true, answers), y_true, answers, groups, _RESAMPLES).by_metric
        for name, value in truth.items():
            low, high = found.get(name, (1.0, 0.0))
            hits[name] += low <= value <= high
    return {name: count / repetitions for name, count in hits.items()}


def _metrics(y_true: np.ndarray, answers: ModelAnswers) -> Metrics:
    """Returns what intervals need of a set's metrics; scikit-learn would take most of the time."""
    per_seed = [metric_values(y_true, one) for one in answers.seeds(len(y_true), 2)]
    values = {
        name: None if any(one[name] is None for one in per_seed) else fmean(one[name] or 0.0 for one in per_seed)
        for name in per_seed[0]
    }
    counts = np.bincount(y_true, minlength=2).tolist()
    per_class = {name: ClassMetrics(None, None, None, count, None) for name, count in zip(CLASSES, counts, strict=True)}
    return Metrics(values, {}, per_class, [], len(y_true), counts[1])


def false_alarms(sets: Sets, repetitions: int, seed: int = 0) -> dict[str, float]:
    """Returns the share of drawn sets on which two equally good models have a p-value below .05, by metric.

    Under "differ" stands the share of images that only one of them answers rightly, under "held" how often the interval
    of the difference in accuracy holds 0.
    """
    rng = np.random.default_rng(seed)
    alarms: dict[str, int] = {}
    differ, held = 0.0, 0
    for _ in range(repetitions):
        y_true, groups, (first, second) = sets.drawn(rng, 2)
        found = compare_models(y_true, {"first": first, "second": second}, CLASSES, groups, _RESAMPLES)
        for name, comparison in found.items():
            p_value = comparison.pairs[0].p_value
            alarms[name] = alarms.get(name, 0) + (p_value is not None and p_value < 0.05)
        pair = found["accuracy"].pairs[0]
        differ += (pair.differ_on or 0.0) / sets.num_images
        held += pair.interval is not None and pair.interval[0] <= 0 <= pair.interval[1]
    rates = {name: count / repetitions for name, count in alarms.items()}
    return rates | {"differ": differ / repetitions, "held": held / repetitions}


def settings() -> Iterator[Sets]:
    """Yields the sets that the table has, in its order."""
    for num_images in (200, 2_000):
        for share in (0.5, 0.1):
            for is_stratified in (True, False):
                yield Sets(num_images, share, is_stratified=is_stratified)
                if share < 0.5:
                    yield Sets(num_images, share, is_half=True, is_stratified=is_stratified)
    yield Sets(200, 0.5, num_seeds=3)
    yield Sets(2_000, 0.1, num_seeds=3)
    yield Sets(2_000, 0.5, group_size=10)
    yield Sets(2_000, 0.5, group_size=10, num_seeds=3)
    for positives in (10, 20, 30, 50):
        yield Sets(500, positives / 500)
    for auc in (0.7, 0.8, 0.95):
        yield Sets(500, 0.1, auc)


def main() -> None:
    """Prints a row a kind of set: coverage first, false alarms after."""
    options = arguments(__doc__, repetitions=2_000)
    for measure in (coverage, false_alarms):
        rows: list[dict[str, Any]] = []
        for sets in settings():
            row = {
                "what": measure.__name__.replace("_", " "),
                "n": sets.num_images,
                "positives": round(sets.num_images * sets.share),
                "counts": "fixed" if sets.is_stratified else "drawn",
                "threshold": sets.threshold,
                "AUC": sets.auc,
                "seeds": sets.num_seeds,
                "per group": sets.group_size,
            }
            rows.append(row | {name: f"{rate:.1%}" for name, rate in measure(sets, options.repetitions).items()})
        show(rows, options.json)


if __name__ == "__main__":
    main()
