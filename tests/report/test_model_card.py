"""The card is read by an independent Markdown parser, and what people wrote on it is theirs."""

import pytest
from markdown_it import MarkdownIt

from kbin.errors import RunFolderError
from kbin.report.model_card import write_cards
from kbin.report.recorded import read_results
from kbin.runs import RunDirectory
from tests.report.audited_runs import save_audit
from tests.report.conftest import HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun
from tests.report.test_markdown_table import Shown

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def card_of(run: RunDirectory, model_id: str) -> str:
    write_cards(run)
    return (run.path / "models" / model_id / "model_card.md").read_text(encoding="utf-8")


def shown(markdown: str) -> Shown:
    return Shown(READER.render(markdown))


def test_a_card_has_data_figures_with_intervals_and_limits(small):
    card = card_of(small, "only")
    entry = read_results(small.results()).models[0].sets["test"]
    low, high = entry.intervals["accuracy"]

    page = shown(card)

    assert page.cells[:7] == ["Set", "Accuracy", "Precision", "Recall", "Specificity", "F1", "ROC AUC"]
    assert page.cells[7] == "test"
    assert page.cells[8] == f"{entry.metrics['accuracy']:.3f} [{low:.3f}, {high:.3f}]"
    assert "“test”: 12 images" in page.text
    assert "kbin audit" in page.text
    for title in ("Model", "Intended use", "Data", "Results", "Limits"):
        assert f"\n## {title}\n" in card


def test_every_model_with_results_has_a_card_and_a_failed_one_has_none(tmp_path):
    run = SyntheticRun(failed={"broken": "no memory"}).write(tmp_path / "run")

    write_cards(run)

    assert sorted(one.parent.name for one in run.path.glob("models/*/model_card.md")) == ["good", "poor"]


def test_what_people_wrote_is_kept_when_the_card_is_made_again(small):
    card = card_of(small, "only")
    begin, end = card.index("<!-- yours: begin -->"), card.index("<!-- yours: end -->")
    own = "\nFor the barn's cameras <alone>.\nAsk Ada.\n"
    path = small.path / "models/only/model_card.md"
    path.write_text(card[:begin] + "<!-- yours: begin -->" + own + card[end:] + "\nlost: outside of the marks\n")

    again = card_of(small, "only")

    assert own in again
    assert "To be filled in" not in again
    assert "outside of the marks" not in again
    assert card_of(small, "only") == again


@pytest.mark.parametrize("content", [b"\xff\xfe", b"no marks", b"<!-- yours: end --> <!-- yours: begin -->"])
def test_a_card_without_the_marks_is_made_anew(small, content):
    whole = card_of(small, "only")
    (small.path / "models/only/model_card.md").write_bytes(content)

    assert card_of(small, "only") == whole


def test_the_audit_s_findings_are_limits(tmp_path):
    run = save_audit(SyntheticRun().write(tmp_path / "run"))

    text = shown(card_of(run, "good")).text

    assert "The audit found: 12 images of “test” are in “train” too." in text
    assert "found nothing: Labels that look wrong." in text
    assert "could not look at: Shortcuts." in text
    assert "was not audited" not in text


def test_a_collapse_is_the_first_limit(tmp_path):
    run = SyntheticRun(one_answer=["poor"]).write(tmp_path / "run")

    limits = card_of(run, "poor").partition("## Limits\n\n")[2]

    assert limits.startswith("- On “test”, poor has collapsed: ")


def test_hostile_names_are_shown_as_written_and_make_no_elements(everything):
    card = card_of(everything, "good")

    page = shown(card)

    assert HOSTILE_SET in page.cells
    assert set(page.tags) <= {"h1", "h2", "ul", "ol", "li", "p", "strong", "em", "code", "table", "thead", "tbody"} | {
        "tr",
        "th",
        "td",
    }


def test_a_card_that_leads_out_of_the_folder_is_refused(small, tmp_path):
    target = tmp_path / "elsewhere.md"
    target.write_text("mine")
    (small.path / "models/only/model_card.md").symlink_to(target)

    with pytest.raises(RunFolderError, match="leads out"):
        write_cards(small)

    assert target.read_text() == "mine"
