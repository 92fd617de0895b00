"""Markdown is read by an independent parser: what it shows must be what was written."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from kbin.report.markdown_table import markdown_results, markdown_text
from kbin.report.recorded import read_results
from tests.report.conftest import ERROR, HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Shown(HTMLParser):
    """The elements of a rendered text, and the text of each table cell."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.cells, self.text = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        self.text += data
        if self.cells:
            self.cells[-1] += data.strip("\n")


@pytest.mark.parametrize(
    "name",
    [
        "plain-name 0.5",
        "a|b",
        r"back\slash\|pipe",
        "`code` ``x",
        "*bold* __b__ _i_ ~~gone~~",
        "<b>html</b> <!-- c --> <script>",
        "[link](http://example.org) ![x](y)",
        "&amp; &lt; AT&T",
        "=SUM(1)",
        "cost $x$ :smile: 😀",
        "<http://example.org>",
    ],
)
def test_any_name_appears_as_text_in_a_cell_of_its_own(name):
    shown = Shown(READER.render(f"| {markdown_text(name)} | 2 |\n| --- | --- |\n| 3 | {markdown_text(name)} |\n"))

    assert shown.cells == [name, "2", "3", name]
    assert set(shown.tags) <= {"table", "thead", "tbody", "tr", "th", "td"}


def test_a_line_break_in_a_name_does_not_end_the_row():
    assert markdown_text("two\nlines\r\nand | more") == "two lines and &#124; more"


def test_the_table_has_a_row_a_set_and_model_with_interval_spread_letters_and_mark():
    results = SyntheticRun(
        models={"good": 2.0, "poor": 0.5},
        sets={"train": (20, 12), "test": (14, 10), HOSTILE_SET: (9, 0)},
        failed={"broken": ERROR},
        one_answer=("poor",),
    ).results()
    pair = {"models": ["good", "poor"], "difference": 0.3}
    results["comparisons"] = {
        "test": {"roc_auc": {"method": "x", "pairs": [pair], "letters": {"good": "a", "poor": "b"}}}
    }
    entry = results["models"][0]["sets"]["test"]
    entry["metrics"]["roc_auc"], entry["spread"]["roc_auc"] = 0.9126, 0.0034
    entry["intervals"]["roc_auc"] = [0.87, 0.9449]
    shown = Shown(READER.render(markdown_results(read_results(results))))
    rows = [shown.cells[start : start + 7] for start in range(0, 7 * 7, 7)]

    assert rows[0] == ["Model", "Set", "Accuracy", "Precision", "Recall", "F1", "ROC AUC"]
    assert [row[:2] for row in rows[1:]] == [
        [model, name] for name in ("test", HOSTILE_SET, "train") for model in ("good", "poor")
    ]
    assert rows[1][6] == "0.913 ± 0.003 [0.870, 0.945] a"
    assert rows[2][2].endswith("collapsed")
    assert "[" not in "".join(rows[5])
    assert f"“broken” failed and has no results: {ERROR}" in shown.text
    assert "On “test”, poor has collapsed" in shown.text
