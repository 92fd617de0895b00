"""The verdict: from all findings to what explains a fall best, what does not, and what to do next."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kbin.audit.answer import answer
from kbin.audit.evidence import Explanation, Weight
from kbin.audit.explanations import comes_first, explanation
from kbin.audit.falls import Fall, fall_in_question, measured_falls
from kbin.audit.findings import Finding

_SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True)
class RankedExplanation:
    """One explanation; `weight` says how strong the evidence is."""

    code: str
    sentence: str
    weight: Weight


@dataclass(frozen=True)
class NextStep:
    """What to do, and the check that says so."""

    sentence: str
    code: str


@dataclass(frozen=True)
class Verdict:
    """What all checks say together.

    Attributes:
        question: What was asked of this very run.
        answer: In a few sentences.
        explanations: The best first.
        ruled_out: Sentences: what does not explain the fall, found or not.
        not_tested: Sentences: what could not be looked at, and why.
        next_steps: What to do, in the order of the explanations.
    """

    question: str
    answer: str
    explanations: tuple[RankedExplanation, ...]
    ruled_out: tuple[str, ...]
    not_tested: tuple[str, ...]
    next_steps: tuple[NextStep, ...]


def give_verdict(findings: Sequence[Finding]) -> dict[str, Any]:
    """Returns the verdict in plain JSON values; see `Verdict`."""
    return asdict(verdict(findings))


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Returns what all checks say together.

    Args:
        findings: Of all checks, in the order in which they were made.
    """
    falls = measured_falls(findings)
    asked = fall_in_question(falls)
    fall = None if asked is None or asked.within_noise else asked
    by_code = {finding.check.code: finding for finding in findings}
    explanations = _ranked(findings, fall)
    told = [one for one in explanations if one.explains]
    not_explaining = [one for one in explanations if not one.explains]
    steps = [NextStep(by_code[one.code].ended.next_step, one.code) for one in (*told, *not_explaining)]
    return Verdict(
        question=_question(fall),
        answer=" ".join(answer(findings, falls, asked, told)),
        explanations=tuple(RankedExplanation(one.code, one.sentence, one.weight) for one in told),
        ruled_out=(
            *(one.sentence for one in not_explaining),
            *(_named(finding) for finding in findings if finding.ended.outcome == "clean"),
        ),
        not_tested=tuple(_named(finding) for finding in findings if finding.ended.outcome == "not_applicable"),
        next_steps=_each_once(steps),
    )


def _each_once(steps: Sequence[NextStep]) -> tuple[NextStep, ...]:
    """Returns what is to do, once where several checks ask for the same."""
    first: dict[str, NextStep] = {}
    for step in steps:
        if step.sentence:
            first.setdefault(step.sentence, step)
    return tuple(first.values())


def _ranked(findings: Sequence[Finding], fall: Fall | None) -> list[Explanation]:
    """Returns what was found, the best explanation first; a faulty input goes before everything."""
    ended = {
        kind: [finding.check.code for finding in findings if finding.ended.outcome == kind]
        for kind in ("found", "clean")
    }
    found = [finding for finding in findings if finding.ended.outcome == "found"]
    places = {one.check.code: (not comes_first(one), _SEVERITIES.index(one.severity)) for one in found}
    explanations = [explanation(finding, fall, ended["found"], ended["clean"]) for finding in found]
    return sorted(explanations, key=lambda one: (places[one.code][0], -round(one.evidence, 2), places[one.code][1]))


def _question(fall: Fall | None) -> str:
    if fall is None:
        return "Does a test set fall short, and can the figures be believed?"
    return f"Why does “{fall.set_name}” fall short of “{fall.reference_set}”?"


def _named(finding: Finding) -> str:
    return f"{finding.check.title}: {finding.ended.summary}"
