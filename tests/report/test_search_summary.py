import pytest
from rich.cells import cell_len

from kbin.report.summary import result_lines
from tests.report.searched_runs import (
    EPOCHS,
    PLAIN_FOLDS,
    RATE,
    Searched,
    Tried,
    around,
    drawn_settings,
    grid,
    one_setting,
)
from tests.report.synthetic_runs import SyntheticRun

RUN = SyntheticRun(models={"only": 1.0})


def _lines(searched, run=RUN):
    return result_lines(searched.into(run.results()))


def _joined(lines):
    return " ".join(" ".join(lines).split())


def test_the_five_best_combinations_stand_before_the_sets():
    lines = _lines(grid())
    start = lines.index("only: mean accuracy ± standard deviation over the folds")

    assert lines[start + 1 : start + 6] == [
        "  * 0.980±0.006  learning_rate 0.001, epochs 9",
        "  ~ 0.978±0.006  learning_rate 0.01, epochs 9",
        "    0.977±0.006  learning_rate 0.01, epochs 7",
        "    0.976±0.006  learning_rate 0.001, epochs 7",
        "    0.974±0.006  learning_rate 0.01, epochs 5",
    ]
    assert start < next(place for place, line in enumerate(lines) if line.startswith("train: 32 images"))
    assert "* chosen. ~ within one standard error of the best. 2 of 16 combinations" in _joined(lines)
    assert "All 16 combinations are in report.html." in _joined(lines)
    assert "The best of many looks better than it is." in _joined(lines)


def test_a_choice_beyond_the_five_best_is_shown_too():
    assert "  * 0.798±0.006  learning_rate 0.0001, epochs 3" in _lines(grid(chosen=0))


def test_warnings_are_repeated_and_other_notes_are_not():
    text = _joined(_lines(grid(notes=(PLAIN_FOLDS, "In the folds the threshold is 0.5."))))

    assert f"WARNING: {PLAIN_FOLDS}" in text
    assert "threshold is 0.5" not in text


def test_a_search_alone_has_no_tables_and_says_that_nothing_was_trained():
    lines = _lines(one_setting(refit=False))

    assert not any(line.startswith("train:") for line in lines)
    assert "Nothing was trained with the chosen settings (refit: false)" in _joined(lines)


def test_a_search_in_which_everything_failed_says_so():
    searched = Searched([Tried({EPOCHS: n}, [None] * 5, ["RuntimeError: no"]) for n in (1, 2)])
    run = SyntheticRun(models={}, failed={"broken": "no combination of the search has a score"})

    assert "broken: Nothing could be chosen: no combination has a mean accuracy." in _joined(_lines(searched, run))


def test_a_run_without_a_search_says_nothing_of_one():
    assert "search" not in _joined(result_lines(RUN.results()))


HOSTILE = Searched(
    [
        Tried({"training.\x1b[2J" + "k" * 90: "設備不良" * 30, RATE: rate}, around(0.9))
        for rate in ("<script>" + "x" * 200, "\r\n\x07")
    ]
)


@pytest.mark.parametrize(
    "searched",
    [grid(), drawn_settings(30), HOSTILE, one_setting(notes=(PLAIN_FOLDS,))],
    ids=["grid", "drawn", "hostile", "plain folds"],
)
@pytest.mark.parametrize("name", ["only", "A" + "b" * 90])
def test_no_line_is_wider_than_a_terminal_or_steers_it(searched, name):
    lines = _lines(searched, SyntheticRun(models={name: 1.0}))

    assert max(cell_len(line) for line in lines) <= 80
    assert all(line == line.rstrip() and line.isprintable() for line in lines)
