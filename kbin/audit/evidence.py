"""How much a finding explains, and the words that all explanations share."""

from collections.abc import Collection
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
_STRONG, SOME = 0.5, 0.2  # of the fall, or of the figures
# How much a finding can weigh that nothing measures against the fall.
_OF_SEVERITY = {"high": 1.0, "medium": 0.7, "low": 0.3}
# A ranking that takes less of the fall than this needs no explanation of its own.
NOTABLE = 0.2
NOT_STRONG = 0.49


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
        return "strong" if self.evidence >= _STRONG else "some" if self.evidence >= SOME else "weak"


@dataclass(frozen=True)
class Situation:
    """The codes of the checks that found something, and of those that did not."""

    found: Collection[str]
    clean: Collection[str]


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


def plain_evidence(finding: Finding) -> float:
    """Returns what a finding weighs that nothing measures against the fall: its strength, by its severity."""
    strength = min(1.0, max(0.0, finding.ended.strength))
    return _OF_SEVERITY[finding.severity] * strength


def joined(*sentences: str) -> str:
    """Returns sentences in a row; empty ones are left out."""
    return " ".join(sentence.strip() for sentence in sentences if sentence.strip())
