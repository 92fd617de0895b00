"""Which models a set tells apart under a metric, in words: nothing that the paired tests do not support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbin.metric_names import metric_row
from kbin.report.recorded import RunResults
from kbin.report.recorded_comparisons import MetricComparison, PairResults
from kbin.report.wording import interval_text, listed, metric_text, range_text, title_in_text

LEVEL = 0.05  # of the p-values after Holm's correction
_MOST_NAMED = 3  # models in one list of a sentence


def winner(name: str, pair: PairResults) -> str | None:
    """Returns the better model of a pair; None where the two cannot be told apart.

    Args:
        name: The metric, which says what "better" is.
        pair: As recorded.
    """
    if pair.p_adjusted is None or pair.p_adjusted >= LEVEL or pair.difference == 0:
        return None
    return pair.models[0 if (pair.difference > 0) == metric_row(name).higher_is_better else 1]


def pair_verdict(name: str, pair: PairResults) -> str:
    """Returns what the tests of one pair say, and which of them stands in the way of more."""
    better = winner(name, pair)
    if better is not None:
        return f"{better} is better"
    if pair.p_adjusted is None:
        return "not tested"
    if pair.p_value is not None and pair.p_value < LEVEL:
        if pair.p_seeds is not None and pair.p_seeds >= LEVEL:
            return "cannot be told apart: training again may turn it round"
        return "cannot be told apart among so many comparisons"
    return "cannot be told apart"


@dataclass(frozen=True)
class Standing:
    """The models of one set under one metric, the best value first, and who beats whom.

    Attributes:
        name: The metric.
        values: Model id -> value.
        texts: Model id -> its value with interval, as written.
        pairs: Both ids, in either order -> the recorded pair.
        wins: (better, worse) of all pairs that can be told apart.
    """

    name: str
    values: Mapping[str, float]
    texts: Mapping[str, str]
    pairs: Mapping[frozenset[str], PairResults]
    wins: frozenset[tuple[str, str]]

    @property
    def top(self) -> str:
        """The model with the best value."""
        return next(iter(self.values))

    @property
    def level_with_top(self) -> tuple[str, ...]:
        """Those that cannot be told apart from the best one, itself left out."""
        return tuple(one for one in self.values if one != self.top and (self.top, one) not in self.wins)

    @property
    def beaten_by_top(self) -> tuple[str, ...]:
        """Those that the best one beats."""
        return tuple(one for one in self.values if (self.top, one) in self.wins)

    @property
    def splits_in_two(self) -> bool:
        """Whether nobody among the best can be told from another of them, and each of them beats all others."""
        first = (self.top, *self.level_with_top)
        inside = any(better in first and worse in first for better, worse in self.wins)
        return not inside and all((one, other) in self.wins for one in first for other in self.beaten_by_top)

    @property
    def detectable(self) -> float | None:
        """The largest of the smallest differences that would show, over the pairs."""
        known = [pair.detectable for pair in self.pairs.values() if pair.detectable is not None]
        return max(known, default=None)


def standing(results: RunResults, set_name: str, name: str) -> Standing | None:
    """Returns who beats whom under a metric on a set; None where that was not compared."""
    comparison = results.comparisons.get(set_name, {}).get(name)
    if comparison is None:
        return None
    entries = {model.id: model.sets[set_name] for model in results.done if model.id in comparison.letters}
    falls = metric_row(name).higher_is_better
    found = {one: value for one, entry in entries.items() if (value := entry.metrics.get(name)) is not None}
    order = sorted(found, key=lambda one: -found[one] if falls else found[one])
    if len(order) < 2:
        return None
    return Standing(
        name,
        {one: found[one] for one in order},
        {one: f"{metric_text(name, found[one])} {interval_text(name, entries[one])}".strip() for one in order},
        {frozenset(pair.models): pair for pair in comparison.pairs},
        frozenset(_wins(name, comparison)),
    )


def _wins(name: str, comparison: MetricComparison) -> list[tuple[str, str]]:
    pairs = [(pair, winner(name, pair)) for pair in comparison.pairs]
    return [(better, next(one for one in pair.models if one != better)) for pair, better in pairs if better is not None]


def verdict_sentence(found: Standing) -> str:
    """Returns who can be told apart under a metric, with the values and the lead that counts; it ends in a full stop.

    See also `short_verdict`, for where the values stand beside it.
    """
    title = title_in_text(found.name)
    low, high = list(found.values)[-1], found.top
    if not found.wins and len(found.values) == 2:
        return f"{high} has {title} {found.texts[high]} and {low} {found.texts[low]}: they cannot be told apart."
    if not found.wins:
        return (
            f"none of the {len(found.values)} models can be told apart from another by {title}: "
            f"it goes from {found.texts[low]} ({low}) to {found.texts[high]} ({high})."
        )
    if len(found.values) == 2:
        return f"{high} beats {low} by {title}: {found.texts[high]} against {found.texts[low]}{_gap(found)}."
    return _of_many(found, _with_values(found), _gap(found))


def short_verdict(found: Standing) -> str:
    """Returns who can be told apart under a metric, without values; it ends in a full stop."""
    title = title_in_text(found.name)
    if len(found.values) == 2:
        verdict = "beats {} by {}" if found.wins else "and {} cannot be told apart by {}"
        return f"{found.top} {verdict.format(list(found.values)[1], title)}."
    if not found.wins:
        return f"None of the {len(found.values)} models can be told apart from another by {title}."
    return _of_many(found, {one: one for one in found.values}, "")


def _of_many(found: Standing, names: Mapping[str, str], gap: str) -> str:
    """Returns the verdict on three models and more, of whom some can be told apart.

    Args:
        found: The standing.
        names: Model id -> what stands for it.
        gap: The lead of the best model over those that it beats.
    """
    title = title_in_text(found.name)
    first = (found.top, *found.level_with_top)
    beaten, level = _listed(names, found.beaten_by_top), _listed(names, found.level_with_top)
    if not found.beaten_by_top:
        return f"{names[found.top]} has the best {title}, and cannot be told apart from {level}; others can."
    if not found.level_with_top:
        return f"{names[found.top]} has the best {title} and beats {beaten}{gap}."
    if found.splits_in_two:
        who = "both beat" if len(first) == 2 else "each of them beats"
        return f"{_listed(names, first)} cannot be told apart by {title}; {who} {beaten}{gap}."
    return f"{names[found.top]} has the best {title} and beats {beaten}{gap}; it cannot be told apart from {level}."


def _with_values(found: Standing) -> dict[str, str]:
    return {one: f"{one} ({metric_text(found.name, value)})" for one, value in found.values.items()}


def _listed(names: Mapping[str, str], models: Sequence[str]) -> str:
    rest = len(models) - _MOST_NAMED
    shown = [names[one] for one in models[: _MOST_NAMED if rest > 1 else None]]
    return listed([*shown, f"{rest} more"] if rest > 1 else shown)


def _gap(found: Standing) -> str:
    """Returns the smallest lead of the best model over one that it beats."""
    beaten = found.beaten_by_top
    if not beaten:
        return ""
    pair = found.pairs[frozenset((found.top, beaten[0]))]
    far = "" if len(beaten) == 1 else f" over {beaten[0]}" if len(found.values) > 2 else ""
    text = metric_text(found.name, abs(pair.difference))
    if pair.interval is None:
        return f", a lead of {text}{far}"
    low, high = sorted(pair.interval if found.top == pair.models[0] else (-pair.interval[1], -pair.interval[0]))
    if not metric_row(found.name).higher_is_better:
        low, high = -high, -low
    return f", a lead of {text}{far} (95% interval over images {range_text(found.name, low, high)})"


def detectable_text(found: Standing) -> str:
    """Returns which difference these images would have shown, "" where all are told apart or none is known."""
    if found.detectable is None or len(found.wins) == len(found.pairs):
        return ""
    # Where a difference that is found in four of five cases was there and was not found, nothing is to be said of it.
    if any(
        winner(found.name, pair) is None and pair.detectable is not None and abs(pair.difference) >= pair.detectable
        for pair in found.pairs.values()
    ):
        return ""
    between = "" if len(found.pairs) == 1 else " between any two"
    return (
        f"a difference of {metric_text(found.name, found.detectable)}{between} would have shown here in "
        "four of five cases"
    )


def capitalized(sentence: str) -> str:
    """Returns a verdict as the start of a paragraph; a model's id stays as it is."""
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("none of the ") else sentence


def agreement_sentence(ranking: Standing, answers: Standing) -> str:
    """Returns whether the accuracy tells the same models apart as the ROC AUC, with its numbers.

    Args:
        ranking: Under the ROC AUC.
        answers: Under the accuracy.
    """
    turned = next((pair for pair in sorted(ranking.wins) if pair[::-1] in answers.wins), None)
    if turned is not None:
        better, worse = turned
        return (
            f"ROC AUC and accuracy disagree: {better} orders the images better, {worse} gives more right answers at "
            f"its threshold ({answers.texts[worse]} against {answers.texts[better]})."
        )
    if ranking.wins != answers.wins:
        return (
            f"{capitalized(verdict_sentence(answers))} ROC AUC and accuracy do not say the same: the first judges the "
            "order of all images, the second the answers at one threshold."
        )
    ends = list(answers.values)
    if not answers.wins:
        text = f"{answers.texts[ends[-1]]} to {answers.texts[ends[0]]}"
        whom = "they" if len(ends) == 2 else "they all"
        return f"By accuracy {whom} cannot be told apart either ({text})."
    numbers = [f"{one} {metric_text(answers.name, value)}" for one, value in list(answers.values.items())[:_MOST_NAMED]]
    more = f", {len(ends) - len(numbers)} more" if len(ends) > len(numbers) else ""
    return f"Accuracy tells the same models apart ({', '.join(numbers)}{more})."
