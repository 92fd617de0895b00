"""What each check that found something says of a fall: how much of it that can explain, in plain words."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from kbin.audit.falls import MEASURED_BY, Fall
from kbin.audit.findings import Finding

Weight = Literal["strong", "some", "weak"]

INPUT = "input-numbers"
PREMIUM = "leak-premium"
# Checks that find images of one origin in several sets, or on both sides of a split.
LEAKS = ("exact-copies", "near-copies", "split-groups", "neighbouring-frames")
DRIFTS = ("drift-features", "drift-properties")
# In a few words, as they stand inside a sentence; of other checks their own title.
IN_SHORT = {
    INPUT: "an input that is not what the backbone was trained on",
    PREMIUM: "images of one origin on both sides of the split",
    "exact-copies": "the same images in several places",
    "near-copies": "near copies of the same images in several places",
    "split-groups": "groups that stand on both sides of the split",
    "neighbouring-frames": "neighbouring frames on both sides of the split",
    "drift-features": "drift, images that look different",
    "drift-properties": "drift in plain properties of the images",
    "share-of-positives": "another share of the classes",
    "label-noise": "wrong labels",
    "shortcuts": "a shortcut past what is to be seen",
    MEASURED_BY: "a threshold that does not fit",
}
_STRONG, _SOME = 0.5, 0.2  # of the fall, or of the figures
# How much a finding can weigh that nothing measures against the fall.
_OF_SEVERITY = {"high": 1.0, "medium": 0.7, "low": 0.3}
# A ranking that takes less of the fall than this needs no explanation of its own.
NOTABLE = 0.2
_NOT_STRONG = 0.49


@dataclass(frozen=True)
class Explanation:
    """What one check says of the fall.

    Attributes:
        code: Of the check.
        sentence: In plain words; it says "explains", never "causes".
        evidence: 0 to 1, how much of the fall it can explain, as far as the figures show it.
        explains: Whether it can; a found thing that does not is told apart.
    """

    code: str
    sentence: str
    evidence: float
    explains: bool = True

    @property
    def weight(self) -> Weight:
        """The evidence in a word."""
        return "strong" if self.evidence >= _STRONG else "some" if self.evidence >= _SOME else "weak"


@dataclass(frozen=True)
class _Situation:
    """The codes of the checks that found something, and of those that did not."""

    found: Collection[str]
    clean: Collection[str]


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
    return _KINDS.get(finding.check.code, _other)(finding, fall, _Situation(found, clean))


def points(share: float) -> str:
    """Returns a share of the images as "12.8 points", of a hundred."""
    text = f"{abs(100 * share):.1f}"
    return f"{text} point" if text == "1.0" else f"{text} points"


def part_of(part: float, fall: Fall) -> str:
    """Returns "7.9 of the 12.8 points"; a part that is more than the fall is "all of the 12.8 points"."""
    whole = points(fall.size)
    return f"all of the {whole}" if part >= 0.995 * fall.size else f"{100 * part:.1f} of the {whole}"


def areas(fall: Fall) -> str:
    """Returns "ROC AUC 0.930 to 0.841", or nothing where one is undefined."""
    return "" if None in (fall.reference_auc, fall.auc) else f"ROC AUC {fall.reference_auc:.3f} to {fall.auc:.3f}"


def _plain_evidence(finding: Finding) -> float:
    strength = min(1.0, max(0.0, finding.ended.strength))
    return _OF_SEVERITY[finding.severity] * strength


def _without_a_fall(finding: Finding) -> Explanation:
    code = finding.check.code
    more = {
        INPUT: "Every other figure is measured through this input.",
        PREMIUM: "The figures promise more than new images will get.",
        MEASURED_BY: "",
        "label-noise": "That bounds what any model can reach, and what the figures can show.",
        "shortcuts": "High figures need not be about what is to be seen in the images.",
        **dict.fromkeys(LEAKS, "Figures on sets that share images with the training set are too good."),
        **dict.fromkeys(DRIFTS, "The sets differ, and no figure shows that it hurt."),
    }
    evidence = 1.0 if code == INPUT else _plain_evidence(finding)
    if code in DRIFTS:
        evidence = min(evidence, _SOME - 0.01)
    return Explanation(code, _joined(finding.ended.summary, more.get(code, "")), evidence)


def _input(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    more = "Mend this first: every other figure is measured through it."
    return Explanation(INPUT, _joined(finding.ended.summary, more), 1.0)


def _premium(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    """What a split that keeps images of one origin together costs is measured in the units of the fall."""
    premium = finding.ended.values.get("premium")
    if not isinstance(premium, int | float):
        more = f"“{fall.reference_set}” promises too much by as much, and the fall is smaller than it looks."
        return Explanation(PREMIUM, _joined(finding.ended.summary, more), _plain_evidence(finding))
    share = fall.share(premium)
    more = (
        f"That is enough to explain the whole fall of {points(fall.size)}: “{fall.reference_set}” promised too much."
        if share >= 1
        else f"That explains {part_of(premium, fall)} at most: by so much “{fall.reference_set}” promised too much."
    )
    return Explanation(PREMIUM, _joined(finding.ended.summary, more), share)


def _leak(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    if PREMIUM in situation.clean:
        more = "It does not explain the fall: split without them, the same setting does as well."
        return Explanation(finding.check.code, _joined(finding.ended.summary, more), 0.0, explains=False)
    more = f"If “{fall.reference_set}” shares them with the training set, it promises too much, and the fall is smaller"
    more += " than it looks; how much, the leak premium says." if PREMIUM in situation.found else " than it looks."
    evidence = _plain_evidence(finding)
    return Explanation(finding.check.code, _joined(finding.ended.summary, more), evidence)


def _drift(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    """Images of another kind are ranked worse, and move scores across the threshold."""
    # Sets that a classifier hardly tells apart do not explain a great loss.
    trust = min(1.0, 2 * max(0.0, finding.ended.strength))
    where, code = f" ({areas(fall)})" if areas(fall) else "", finding.check.code
    if fall.ranking_part is None:
        more = "It can explain a fall; its parts are not known."
        return Explanation(code, _joined(finding.ended.summary, more), min(_NOT_STRONG, _plain_evidence(finding)))
    ranking, threshold = max(0.0, fall.ranking_part), max(0.0, fall.threshold_part or 0.0)
    cover = fall.share(ranking + threshold) * trust
    if fall.share(ranking) < NOTABLE:
        more = f"It does not explain a worse ranking, for the images are ranked about as well{where}"
        more += (
            f"; at most it explains why the threshold no longer fits, {part_of(threshold, fall)}."
            if fall.share(threshold) >= NOTABLE
            else "."
        )
        evidence = 0.5 * fall.share(threshold) * trust
        return Explanation(code, _joined(finding.ended.summary, more), evidence, explains=evidence >= 0.5 * NOTABLE)
    if code != DRIFTS[0] and DRIFTS[0] in situation.found:
        more = "That is how the sets differ, or a part of it, and explains no more of the fall than that they do."
        return Explanation(code, _joined(finding.ended.summary, more), min(_NOT_STRONG, cover))
    verb = "is enough to explain" if trust >= 1 else "explains some of"
    more = f"That {verb} the worse ranking{where}, {part_of(ranking, fall)}"
    more += (
        f", and why the threshold no longer fits, {100 * threshold:.1f} more."
        if fall.share(threshold) >= NOTABLE
        else "."
    )
    return Explanation(code, _joined(finding.ended.summary, more), cover)


def _threshold(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    part = fall.threshold_part
    if part is None:
        return _other(finding, fall, situation)
    share = fall.share(part)
    if share < NOTABLE:
        more = f"The threshold does not explain the fall: another one gives back {points(max(0.0, part))}."
        return Explanation(MEASURED_BY, more, share, explains=False)
    reached = min(1.0, fall.accuracy + part)
    more = f"The threshold explains {part_of(part, fall)}: with one that fits “{fall.set_name}”, {fall.model} would be "
    return Explanation(MEASURED_BY, f"{more}right on about {reached:.1%} there.", share)


def _share_of_positives(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    code, summary = finding.check.code, finding.ended.summary
    if fall.share_part is None:
        more = "It can explain a fall, and why a threshold no longer fits."
        return Explanation(code, _joined(summary, more), min(_NOT_STRONG, _plain_evidence(finding)))
    share = fall.share(fall.share_part)
    if share < NOTABLE:
        more = f"That does not explain the fall: it takes {points(max(0.0, fall.share_part))} of accuracy."
        return Explanation(code, _joined(summary, more), share, explains=False)
    return Explanation(code, _joined(summary, f"That explains {part_of(fall.share_part, fall)}."), share)


def _label_noise(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    more = "Wrong labels bound what any model can reach there; they explain a fall only where one set has more of them."
    evidence = min(_NOT_STRONG, _plain_evidence(finding))
    return Explanation(finding.check.code, _joined(finding.ended.summary, more), evidence)


def _shortcuts(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    more = (
        f"So the high figures, of “{fall.reference_set}” too, need not be about what is to be seen; "
        "that explains a fall wherever what gives the class away is missing."
    )
    return Explanation(finding.check.code, _joined(finding.ended.summary, more), _plain_evidence(finding))


def _other(finding: Finding, fall: Fall, situation: _Situation) -> Explanation:
    return Explanation(finding.check.code, finding.ended.summary, _plain_evidence(finding))


def _joined(*sentences: str) -> str:
    return " ".join(sentence.strip() for sentence in sentences if sentence.strip())


_KINDS: dict[str, Callable[[Finding, Fall, _Situation], Explanation]] = {
    INPUT: _input,
    PREMIUM: _premium,
    **dict.fromkeys(LEAKS, _leak),
    **dict.fromkeys(DRIFTS, _drift),
    MEASURED_BY: _threshold,
    "share-of-positives": _share_of_positives,
    "label-noise": _label_noise,
    "shortcuts": _shortcuts,
}
