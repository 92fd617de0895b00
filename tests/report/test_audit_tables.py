import copy
import csv
import re

import pytest
from markdown_it import MarkdownIt

from kbin.errors import RunFolderError
from kbin.report.table_files import write_tables
from kbin.runs import RunDirectory
from tests.report.audited_runs import AUDIT, finding, save_audit
from tests.report.synthetic_runs import SyntheticRun


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return SyntheticRun(models={"only": 1.0}, sets={"test": (3, 2)}, seeds=(0,)).write(tmp_path)


def rows(run):
    with (run.path / "tables" / "audit.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_a_check_says_how_it_ended_and_what_to_do(run):
    write_tables(save_audit(run))
    found = rows(run)

    assert [(row["code"], row["outcome"], row["severity"], row["evidence"]) for row in found] == [
        ("drift-features", "found", "medium", "strong"),
        ("exact-copies", "found", "high", "weak"),
        ("label-noise", "clean", "", ""),
        ("shortcuts", "not_applicable", "", ""),
    ]
    assert found[1]["next_step"] == "Leave the 12 images out of “test”."
    assert (found[0]["strength"], found[2]["strength"]) == ("0.5", "")


def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(run):
    audit = copy.deepcopy(AUDIT)
    audit["findings"] = [finding("a", title="=SUM(1)", summary="x;=SUM(1)")]
    write_tables(save_audit(run, audit))

    assert (rows(run)[0]["title"], rows(run)[0]["summary"]) == ("'=SUM(1)", "x;'=SUM(1)")


def test_markdown_shows_the_texts_as_they_are_written(run):
    audit = copy.deepcopy(AUDIT)
    hostile = "# <b>a</b> | *b* [c](http://d) `e`"
    audit["findings"] = [finding("a", title=hostile, summary=hostile)]
    audit["verdict"] |= {"question": hostile, "answer": hostile}
    audit["verdict"]["explanations"] = [{"code": "a", "sentence": hostile, "weight": "some"}]
    audit["verdict"]["next_steps"] = [{"sentence": hostile, "code": "a"}]
    write_tables(save_audit(run, audit))
    page = MarkdownIt("commonmark").enable("table").render((run.path / "tables" / "audit.md").read_text("utf-8"))

    assert re.findall(r"<(\w+)", page).count("a") == 0
    assert "<b>" not in page
    shown = "# &lt;b&gt;a&lt;/b&gt; | *b* [c](http://d) `e`"
    # question, answer, explanation, step and its check, check and its summary
    assert page.count(shown) == 7
    assert len(re.findall(r"<h1", page)) == 1
    assert len(re.findall(r"<table", page)) == 3


def test_a_run_that_was_not_audited_has_no_such_tables_and_loses_those_of_an_earlier_one(run):
    write_tables(save_audit(run))
    assert (run.path / "tables" / "audit.md").exists()
    (run.path / "audit" / "findings.json").unlink()
    write_tables(run)

    assert not list((run.path / "tables").glob("audit.*"))


def test_a_damaged_audit_is_refused(run):
    save_audit(run)
    (run.path / "audit" / "findings.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"findings\.json is damaged"):
        write_tables(run)
