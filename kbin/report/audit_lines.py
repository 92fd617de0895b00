"""What an audit found, as the plain text that `kbin audit` prints: at most 80 columns, and no colour needed."""

from collections.abc import Mapping, Sequence
from typing import Any

from kbin.report.recorded_audit import AuditFinding, read_audit
from kbin.report.terminal import wrapped

_INDENT = 2
_WEIGHTS = {"strong": "Strong evidence", "some": "Some evidence", "weak": "Weak evidence"}
_FOUND = {"high": "!!", "medium": "! ", "low": "i "}
_ENDED = {"clean": "ok", "not_applicable": "- "}
_LEGEND = "!! severe, ! matters, i good to know, ok found nothing, - could not be made"


def audit_lines(contents: Mapping[str, Any]) -> list[str]:
    """Returns the verdict, what to do next, and a line a check.

    Args:
        contents: Of findings.json.

    Returns:
        Lines of at most 80 columns; names that would move the cursor or break a line are made harmless.

    Raises:
        RunFolderError: The findings are damaged.
    """
    audit = read_audit(contents)
    verdict = audit.verdict
    explanations = [f"{_WEIGHTS[one.weight]}: {one.sentence}" for one in verdict.explanations]
    return [
        *wrapped(verdict.question),
        "",
        *wrapped(verdict.answer),
        *_numbered("What was found, the strongest first", explanations),
        *_numbered("Found, and no explanation", audit.not_explaining),
        *_numbered("What to do next", [step.sentence for step in verdict.next_steps]),
        "",
        "Checks",
        *(line for finding in audit.reading_order for line in _check_lines(finding)),
        "",
        *wrapped(_LEGEND),
    ]


def _numbered(heading: str, sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    width = len(str(len(sentences)))
    lines = ["", heading]
    for number, sentence in enumerate(sentences, start=1):
        lines += wrapped(f"{number:>{width}}. {sentence}", indent=_INDENT, hanging=_INDENT + width + 2)
    return lines


def _check_lines(finding: AuditFinding) -> list[str]:
    mark = _FOUND[finding.severity] if finding.outcome == "found" else _ENDED[finding.outcome]
    reason = f": {finding.summary}" if finding.outcome == "not_applicable" else ""
    first, *more = wrapped(f"{finding.title}{reason}", indent=_INDENT + 4, hanging=_INDENT + 4) or [""]
    return [f"{' ' * _INDENT}{mark}  {first.strip()}", *more]
