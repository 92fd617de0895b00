"""The page's section of a search, as a person reads it."""

import itertools
import re
from dataclasses import replace

import pytest

from kbin.errors import RunFolderError
from kbin.report.plots import draw_plots
from kbin.report.rendering import write_report
from kbin.report.wording import UNDEFINED
from tests.report.searched_runs import (
    ALIKE,
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
from tests.report.test_rendering import Page

RUN = SyntheticRun(models={"only": 1.0}, seeds=(0,))


@pytest.fixture
def searched_page(tmp_path, quick_pictures):
    """Makes the page of a run with a search."""

    def make(searched, run=RUN):
        folder = run.write(tmp_path / "run")
        folder.save_results(searched.into(folder.results()))
        draw_plots(folder, folder.results())
        return Page(write_report([folder]).read_text(encoding="utf-8"))

    return make


def _between(page, start, end):
    return page.text[page.text.index(start) : page.text.index(end, page.text.index(start))]


def test_the_search_stands_after_the_results_and_in_the_navigation(searched_page):
    page = searched_page(grid())
    places = [a["id"] for tag, a in page.elements if tag == "section"]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    assert places.index("data") < places.index("results") < places.index("search")
    assert {"href": "#search"} in page.all("a")
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(ids) == len(set(ids))
    assert len(page.all("caption")) == len(page.all("table"))


def test_the_table_has_the_recorded_numbers_the_best_first_and_the_chosen_one_marked(searched_page):
    text = _between(searched_page(grid()), "Rank learning_rate", "search.csv")

    assert text.startswith(
        "Rank learning_rate epochs Mean accuracy Standard deviation Folds Within one standard error of the best "
        "1 ★ chosen 0.001 9 0.980 0.006 5 best 2 0.01 9 0.978 0.006 5 yes 3 0.01 7 0.977 0.006 5 4 0.001 7 0.976"
    )
    assert text.rstrip().endswith("16 0.0001 3 0.798 0.006 5")


def test_the_folds_of_the_chosen_combination_are_shown(searched_page):
    # Two steps of 0.004 below 0.980 to two above.
    assert "Fold 1 Fold 2 Fold 3 Fold 4 Fold 5 Accuracy 0.972 0.988 0.980 0.984 0.976" in searched_page(grid()).text


def test_repeats_have_a_row_each(searched_page):
    searched = Searched([Tried({EPOCHS: n}, around(n / 10) + around(n / 10 + 0.05)) for n in (7, 8)], repeats=2)
    text = searched_page(searched).text

    assert "Repeat 1 0.792 0.808 0.800 0.804 0.796 Repeat 2 0.842 0.858 0.850 0.854 0.846" in text


def test_plain_folds_are_warned_of_in_the_summary_and_in_the_search(searched_page):
    page = searched_page(grid(notes=(ALIKE, PLAIN_FOLDS)))
    boxes = [a for tag, a in page.elements if tag == "div" and a.get("aria-label") == "Warning about the search"]

    assert len(boxes) == 2
    assert all("error" in box["class"].split() for box in boxes)
    assert page.text.count(PLAIN_FOLDS) == 2
    assert page.text.index(PLAIN_FOLDS) < page.text.index("Images by set and class")


def test_a_search_without_warnings_has_no_box(searched_page):
    assert "may be misleading" not in searched_page(grid()).text


def test_more_than_twenty_combinations_unfold_with_those_that_failed_last(searched_page):
    tried = [Tried(one.settings, one.scores) for one in drawn_settings(24).tried]
    tried[0] = Tried(tried[0].settings, [0.9, None, 0.9, 0.9, 0.9], ["RuntimeError: out of <b>memory</b>"])
    page = searched_page(Searched(tried))
    more = _between(page, "4 more", "search.csv")

    assert "20" in _between(page, "The best combinations", "4 more")
    assert more.rstrip().endswith(f"{UNDEFINED} 0.0001 none none left out RuntimeError: out of <b>memory</b>")
    assert "left out" not in _between(page, "The best combinations", "4 more")


def test_lists_and_nulls_are_written_as_people_write_them(searched_page):
    text = searched_page(drawn_settings(12)).text

    assert "512+128 balanced" in text
    assert "256 none" in text


def test_fewer_scores_than_folds_are_counted(searched_page):
    searched = Searched([Tried({EPOCHS: n}, [0.9, 0.8, None, 0.9, 0.9]) for n in (1, 2)])

    assert "4 of 5" in searched_page(searched).text


def test_a_search_alone_has_a_page_without_results(searched_page):
    page = searched_page(grid(refit=False), SyntheticRun(models={"only": 1.0}, failed={"broken": "no memory"}))

    assert "Settings were searched, and nothing was trained with the chosen ones" in page.text
    assert "only Its settings were searched" not in page.text
    assert "nothing was trained with the chosen ones on the whole training set" in page.text
    assert "Chosen by the search learning_rate 0.001, epochs 9" in page.text
    assert "results" not in [a["id"] for tag, a in page.elements if tag == "section"]
    assert "every one failed" not in page.text
    assert {a["href"][1:] for a in page.all("a")} <= {a["id"] for _, a in page.elements if "id" in a}


def test_a_search_beside_a_model_that_was_left_out_of_it(tmp_path, quick_pictures):
    folder = SyntheticRun(models={"baseline": 1.0, "searched": 1.0}, seeds=(0,)).write(tmp_path / "run")
    results = folder.results()
    before = dict(results["models"][0])
    grid(refit=False).into(results)
    results["models"][0] = before
    folder.save_results(results)
    draw_plots(folder, results)
    page = Page(write_report([folder]).read_text(encoding="utf-8"))

    assert sorted(path.stem for path in (folder.path / "plots").glob("search-*.png")) == ["search-searched"]
    assert "Chosen for searched: learning_rate 0.001" in page.text
    assert "baseline is right on" in page.text


def test_one_combination_has_neither_plot_nor_caution(searched_page):
    page = searched_page(Searched([Tried({}, around(0.9))]))

    assert "Rank Mean accuracy Standard deviation" in page.text
    assert "The best of many" not in page.text
    assert not any(picture["alt"].startswith("Each cell") for picture in page.all("img"))


def test_three_classes_are_searched_like_two(searched_page):
    run = SyntheticRun(
        models={"only": 1.0}, classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 4, 3)}
    )

    assert "3 values of learning_rate" in searched_page(one_setting(), run).text


def test_the_plot_has_a_text_that_says_its_numbers(searched_page):
    text = next(a["alt"] for a in searched_page(grid()).all("img") if a["alt"].startswith("Each cell"))

    assert "learning_rate (down) and epochs (across)" in text
    assert "best 0.980 (learning_rate 0.001, epochs 9), worst 0.798 (learning_rate 0.0001, epochs 3)" in text


def test_names_of_other_peoples_making_appear_as_text(searched_page):
    key, value = "head.<script>alert('1')</script>", "<img src=x onerror=alert(1)>"
    tried = [Tried({key: one, RATE: rate}, around(0.9)) for one in (value, "b") for rate in (1e-3, 1e-2)]
    page = searched_page(Searched(tried, notes=("These are plain folds <i>",)))

    assert "<script>alert('1')</script>" in page.text
    assert value in page.text
    assert len(page.all("script")) == 1
    assert not page.all("i")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_a_failed_model_keeps_its_search_on_the_page(searched_page):
    errors = ["RuntimeError: <no>"]
    searched = replace(grid(), tried=[replace(one, scores=[None] * 5, errors=errors) for one in grid().tried])
    page = searched_page(searched, SyntheticRun(models={}, failed={"broken": "no combination has a score"}))

    assert "Nothing could be chosen: no combination has a mean accuracy." in page.text
    assert page.text.count("left out RuntimeError: <no>") == 16


def test_a_missing_plot_is_named(tmp_path, quick_pictures):
    folder = RUN.write(tmp_path / "run")
    folder.save_results(grid().into(folder.results()))
    draw_plots(folder, folder.results())
    folder.plot_path("search-only").with_suffix(".svg").unlink()

    with pytest.raises(RunFolderError, match=r"search-only\.png is not there.*`kbin report`"):
        write_report([folder])
