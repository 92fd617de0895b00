"""What audit/findings.json says of a run, typed and checked: it may come from a stranger, as the whole folder may."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, FiniteFloat, StringConstraints, ValidationError, model_validator

from kbin.errors import RunFolderError
from kbin.report.recorded_faults import recorded_faults
from kbin.report.recorded_sets import RecordedPart

# A number of hexadecimal digits in one folder: nothing that leads out of it.
_PICTURE = re.compile(r"pictures/[0-9a-f]{1,128}\.jpg")
# A code becomes an anchor of the page.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
# With bool before int, or true would be shown as 1.
Cell = bool | int | FiniteFloat | str | None
Outcome = Literal["found", "clean", "not_applicable"]
OUTCOMES: tuple[Outcome, ...] = ("found", "clean", "not_applicable")
Severity = Literal["high", "medium", "low"]
Weight = Literal["strong", "some", "weak"]


def _picture_name(name: str) -> str:
    if _PICTURE.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no name of an audit's picture")
    return name


PictureName = Annotated[str, AfterValidator(_picture_name)]


class AuditImage(RecordedPart):
    """One image; `file` is its picture in the folder of the audit, None where it could not be shown."""

    set: str
    sample_id: str
    path: str
    label: str
    caption: str = ""
    file: PictureName | None = None


class AuditStrip(RecordedPart):
    """Images beside each other."""

    title: str
    images: tuple[AuditImage, ...]


class AuditTable(RecordedPart):
    """A small table; every row has a cell a column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @model_validator(mode="after")
    def _even(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of the table '{self.title}' has not as many cells as the headings")
        return self


class AuditFinding(RecordedPart):
    """One check and how it ended; `kbin.audit.findings.Outcome` says what its parts are."""

    code: Code
    title: str
    severity: Severity
    outcome: Outcome
    summary: str
    details: tuple[str, ...] = ()
    next_step: str = ""
    strength: FiniteFloat | None = None
    tables: tuple[AuditTable, ...] = ()
    strips: tuple[AuditStrip, ...] = ()


class AuditExplanation(RecordedPart):
    """One explanation of the verdict."""

    code: str
    sentence: str
    weight: Weight


class AuditStep(RecordedPart):
    """What to do next, and the check that says so."""

    sentence: str
    code: str


class AuditVerdict(RecordedPart):
    """What all checks say together; `kbin.audit.verdict.Verdict` says what its parts are."""

    question: str
    answer: str
    explanations: tuple[AuditExplanation, ...] = ()
    ruled_out: tuple[str, ...] = ()
    not_tested: tuple[str, ...] = ()
    next_steps: tuple[AuditStep, ...] = ()


class RecordedAudit(RecordedPart):
    """All of findings.json; `features_of` is the model whose features were looked at."""

    findings: tuple[AuditFinding, ...]
    verdict: AuditVerdict
    features_of: str | None = None
    audited: str = ""

    @model_validator(mode="after")
    def _codes_once(self) -> Self:
        for code, number in Counter(finding.code for finding in self.findings).items():
            if number > 1:
                raise ValueError(f"{number} findings have the code '{code}'")
        return self

    def of_outcome(self, outcome: Outcome) -> list[AuditFinding]:
        """Returns the findings that ended so; found ones in the order of the verdict, then the gravest first."""
        ended = [finding for finding in self.findings if finding.outcome == outcome]
        places = {one.code: place for place, one in enumerate(self.verdict.explanations)}
        grave = ("high", "medium", "low")
        return sorted(ended, key=lambda one: (places.get(one.code, len(places)), grave.index(one.severity)))

    @property
    def reading_order(self) -> list[AuditFinding]:
        """All findings, what was found first."""
        return [one for ended in OUTCOMES for one in self.of_outcome(ended)]

    @property
    def not_explaining(self) -> list[str]:
        """What was found and does not explain the fall, as sentences; checks that found nothing are left out."""
        clean = {f"{finding.title}: {finding.summary}" for finding in self.of_outcome("clean")}
        return [sentence for sentence in self.verdict.ruled_out if sentence not in clean]


def read_audit(contents: Mapping[str, Any]) -> RecordedAudit:
    """Returns the contents of findings.json, checked.

    Args:
        contents: As `AuditFiles.read` reads them.

    Raises:
        RunFolderError: Something is missing or of another kind.
    """
    try:
        return RecordedAudit.model_validate(contents)
    except ValidationError as error:
        raise RunFolderError(
            f"audit/findings.json is damaged, or another version of kbin wrote it ({recorded_faults(error)}): "
            "`kbin audit` on the folder makes it anew; without its folder the page leaves the audit out."
        ) from None
