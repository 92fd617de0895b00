import re

import pytest

from kbin.errors import RunFolderError
from kbin.report.comparison_page import write_comparison
from kbin.runs import RunDirectory
from tests.report.conftest import ERROR, HOSTILE_CLASS, HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun
from tests.report.test_rendering import Page

SETS = {"train": (20, 12), "test": (40, 40), HOSTILE_SET: (9, 0)}
HOSTILE_FOLDER = 'javascript:alert(1) "<i>&'


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs on the same test images, hostile names, a failed model; one of them has a page. Read only."""
    parent = tmp_path_factory.mktemp("runs")
    alike = {"classes": ("fine", HOSTILE_CLASS), "sets": SETS, "seeds": (0,)}
    first = SyntheticRun(models={"fixed": 1.5}, failed={"broken": ERROR}, **alike)
    second = SyntheticRun(models={"fixed": 0.0, "constant": 0.5}, one_answer=("constant",), **alike)
    runs = [first.write(parent / HOSTILE_FOLDER), second.write(parent / "weak")]
    runs[0].report_path.write_text("<!doctype html>")
    results = runs[1].results() | {"experiment": "weak <b>run</b>"}
    runs[1].save_results(results)
    return runs


@pytest.fixture(scope="module")
def text(folders):
    """The page, beside the folders."""
    path = write_comparison(folders, folders[0].path.parent / "comparison.html")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_asks_nobody_for_anything_and_leads_to_the_runs_own_pages_alone(text, page):
    places = [a[name] for _, a in page.elements for name in ("src", "href", "srcset", "action", "data") if name in a]
    outside = [place for place in places if not place.startswith(("data:", "#"))]

    assert outside == ["javascript%3Aalert%281%29%20%22%3Ci%3E%26/report.html"]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text.split("<body>")[0])


def test_every_element_is_closed_and_every_id_is_there_once(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    targets = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]

    assert page.open == []
    assert len(ids) == len(set(ids))
    assert set(targets) <= set(ids)
    assert {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a} <= set(ids)


def test_names_of_other_peoples_making_appear_as_text(page):
    assert HOSTILE_CLASS in page.text
    assert HOSTILE_SET in page.text
    assert HOSTILE_FOLDER in page.text
    assert "weak <b>run</b>" in page.text
    assert len(page.all("script")) == 1
    assert not page.all("i")
    assert not page.all("b")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_models_of_different_runs_are_tested_on_the_same_images(page):
    # 40 images of each class: scores 2.1 standard deviations apart (an area of .93) against guessing.
    assert re.search(r"On “test” \(80 images\): By ROC AUC, synthetic / fixed \(0\.\d+\) beats ", page.text)
    assert "The same images in both runs." in page.text
    assert "synthetic / fixed is better" in page.text
    assert "weak <b>run</b> / fixed" in page.text


def test_what_cannot_be_compared_is_said(page):
    assert "broken of synthetic failed and has no results." in page.text
    assert "On “test”, constant has collapsed" in page.text
    assert "no page yet" in page.text  # of the second run
    assert "Images count as the same where their names (sample_id) and true classes agree" in page.text


def test_curves_have_a_text_with_their_numbers(page):
    (test, hostile) = page.all("img")

    assert re.match(r"ROC curves on test\. ROC AUC: synthetic / fixed 0\.\d+", test["alt"])
    assert HOSTILE_SET in hostile["alt"]


def test_it_is_the_same_page_when_made_again(folders, text):
    path = write_comparison(folders, folders[0].path.parent / "comparison.html")

    assert path.read_text(encoding="utf-8") == text


def test_a_page_elsewhere_leads_back_to_the_folders(folders, tmp_path):
    page = Page(write_comparison(folders, tmp_path / "deep" / "page.html").read_text(encoding="utf-8"))
    (link,) = [a["href"] for a in page.all("a") if not a["href"].startswith("#")]

    assert link.startswith("../")
    assert link.endswith("/javascript%3Aalert%281%29%20%22%3Ci%3E%26/report.html")


def test_a_file_of_somebody_elses_is_not_replaced(folders, tmp_path):
    path = tmp_path / "thesis.html"
    path.write_text("years of work")

    for place in (path, tmp_path):
        with pytest.raises(RunFolderError, match="is there already and is no page that `kbin report` made"):
            write_comparison(folders, place)
    assert path.read_text() == "years of work"


def test_three_classes_have_a_panel_a_class(tmp_path):
    plan = SyntheticRun(models={"a": 1.0}, classes=("cat", "dog", "owl"), sets={"test": (9, 8, 7)}, seeds=(0,))
    runs = [plan.write(tmp_path / name) for name in ("x", "y")]
    page = Page(write_comparison(runs, tmp_path / "page.html").read_text(encoding="utf-8"))

    assert "By ROC AUC, x / a and y / a cannot be told apart." in page.text
    assert len(page.all("img")) == 1


def test_runs_without_common_images_stand_side_by_side_without_a_test(tmp_path):
    runs = [
        SyntheticRun(models={"a": 1.0}, sets={"test": sizes}, seeds=(0,)).write(tmp_path / name)
        for name, sizes in (("x", (9, 8)), ("y", (5, 8)))
    ]
    page = Page(write_comparison(runs, tmp_path / "page.html").read_text(encoding="utf-8"))

    assert "No two runs have a test set in common, so no test was made." in page.text
    assert "“test” is not the same set in x and in y" in page.text
    assert not page.all("img")


def test_a_run_whose_models_all_failed_is_named(tmp_path):
    runs = [
        SyntheticRun(models={"a": 1.0}, sets={"test": (5, 4)}, seeds=(0,)).write(tmp_path / "x"),
        SyntheticRun(models={}, sets={"test": (5, 4)}, failed={"b": ERROR}).write(tmp_path / "y"),
    ]
    page = Page(write_comparison(runs, tmp_path / "page.html").read_text(encoding="utf-8"))

    assert "y has no model with results." in page.text


def test_a_run_that_is_not_finished_is_refused(folders, tmp_path):
    unfinished = RunDirectory(tmp_path / "unfinished")
    unfinished.begin("name: x\n")

    with pytest.raises(
        RunFolderError, match=r"unfinished has no readable results\.json: its run is not finished; `kbin run`"
    ):
        write_comparison([folders[0], unfinished], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
