import csv
import io

import pytest

from kbin.files import as_csv
from kbin.spreadsheet import spreadsheet_cell


@pytest.mark.parametrize(
    "text",
    [
        "=SUM(1)",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\nx",
        "  =1",
        "\uff1dSUM(1)",
        "\ufeff=1",
        "\u200b=1",
        " \u2060+1",
        '=HYPERLINK("http://x", "y")',
    ],
)
def test_text_that_would_run_gets_an_apostrophe(text):
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a; b",
        "a;b=c",
        "a=b",
        "1-2",
        "<b>",
        'a "quoted", name',
        "😀",
        "two\nlines",
        "",
        "'=1",
        "\ufeffplain",
        "\u200b",
        "a;b",
    ],
)
def test_other_text_stays_as_it_is_and_comes_back_from_csv(text):
    assert spreadsheet_cell(text) == text
    assert list(csv.reader(io.StringIO(as_csv(["a", "b"], [[spreadsheet_cell(text), 1]]), newline="")))[1] == [
        text,
        "1",
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-0.25, "-0.25"), (2 / 3, "0.666666667"), (1e-12, "1e-12"), (3.0, "3"), (-7, -7), (True, "true"), (None, None)],
)
def test_numbers_stay_numbers_and_nothing_is_an_empty_cell(value, cell):
    assert spreadsheet_cell(value) == cell


def test_a_carriage_return_does_not_break_a_row():
    text = as_csv(["a", "b"], [[spreadsheet_cell("one\rtwo\r\nthree"), spreadsheet_cell("\rx")]])

    assert list(csv.reader(io.StringIO(text, newline="")))[1] == ["one\ntwo\nthree", "'\nx"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;=SUM(1)", "a;'=SUM(1)"),
        ("a; =1;b;@c", "a;' =1;b;'@c"),
        ("a\t+1", "a\t'+1"),
        ("two\n=1", "two\n'=1"),
        ("one\r-1", "one\n'-1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("=1;=2", "'=1;'=2"),
        ("a;\uff1d1", "a;'\uff1d1"),
    ],
)
def test_a_formula_after_a_semicolon_tab_or_new_line_is_guarded(text, cell):
    assert spreadsheet_cell(text) == cell


@pytest.mark.parametrize("text", ["a;=SUM(1)", "a;b;=1", 'x";=1', "a\t=1", "two\n=1", "=1"])
def test_no_cell_begins_a_formula_however_a_spreadsheet_splits_the_file(text):
    written = as_csv(["a", "b"], [["x", spreadsheet_cell(text)], [spreadsheet_cell(text), "x"]])
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not any(cell.strip(' "').startswith("=") for cell in row)
