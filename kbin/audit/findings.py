"""A finding: how one check ended, in words, numbers, tables and the images that it speaks of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kbin.audit.inputs import AuditInputs

FoundWhat = Literal["found", "clean", "not_applicable"]
# high: the figures cannot be believed as they stand; medium: it moves figures, or explains a fall; low: good to know.
Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class ShownImage:
    """One image that a finding speaks of.

    Attributes:
        set_name: Its set.
        index: Its place there.
        caption: What is to be seen in it, short: "labelled car, looks like plane (.03)".
    """

    set_name: str
    index: int
    caption: str = ""


@dataclass(frozen=True)
class ImageStrip:
    """A row of images beside each other: a pair of copies, the first suspects.

    Attributes:
        title: What they have in common.
        images: At most 12; a finding shows at most some 40 in all.
    """

    title: str
    images: tuple[ShownImage, ...]


@dataclass(frozen=True)
class FindingTable:
    """A small table; cells are text, numbers (shown with three digits) or None."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """What a check says.

    Attributes:
        outcome: "found", "clean", or "not_applicable".
        summary: One plain sentence with its numbers and n; of a check that is not applicable, the reason.
        details: Further sentences.
        next_step: What a person does about it, as one sentence that begins with a verb; empty where nothing is to do.
        strength: 0 to 1: how much of what the figures show it can explain or spoil (a share of the images, of the
            fall, or the like); ranks findings of one severity.
        severity: Where it is another than the check's own.
        values: The numbers for programs: plain JSON values, no NaN.
        tables: At most three.
        strips: The images that it speaks of.
        groups: Set name -> shape (n,), a group of each image, where the check finds what belongs together; images of
            one group are never on both sides of a split again.
    """

    outcome: FoundWhat
    summary: str
    details: tuple[str, ...] = ()
    next_step: str = ""
    strength: float = 0.0
    severity: Severity | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[FindingTable, ...] = ()
    strips: tuple[ImageStrip, ...] = ()
    groups: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        code: Its lasting name, such as "exact-copies".
        title: A heading, such as "The same image twice".
        severity: Of what it finds.
        run: Looks at the arrays.
        each_image_once: Whether it is spared the test sets that are a part of another: it would meet images twice.
    """

    code: str
    title: str
    severity: Severity
    run: Callable[["AuditInputs"], Outcome]
    each_image_once: bool = False


@dataclass(frozen=True)
class Finding:
    """A check and how it ended."""

    check: Check
    ended: Outcome

    @property
    def severity(self) -> Severity:
        """How bad it is, where it was found."""
        return self.ended.severity or self.check.severity


def clean(summary: str, **more: Any) -> Outcome:
    """Returns the outcome of a check that found nothing; see `Outcome` for the rest."""
    return Outcome("clean", summary, **more)


def found(summary: str, **more: Any) -> Outcome:
    """Returns the outcome of a check that found something; see `Outcome` for the rest."""
    return Outcome("found", summary, **more)


def not_applicable(reason: str) -> Outcome:
    """Returns the outcome of a check that cannot be made here."""
    return Outcome("not_applicable", reason)
