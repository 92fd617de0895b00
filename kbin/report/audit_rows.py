"""The findings of an audit as a table for spreadsheets, and in Markdown with the verdict."""

from kbin.report.markdown_table import markdown_text
from kbin.report.recorded_audit import AuditFinding, RecordedAudit
from kbin.report.table_rows import PlainTable

_COLUMNS = ("code", "title", "outcome", "severity", "evidence", "strength", "summary", "next_step")
_OUTCOMES = {"clean": "found nothing", "not_applicable": "could not be made"}


def audit_rows(audit: RecordedAudit) -> PlainTable:
    """Returns a row a check: how it ended, how bad it is, how well it explains a fall, and what to do.

    Severity, strength and evidence are empty where nothing was found.
    """
    return PlainTable(_COLUMNS, tuple(_row(audit, finding) for finding in audit.reading_order))


def markdown_audit(audit: RecordedAudit) -> str:
    """Returns the verdict, what to do next, and a row a check."""
    verdict = audit.verdict
    lines = [f"# {markdown_text(verdict.question)}", "", f"**Answer.** {markdown_text(verdict.answer)}"]
    # Tables: at the begin of a line other people's text could be a sign of Markdown's.
    if verdict.explanations:
        lines += ["", "## What was found, the strongest first", "", "| Evidence | What was found |", "| --- | --- |"]
        lines += [f"| {one.weight} | {markdown_text(one.sentence)} |" for one in verdict.explanations]
    if verdict.next_steps:
        titles = {finding.code: finding.title for finding in audit.findings}
        lines += ["", "## What to do next", "", "| Step | Check |", "| --- | --- |"]
        lines += [
            f"| {markdown_text(step.sentence)} | {markdown_text(titles.get(step.code, step.code))} |"
            for step in verdict.next_steps
        ]
    lines += ["", "## The checks", "", "| Check | Outcome | Summary |", "| --- | --- | --- |"]
    lines += [
        f"| {markdown_text(finding.title)} | {_outcome(finding)} | {markdown_text(finding.summary)} |"
        for finding in audit.reading_order
    ]
    return "\n".join(lines) + "\n"


def _outcome(finding: AuditFinding) -> str:
    return _OUTCOMES.get(finding.outcome, f"**found**, {finding.severity}")


def _row(audit: RecordedAudit, finding: AuditFinding) -> tuple[str | float | None, ...]:
    was_found = finding.outcome == "found"
    weights = {one.code: one.weight for one in audit.verdict.explanations}
    return (
        finding.code,
        finding.title,
        finding.outcome,
        finding.severity if was_found else None,
        weights.get(finding.code) if was_found else None,
        finding.strength if was_found else None,
        finding.summary,
        finding.next_step,
    )
