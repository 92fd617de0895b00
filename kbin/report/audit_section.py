"""The audit as a section of the page: the verdict, and what each check found."""

from dataclasses import dataclass

from kbin.audit_files import AuditFiles
from kbin.report.audit_pictures import ROOM, ShownStrip, most_pictures, shown_strips
from kbin.report.recorded_audit import AuditFinding, AuditTable, AuditVerdict, Cell, RecordedAudit, read_audit
from kbin.report.wording import UNDEFINED, count_text, listed
from kbin.run_files import AUDIT
from kbin.runs import RunDirectory

_MOST_ROWS = 30  # of a table that the page shows
_MOST_DETAILS = 12
_WHOLE_FROM = 999.5  # numbers without decimals
MARKS = {"high": "severe", "medium": "matters", "low": "good to know"}
SIGNS = {"high": "▲", "medium": "●", "low": "○"}
_LOOKS = {"high": "strong", "medium": "some", "low": "weak"}
WEIGHTS = {"strong": "strong evidence", "some": "some evidence", "weak": "weak evidence"}


@dataclass(frozen=True)
class ShownTable:
    """A table of text; `numbers` says of each column whether it holds numbers."""

    title: str
    columns: tuple[str, ...]
    numbers: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


@dataclass(frozen=True)
class ShownFinding:
    """A check that found something.

    Attributes:
        finding: As it was recorded.
        mark: Its severity in words.
        sign: Its severity as a sign.
        look: The weight of an explanation that it looks like.
        details: The first of its sentences.
        tables: Of it.
        strips: Of its images, those that the page has room for.
        num_pictures: How many these are.
        note: What of it is not shown.
    """

    finding: AuditFinding
    mark: str
    sign: str
    look: str
    details: tuple[str, ...]
    tables: tuple[ShownTable, ...]
    strips: tuple[ShownStrip, ...]
    num_pictures: int
    note: str


@dataclass(frozen=True)
class AuditSection:
    """What the page shows of an audit.

    Attributes:
        verdict: The answer, explanations and next steps.
        weights: What the weight of an explanation is called.
        not_explaining: Sentences: what was found and does not explain the fall.
        found: Checks that found something, the best explanations first.
        clean: Checks that found nothing.
        not_applicable: Checks that could not be made.
        titles: Code -> title, of the checks that a link can lead to.
        alarm: A sentence for the summary of the page, "" where nothing severe was found.
        about: From what and when it was made.
    """

    verdict: AuditVerdict
    weights: dict[str, str]
    not_explaining: tuple[str, ...]
    found: tuple[ShownFinding, ...]
    clean: tuple[AuditFinding, ...]
    not_applicable: tuple[AuditFinding, ...]
    titles: dict[str, str]
    alarm: str
    about: RecordedAudit


def audit_section(run: RunDirectory, room: int = ROOM) -> AuditSection | None:
    """Returns the audit of a run as the page shows it; None where it was not audited.

    Args:
        run: The run's folder.
        room: Bytes that are left for its pictures in the page.

    Raises:
        RunFolderError: Its findings.json is damaged, or leads out of the folder.
    """
    contents = AuditFiles(run).read()
    if contents is None:
        return None
    audit = read_audit(contents)
    found = audit.of_outcome("found")
    most = most_pictures(run, found, room)
    return AuditSection(
        verdict=audit.verdict,
        weights=WEIGHTS,
        not_explaining=tuple(audit.not_explaining),
        found=tuple(_shown(run, finding, most) for finding in found),
        clean=tuple(audit.of_outcome("clean")),
        not_applicable=tuple(audit.of_outcome("not_applicable")),
        titles={finding.code: finding.title for finding in found},
        alarm=_alarm(audit),
        about=audit,
    )


def _alarm(audit: RecordedAudit) -> str:
    """Returns a warning of severe findings; of none that the verdict found to make no difference."""
    told = {one.code for one in audit.verdict.explanations}
    severe = [one.title for one in audit.of_outcome("found") if one.severity == "high" and one.code in told]
    if not severe:
        return ""
    return f"The audit found what keeps these figures from being believed as they stand: {listed(severe)}."


def _shown(run: RunDirectory, finding: AuditFinding, most: int) -> ShownFinding:
    strips = shown_strips(run, finding.strips, most)
    num_shown = sum(len(strip.pictures) for strip in strips)
    more = {
        "image": sum(len(strip.images) for strip in finding.strips) - num_shown,
        "sentence": len(finding.details) - _MOST_DETAILS,
    }
    kept = listed([count_text(number, f"more {what}") for what, number in more.items() if number > 0])
    return ShownFinding(
        finding,
        MARKS[finding.severity],
        SIGNS[finding.severity],
        _LOOKS[finding.severity],
        finding.details[:_MOST_DETAILS],
        tuple(_table(one) for one in finding.tables),
        strips,
        num_shown,
        f"Not shown here: {kept}; {AUDIT}/findings.json has all." if kept else "",
    )


def _table(table: AuditTable) -> ShownTable:
    rows = table.rows[:_MOST_ROWS]
    numbers = tuple(
        any(_is_number(row[place]) for row in rows) and not any(isinstance(row[place], str) for row in rows)
        for place in range(len(table.columns))
    )
    num_more = len(table.rows) - len(rows)
    note = f"{count_text(num_more, 'more row')} in {AUDIT}/findings.json." if num_more else ""
    return ShownTable(table.title, table.columns, numbers, tuple(tuple(map(cell_text, row)) for row in rows), note)


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_text(value: Cell) -> str:
    """Returns a cell as text: counts whole, other numbers with three digits, an en dash for nothing."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"
    return value
