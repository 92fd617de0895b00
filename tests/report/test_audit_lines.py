import copy

import pytest
from rich.cells import cell_len

from kbin.errors import RunFolderError
from kbin.report.audit_lines import audit_lines
from tests.report.audited_runs import AUDIT, finding


def test_the_verdict_comes_first_then_what_to_do_then_a_line_a_check():
    assert audit_lines(AUDIT) == [
        "Why does “poly” fall short of “test”?",
        "",
        "good is right on 71.2% of “poly” and on 84.0% of “test”: 12.8 points less.",
        "",
        "What was found, the strongest first",
        "  1. Strong evidence: The sets differ. That is enough to explain it.",
        "  2. Weak evidence: 12 images are in both.",
        "",
        "Found, and no explanation",
        "  1. The share of the classes does not explain it.",
        "",
        "What to do next",
        "  1. Collect 200 labelled images like those of “poly”, and train with them.",
        "  2. Leave the 12 images out of “test”.",
        "",
        "Checks",
        "  !   The sets look different",
        "  !!  The same image twice",
        "  ok  Labels that look wrong",
        "  -   Shortcuts: There are no features: all was trained.",
        "",
        "!! severe, ! matters, i good to know, ok found nothing, - could not be made",
    ]


def test_long_and_hostile_texts_stay_in_their_columns_and_steer_no_terminal():
    text = "\x1b[2J\x07\r\n" + "long " * 40 + "unbroken" * 30 + "部" * 60 + "\u202e"
    audit = copy.deepcopy(AUDIT)
    audit["findings"] = [finding("a", title=text), finding("b", "not_applicable", title=text, summary=text)]
    audit["verdict"] |= {"question": text, "answer": text, "ruled_out": [text]}
    audit["verdict"]["explanations"] = [{"code": "a", "sentence": text, "weight": "some"}] * 12
    audit["verdict"]["next_steps"] = [{"sentence": text, "code": "a"}]
    lines = audit_lines(audit)

    assert max(map(cell_len, lines)) <= 80
    assert all(line.isprintable() for line in lines)
    assert any(line.startswith(" 12. ") or line.startswith("  12. ") for line in lines)


def test_without_anything_found_there_are_no_empty_headings():
    audit = copy.deepcopy(AUDIT)
    audit["findings"] = [finding("a", "clean", title="A")]
    audit["verdict"] |= {"explanations": [], "next_steps": [], "ruled_out": ["A: Summary of a."]}

    assert audit_lines(audit)[3:] == ["", "Checks", "  ok  A", "", audit_lines(AUDIT)[-1]]


def test_a_damaged_audit_is_refused_with_what_to_do():
    with pytest.raises(RunFolderError, match=r"audit/findings\.json is damaged.*`kbin audit` on the folder"):
        audit_lines({"findings": []})
