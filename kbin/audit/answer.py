"""The answer to "why does the test set fall short?" in a few sentences."""

from collections.abc import Sequence

from kbin.audit.evidence import IN_SHORT, Explanation, areas, points
from kbin.audit.explanations import comes_first
from kbin.audit.falls import Fall
from kbin.audit.findings import Finding
from kbin.data.set_names import TRAIN


def answer(
    findings: Sequence[Finding], falls: Sequence[Fall], asked: Fall | None, told: Sequence[Explanation]
) -> list[str]:
    """Returns what a person reads first: the fall, its parts, and what explains it best.

    Args:
        findings: Of all checks.
        falls: Of all models and test sets.
        asked: The one in question; None where none was measured.
        told: The explanations, the best first.
    """
    if asked is None or asked.within_noise:
        return [*_no_fall(asked), *_doubts(findings, told)]
    heart = [f"“{TRAIN}” was learned from: a part of that is known by heart."] if asked.reference_set == TRAIN else []
    return [_sizes(asked), *_parts(asked), *heart, *_others(falls, asked), *_best(findings, told)]


def _no_fall(asked: Fall | None) -> list[str]:
    if asked is None:
        return ["How far a test set falls short could not be measured here."]
    if asked.size <= 0:
        return [
            f"No test set falls short: {asked.model} is right on {asked.accuracy:.1%} of “{asked.set_name}” and on "
            f"{asked.reference_accuracy:.1%} of “{asked.reference_set}”."
        ]
    return [f"{_sizes(asked)} {_noise(asked)}"]


def _noise(fall: Fall) -> str:
    ends = (
        "" if fall.interval is None else f" (95% interval {_signed(fall.interval[0])} to {_signed(fall.interval[1])})"
    )
    if fall.reference_set == TRAIN:
        return f"That says little: “{TRAIN}” was learned from{ends}."
    if fall.interval is not None and fall.interval[0] > 0:
        return f"That is too little to build on{ends}."
    return f"That is within noise: other images of the same kind could make as much{ends}."


def _signed(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "\N{MINUS SIGN}")


def _doubts(findings: Sequence[Finding], told: Sequence[Explanation]) -> list[str]:
    if not told:
        return [f"Nothing that was looked at speaks against the figures{_out_of(findings)}."]
    if _is_input(told[0], findings):
        return [f"But the figures stand on {_short(told[0], findings)}: look at that first."]
    return [f"But something speaks against the figures, first of all {_short(told[0], findings)}."]


def _sizes(fall: Fall) -> str:
    return (
        f"{fall.model} is right on {fall.accuracy:.1%} of “{fall.set_name}” and on {fall.reference_accuracy:.1%} of "
        f"“{fall.reference_set}”: {points(fall.size)} less."
    )


def _parts(fall: Fall) -> list[str]:
    """Returns the parts of a fall that are worth a word, the largest first."""
    named = {
        f"the ranking{f' ({areas(fall)})' if areas(fall) else ''}": fall.ranking_part,
        "the threshold": fall.threshold_part,
        "the share of the classes": fall.share_part,
    }
    if fall.ranking_part is None:
        named["what the shares of the classes do not explain"] = fall.rest_part
    known = {words: part for words, part in named.items() if part is not None}
    if not known:
        return []
    notable = sorted((item for item in known.items() if item[1] >= 0.0005), key=lambda item: -item[1])
    parts = [f"{points(part)} {'are' if points(part) != '1.0 point' else 'is'} {words}" for words, part in notable]
    gains = [f"{words} gives back {points(part)}" for words, part in known.items() if part <= -0.0005]
    text = ", ".join(parts) + ("; " if parts and gains else "") + ", ".join(gains)
    return [f"{text[:1].upper()}{text[1:]}."] if text else []


def _others(falls: Sequence[Fall], asked: Fall) -> list[str]:
    """Returns which further sets and models fall beyond noise."""
    beyond = [fall for fall in falls if not fall.within_noise and fall is not asked]
    models = [fall for fall in beyond if fall.set_name == asked.set_name]
    sets = [name for name in dict.fromkeys(fall.set_name for fall in beyond) if name != asked.set_name]
    sentences = []
    if models:
        sizes = sorted(fall.size for fall in models)
        most = f" to {points(sizes[-1])}" if points(sizes[-1]) != points(sizes[0]) else ""
        who = f"{models[0].model} falls" if len(models) == 1 else f"{len(models)} other models fall"
        first = f"{100 * sizes[0]:.1f}" if most else points(sizes[0])
        sentences.append(f"There too {who} by {first}{most}.")
    if sets:
        shown = ", ".join(f"“{name}”" for name in sets[:3]) + (f" and {len(sets) - 3} more" if len(sets) > 3 else "")
        sentences.append(f"Less so, but beyond noise too, falls {shown}.")
    return sentences


def _best(findings: Sequence[Finding], told: Sequence[Explanation]) -> list[str]:
    if not told:
        return [f"Nothing that was looked at explains it{_out_of(findings)}."]
    best = told[0]
    if _is_input(best, findings):
        return [f"Before anything else stands {_short(best, findings)}: every other figure is measured through it."]
    if best.weight == "weak":
        return [f"Nothing that was looked at explains it well; the most that was found is {_short(best, findings)}."]
    how = "The strongest explanation" if best.weight == "strong" else "The likeliest explanation, on some evidence,"
    return [f"{how} is {_short(best, findings)}."]


def _is_input(one: Explanation, findings: Sequence[Finding]) -> bool:
    return any(comes_first(finding) for finding in findings if finding.check.code == one.code)


def _short(one: Explanation, findings: Sequence[Finding]) -> str:
    title = next(finding.check.title for finding in findings if finding.check.code == one.code)
    return IN_SHORT.get(one.code, f"“{title}”")


def _out_of(findings: Sequence[Finding]) -> str:
    missing = sum(finding.ended.outcome == "not_applicable" for finding in findings)
    return f" ({missing} of {len(findings)} checks could not be made)" if missing else ""
