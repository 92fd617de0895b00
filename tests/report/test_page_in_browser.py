"""The page in a real browser: Chromium without a window, from a file, as a person opens it."""

import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kbin import run_writing
from kbin.report.comparison_page import write_comparison
from kbin.report.plots import draw_plots
from kbin.report.rendering import write_report
from kbin.runs import RunDirectory
from tests.report.audited_runs import AUDIT, COPIES, DRIFT, finding, image, save_audit
from tests.report.conftest import HOSTILE_CLASS, HOSTILE_SET, save_quickly
from tests.report.synthetic_runs import SyntheticRun

HOSTILE_FILE = '<img src=x onerror=alert(1)>/"1", =SUM(1) 😀.png'
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LETTERS = {"good": "a", "better": "a", "poor": "b"}
RUN = SyntheticRun(
    models={"good": 3.0, "better": 3.2, "poor": 1.5},
    classes=("fine", HOSTILE_CLASS),
    sets={"train": (20, 12), "validation": (12, 8), "test": (40, 30), HOSTILE_SET: (30, 9)},
    shifted={HOSTILE_SET: 9.0},
    letters={
        "test": {"roc_auc": LETTERS, "accuracy": dict.fromkeys(LETTERS, "a"), "brier": LETTERS},
        HOSTILE_SET: {"roc_auc": LETTERS},
    },
    failed={"broken": "ValueError: <b>out of memory</b>"},
    notes=("<img src=x onerror=alert(1)> was left out",),
)


@dataclass
class Opened:
    """A page, and what its opening brought to light."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RUN.write(tmp_path_factory.mktemp("runs") / "browser")
    _save_gallery(run)
    _save_audit(run)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(run_writing, "save_figure", save_quickly)
        draw_plots(run, run.results())
    return write_report([run])


def _save_gallery(run: RunDirectory) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 150)).save(stream, "JPEG")
    file = run.save_gallery_picture("good", 0, "test", "1", stream.getvalue())
    image = {
        "kind": "error",
        "sample_id": HOSTILE_FILE,
        "path": HOSTILE_FILE,
        "true": "fine",
        "predicted": HOSTILE_CLASS,
        "score": 0.9,
        "file": file,
        "cam": file,
    }
    run.save_gallery("good", 0, {"seed": 0, "threshold": 0.5, "cam_reason": None, "sets": {"test": [image]}})


def _save_audit(run: RunDirectory) -> None:
    strip = {
        "title": HOSTILE_FILE,
        "images": [image(40, path=HOSTILE_FILE, sample_id=HOSTILE_FILE, label=HOSTILE_CLASS)],
    }
    hostile = {"title": HOSTILE_FILE, "summary": HOSTILE_CLASS, "details": [HOSTILE_SET], "next_step": HOSTILE_FILE}
    low = finding("made-up", severity="low", strips=[strip], **hostile)
    ended = [finding("clean-one", "clean", **hostile), finding("no-one", "not_applicable", **hostile)]
    save_audit(run, AUDIT | {"findings": [COPIES, DRIFT, low, *ended]})


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs on the same images."""
    folder = tmp_path_factory.mktemp("compared")
    runs = [
        RUN.write(folder / "first"),
        replace(RUN, models={"good": 2.0, "other": 2.5}, letters={}).write(folder / "second"),
    ]
    return write_comparison(runs, folder / "comparison.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None and "KBIN_REQUIRE_BROWSER" not in os.environ:
        pytest.skip("no chromium on this machine (apt-get install chromium, or name its file in CHROMIUM)")
    assert CHROMIUM is not None, "KBIN_REQUIRE_BROWSER is set, and there is no chromium"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, path: Path) -> Iterator[Any]:
    contexts = []

    def opened(viewport: dict[str, int] = WIDE, file: Path = path, **settings: Any) -> Opened:
        contexts.append(browser.new_context(viewport=viewport, **settings))
        found = Opened(contexts[-1].new_page())
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.goto(file.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()


def _rows(page: Any) -> list[str]:
    """Returns the names of the visible rows of the large table's first set, top to bottom."""
    return page.eval_on_selector_all(
        "table.results tbody:first-of-type tr[data-name]",
        "rows => rows.filter(row => row.offsetParent !== null).map(row => row.dataset.name)",
    )


def _tab_to(page: Any, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def test_the_page_opens_without_a_complaint_and_asks_for_nothing_but_itself(open_page, path):
    opened = open_page()

    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [path.as_uri()]


def test_all_pictures_load_and_say_what_they_show(open_page):
    pictures = open_page().page.eval_on_selector_all("img", "all => all.map(one => [one.naturalWidth, one.alt])")

    assert len(pictures) > 6
    assert all(width > 0 and text for width, text in pictures)


def test_names_appear_as_text_and_make_no_elements(open_page):
    page = open_page().page
    text = page.inner_text("body")

    assert HOSTILE_CLASS in text
    assert HOSTILE_SET in text
    assert "better" in text
    assert "<img src=x onerror=alert(1)> was left out" in text
    assert page.locator("script").count() == 1
    assert page.locator("main i, main b, img:not([src^='data:'])").count() == 0
    assert HOSTILE_SET in page.locator(".controls select").inner_text()


def test_the_mouse_sorts_the_table_by_a_column(open_page):
    page = open_page().page
    heading = page.locator("table.results th", has_text="ROC AUC")
    areas = {model["id"]: model["sets"]["test"]["metrics"]["roc_auc"] for model in RUN.results()["models"][:3]}
    best_first = sorted(areas, key=areas.__getitem__, reverse=True)

    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert _rows(page) == best_first
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert _rows(page) == best_first[::-1]
    assert page.locator("table.results [aria-sort]").count() == 1
    assert page.locator("p[role=status].unseen").inner_text() == "Sorted by ROC AUC, ascending."


def test_the_keyboard_sorts_the_table_by_a_column(open_page):
    page = open_page().page

    _tab_to(page, "table.results th:first-child button")
    page.keyboard.press("Enter")
    assert _rows(page) == ["better", "good", "poor"]
    page.keyboard.press("Space")
    assert _rows(page) == ["poor", "good", "better"]


def test_the_keyboard_filters_by_name_and_by_set_and_the_count_is_announced(open_page):
    page = open_page().page
    count = page.locator(".controls [role=status]")
    assert count.inner_text() == "All 12 rows"

    _tab_to(page, ".controls input[type=search]")
    page.keyboard.type("BETT")
    assert count.inner_text() == "4 of 12 rows"
    assert _rows(page) == ["better"]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert count.inner_text() == "1 of 12 rows"
    assert page.locator("table.results tbody:visible").count() == 1
    page.locator(".controls input[type=search]").fill("nobody")
    assert count.inner_text() == "0 of 12 rows"


def test_the_mouse_chooses_a_set_and_unfolds_the_intervals(open_page):
    page = open_page().page
    minor = page.locator("table.results .minor").first
    assert minor.is_hidden()

    page.get_by_label("All intervals").check()
    assert minor.is_visible()
    page.locator(".controls select").select_option(label=HOSTILE_SET)
    assert page.locator("table.results tbody:visible th[scope=rowgroup]").inner_text().startswith(HOSTILE_SET)


def test_the_keyboard_unfolds_details(open_page):
    page = open_page().page
    folded = page.locator("details:not([open])").count()

    _tab_to(page, "summary")
    page.keyboard.press("Enter")
    assert page.locator("details:not([open])").count() == folded - 1


def test_the_keyboard_opens_a_gallery_and_its_pictures_say_what_they_show(open_page):
    page = open_page().page
    pictures = page.locator("details.gallery img")
    assert pictures.count() == 2
    assert pictures.first.is_hidden()

    page.locator("details.gallery > summary").focus()
    page.keyboard.press("Enter")
    assert pictures.first.is_visible()
    assert pictures.first.get_attribute("alt").startswith(f"Error: {HOSTILE_FILE}, true fine, answered {HOSTILE_CLASS}")
    assert pictures.evaluate_all("all => all.map(one => one.naturalWidth)") == [64, 64]


def test_the_keyboard_goes_from_the_warning_to_the_audit_and_opens_what_it_shows(open_page):
    page = open_page().page
    pictures = page.locator("article:has(#audit-exact-copies) img")
    assert pictures.first.is_hidden()

    _tab_to(page, "#summary .error a")
    page.keyboard.press("Enter")
    assert page.url.endswith("#audit")
    page.locator("article:has(#audit-exact-copies) summary").focus()
    page.keyboard.press("Enter")
    assert pictures.first.is_visible()
    assert pictures.evaluate_all("all => all.map(one => one.naturalWidth)") == [48, 48]
    assert page.locator("article:has(#audit-made-up) h4").inner_text().startswith(HOSTILE_FILE)


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page_of_several_runs_is_as_sound(open_page, comparison, viewport):
    from axe_playwright_python.sync_playwright import Axe

    opened = open_page(viewport, comparison)
    opened.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")

    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [comparison.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert [one["id"] for one in Axe().run(opened.page).response["violations"]] == []
    assert HOSTILE_CLASS in opened.page.inner_text("body")
    assert opened.page.locator("script").count() == 1


def test_where_scripts_are_off_everything_is_shown_and_no_control_is_dead(open_page):
    page = open_page(java_script_enabled=False).page

    assert page.locator(".controls, th button").count() == 0
    assert page.locator("table.results .minor").first.is_visible()
    assert page.locator("table.results tr[data-name]:visible").count() == 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_no_fault(open_page, viewport, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(viewport, color_scheme=scheme).page
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    faults = Axe().run(page).response["violations"]

    assert [(one["id"], one["impact"], [node["html"][:150] for node in one["nodes"][:3]]) for one in faults] == []


def test_a_phone_scrolls_tables_and_not_the_page(open_page):
    page = open_page(PHONE).page
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate("document.querySelector('.scroll:has(.results)').scrollWidth") > PHONE["width"]


def test_who_wants_no_motion_gets_none(open_page):
    page = open_page(reduced_motion="reduce").page

    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_the_page_prints_with_everything_unfolded_and_no_controls(open_page):
    page = open_page().page
    folded = page.locator("details:not([open])").count()
    assert folded
    assert re.match(rb"%PDF-", page.pdf())
    assert page.locator("details:not([open])").count() == folded

    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".controls label").first.is_hidden()
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].every(one => getComputedStyle(one).overflowX === 'visible')"
    )
