"""What each check that found something says of a fall: how much of it that can explain, in plain words."""

from collections.abc import Callable, Collection

from kbin.audit.evidence import (
    DRIFTS,
    INPUT,
    LEAKS,
    NOT_STRONG,
    NOTABLE,
    PREMIUM,
    SOME,
    Explanation,
    Situation,
    joined,
    part_of,
    plain_evidence,
    points,
)
from kbin.audit.explained_drift import explained_by_drift
from kbin.audit.explained_leaks import explained_by_leak, explained_by_premium
from kbin.audit.falls import MEASURED_BY, Fall
from kbin.audit.findings import Finding

_HARDLY_MORE = 0.02  # of accuracy than one answer for all images gets


def explanation(finding: Finding, fall: Fall | None, found: Collection[str], clean: Collection[str]) -> Explanation:
    """Returns what a check that found something says of the fall.

    Args:
        finding: It.
        fall: The fall in question; None where no set falls beyond noise, or it was not measured.
        found: Codes of all checks that found something.
        clean: Codes of those that did not.
    """
    if fall is None:
        return _without_a_fall(finding)
    return _KINDS.get(finding.check.code, _other)(finding, fall, Situation(found, clean))


def comes_first(finding: Finding) -> bool:
    """Returns whether a finding goes before all others: a faulty input, through which everything is measured."""
    return finding.check.code == INPUT and finding.severity != "low"


def _without_a_fall(finding: Finding) -> Explanation:
    code = finding.check.code
    more = {
        INPUT: "Every other figure is measured through this input." if comes_first(finding) else "",
        PREMIUM: "The figures promise more than new images will get.",
        MEASURED_BY: "",
        "label-noise": "That bounds what any model can reach, and what the figures can show.",
        "shortcuts": "High figures need not be about what is to be seen in the images.",
        **dict.fromkeys(
            LEAKS,
            # Low: they lie within one set, or between sets that nothing is trained on.
            ""
            if finding.severity == "low"
            else "Figures on sets that share images with the training set are too good.",
        ),
        **dict.fromkeys(DRIFTS, "The sets differ, and no figure shows that it hurt."),
    }
    evidence = 1.0 if code == INPUT and finding.severity == "high" else plain_evidence(finding)
    if code in DRIFTS:
        evidence = min(evidence, SOME - 0.01)
    return Explanation(code, joined(finding.ended.summary, more.get(code, "")), evidence)


def _input(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    if not comes_first(finding):
        return _other(finding, fall, situation)
    more = "Look at this first: every other figure is measured through it."
    return Explanation(INPUT, joined(finding.ended.summary, more), 1.0 if finding.severity == "high" else NOT_STRONG)


def _threshold(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    part = fall.threshold_part
    if part is None:
        return _other(finding, fall, situation)
    share = fall.share(part)
    if share < NOTABLE:
        more = f"The threshold does not explain the fall: another one gives back {points(max(0.0, part))}."
        return Explanation(MEASURED_BY, more, share, explains=False)
    reached = min(1.0, fall.accuracy + part) if fall.best_accuracy is None else fall.best_accuracy
    more = f"The threshold explains {part_of(part, fall)}: with one that fits “{fall.set_name}”, {fall.model} would be "
    more += f"right on about {reached:.1%} there"
    majority = fall.majority_accuracy
    if majority is None or reached > majority + _HARDLY_MORE:
        return Explanation(MEASURED_BY, f"{more}.", share)
    more += f", hardly more than one answer for all images gets, {majority:.1%}: no threshold helps against that."
    return Explanation(MEASURED_BY, more, min(NOT_STRONG, share))


def _share_of_positives(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    code, summary = finding.check.code, finding.ended.summary
    if fall.share_part is None:
        more = "It can explain a fall, and why a threshold no longer fits."
        return Explanation(code, joined(summary, more), min(NOT_STRONG, plain_evidence(finding)))
    share = fall.share(fall.share_part)
    if share < NOTABLE:
        takes = points(fall.share_part) if fall.share_part > 0 else "nothing"
        more = f"That does not explain the fall: it takes {takes} of the accuracy."
        return Explanation(code, joined(summary, more), share, explains=False)
    return Explanation(code, joined(summary, f"That explains {part_of(fall.share_part, fall)}."), share)


def _label_noise(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    more = "Wrong labels bound what any model can reach there; they explain a fall only where one set has more of them."
    evidence = min(NOT_STRONG, plain_evidence(finding))
    return Explanation(finding.check.code, joined(finding.ended.summary, more), evidence)


def _shortcuts(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    more = (
        f"So the high figures, of “{fall.reference_set}” too, need not be about what is to be seen; "
        "that explains a fall wherever what gives the class away is missing."
    )
    return Explanation(finding.check.code, joined(finding.ended.summary, more), plain_evidence(finding))


def _other(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    return Explanation(finding.check.code, finding.ended.summary, plain_evidence(finding))


_KINDS: dict[str, Callable[[Finding, Fall, Situation], Explanation]] = {
    INPUT: _input,
    PREMIUM: explained_by_premium,
    **dict.fromkeys(LEAKS, explained_by_leak),
    **dict.fromkeys(DRIFTS, explained_by_drift),
    MEASURED_BY: _threshold,
    "share-of-positives": _share_of_positives,
    "label-noise": _label_noise,
    "shortcuts": _shortcuts,
}
