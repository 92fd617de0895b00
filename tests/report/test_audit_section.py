import copy
import html
import re
import shutil
from typing import Any

import pytest

from kbin.audit_files import AuditFiles
from kbin.errors import RunFolderError
from kbin.report import audit_pictures
from kbin.report.audit_section import audit_section, cell_text
from kbin.report.plots import draw_plots
from kbin.report.rendering import LARGEST_PAGE, write_report
from kbin.runs import RunDirectory
from tests.report.audited_runs import AUDIT, COPIES, DRIFT, finding, image, jpeg, save_audit
from tests.report.synthetic_runs import SyntheticRun
from tests.report.test_rendering import Page

HOSTILE = '<img src=x onerror=alert(1)>"1"\'</script><b>😀'


@pytest.fixture
def run(two_seeds: RunDirectory, tmp_path) -> RunDirectory:
    """Free to be damaged."""
    return RunDirectory(shutil.copytree(two_seeds.path, tmp_path / "run"))


def changed(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(AUDIT) | changes


def only(*findings: dict[str, Any]) -> dict[str, Any]:
    """Returns an audit of these findings, with a verdict that names none of them."""
    verdict = AUDIT["verdict"] | {"explanations": [], "next_steps": [], "ruled_out": []}
    return changed(findings=list(findings), verdict=verdict)


def page_of(run: RunDirectory) -> str:
    draw_plots(run, run.results())
    return write_report([run]).read_text(encoding="utf-8")


def section_of(page: str) -> str:
    return re.search(r'<section id="audit".*?</section>', page, flags=re.DOTALL).group()


def shown_images(section) -> int:
    return sum(len(strip.pictures) for one in section.found for strip in one.strips)


@pytest.mark.usefixtures("quick_pictures")
def test_a_run_that_was_not_audited_has_no_such_section(run):
    page = page_of(run)

    assert audit_section(run) is None
    assert 'id="audit"' not in page
    assert "#audit" not in page


@pytest.mark.usefixtures("quick_pictures")
def test_the_page_has_the_verdict_first_then_what_was_found_then_what_was_not(run):
    page = page_of(save_audit(run))
    text = Page(section_of(page)).text
    order = [
        "Why does the test set fall short?",
        "Why does “poly” fall short of “test”?",
        "12.8 points less.",
        "strong evidence The sets differ. That is enough to explain it.",
        "weak evidence 12 images are in both.",
        "The share of the classes does not explain it.",
        "What to do next",
        "Leave the 12 images out of “test”.",
        "4 checks: 2 found something, 1 found nothing, 1 could not be made. Features are those of good.",
        "The sets look different ● matters",
        "The same image twice ▲ severe",
        "1 check found nothing",
        "Labels that look wrong At most 1.2% of the labels.",
        "1 check could not be made",
        "Shortcuts There are no features: all was trained.",
    ]
    places = [text.index(words) for words in order]

    assert places == sorted(places)
    # What found nothing is told once, in its own list.
    assert text.count("At most 1.2% of the labels.") == 1
    parsed = Page(page)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in parsed.all("a")} <= set(ids)
    assert parsed.open == []


@pytest.mark.usefixtures("quick_pictures")
def test_the_summary_warns_of_a_severe_finding_and_of_no_other(run):
    warning = "The audit found what keeps these figures from being believed as they stand: The same image twice."
    page = page_of(save_audit(run))
    assert warning in Page(re.search(r'<section id="summary".*?</section>', page, flags=re.DOTALL).group()).text

    save_audit(run, changed(findings=[COPIES | {"severity": "medium"}, DRIFT]))
    assert audit_section(run).alarm == ""
    # The verdict does not name it: it was found, and makes no difference.
    save_audit(run, only(COPIES))
    assert audit_section(run).alarm == ""


def test_a_table_shows_counts_whole_other_numbers_with_three_digits_and_nothing_as_a_dash(run):
    save_audit(run)
    table = audit_section(run).found[0].tables[0]

    assert table.rows == (
        ("brightness", "0.412", "0.5", "1,550", "yes"),
        ("sharpness", "1,234", "\N{EN DASH}", "1,550", "no"),
    )
    assert table.numbers == (False, True, True, True, False)
    assert [cell_text(value) for value in (-1e-9, 999.96, True, "=1")] == ["-1e-09", "1,000", "yes", "=1"]


def test_an_image_says_what_it_is_and_where(run):
    save_audit(run)
    (strip,) = audit_section(run).found[1].strips
    first = strip.pictures[0]

    assert first.alternative == "cells/0020.png, defective, in “test”: looks functional (20)"
    assert (first.path, first.caption) == ("cells/0020.png", "looks functional (20)")
    assert first.source.startswith("data:image/jpeg;base64,/9j/")


def test_an_image_without_a_picture_is_counted_and_named_elsewhere(run):
    strip = {"title": "Pair", "images": [image(1), image(2, file=None), image(3)]}
    AuditFiles(run).save(only(finding("made-up", strips=[strip])))
    AuditFiles(run).save_picture("0001", jpeg())
    AuditFiles(run).save_picture("0003", b"<svg onload='alert(1)'/>")
    (one,) = audit_section(run).found

    assert [picture.path for picture in one.strips[0].pictures] == ["cells/0001.png"]
    assert one.note == "Not shown here: 2 more images; audit/findings.json has all."


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff" + bytes(100_000)])
def test_what_is_no_small_jpeg_is_not_shown(run, content):
    AuditFiles(run).save(only(finding("made-up", strips=[{"title": "t", "images": [image(1)]}])))
    AuditFiles(run).save_picture("0001", content)

    assert audit_section(run).found[0].strips == ()


def test_a_link_out_of_the_folder_is_not_followed(run, tmp_path):
    save_audit(run, only(COPIES))
    (tmp_path / "private.jpg").write_bytes(jpeg())
    picture = run.path / "audit" / "pictures" / "0014.jpg"
    picture.unlink()
    picture.symlink_to(tmp_path / "private.jpg")

    (strip,) = audit_section(run).found[0].strips
    assert [one.path for one in strip.pictures] == ["cells/0021.png"]


def test_all_findings_have_the_same_number_of_pictures_and_pairs_stay_pairs(run, monkeypatch):
    pairs = [{"title": f"Pair {k}", "images": [image(2 * k), image(2 * k + 1)]} for k in range(1, 8)]
    row = {"title": "Row", "images": [image(number) for number in range(1, 13)]}
    save_audit(run, only(finding("pairs", strips=pairs), finding("row", strips=[row])))
    whole = audit_section(run)
    assert shown_images(whole) == 14 + 12

    # Room for about ten pictures: four of each are the most that fits.
    one = 4 * len(jpeg(14)) // 3 + 600
    small = audit_section(run, room=int(10.5 * one))
    counts = [[len(strip.pictures) for strip in shown.strips] for shown in small.found]
    assert counts == [[2, 2], [4]]
    assert [shown.note.split(";")[0] for shown in small.found] == [
        "Not shown here: 10 more images",
        "Not shown here: 8 more images",
    ]
    assert shown_images(audit_section(run, room=one)) == 0


def test_half_of_a_pair_is_not_shown(run):
    strips = [
        {"title": "Row", "images": [image(k) for k in (1, 2, 3)]},
        {"title": "Pair", "images": [image(4), image(5)]},
    ]
    save_audit(run, only(finding("a", strips=strips)))
    four = int(4.5 * (4 * len(jpeg(14)) // 3 + 600))

    assert [strip.title for strip in audit_section(run, room=four).found[0].strips] == ["Row"]


@pytest.mark.usefixtures("quick_pictures")
def test_pictures_leave_half_of_the_room_to_the_galleries_and_the_page_keeps_its_size(run, monkeypatch):
    rooms = []
    monkeypatch.setattr("kbin.report.rendering.gallery_sections", lambda run, results, room: rooms.append(room) or [])
    monkeypatch.setattr(audit_pictures, "ROOM", 10 * LARGEST_PAGE)
    row = {"title": "Row", "images": [image(number) for number in range(1, 13)]}
    save_audit(run, only(*(finding(f"row-{k}", strips=[row] * 3) for k in range(30))))
    for number in range(1, 13):
        AuditFiles(run).save_picture(f"{number:04x}", jpeg() + bytes(20_000))
    page = page_of(run)

    assert "data:image/jpeg" in section_of(page)
    assert len(page.encode()) < LARGEST_PAGE
    assert 2_000_000 < rooms[0] < LARGEST_PAGE


@pytest.mark.usefixtures("quick_pictures")
def test_texts_of_other_peoples_making_appear_as_text(run):
    strip = {"title": HOSTILE, "images": [image(1, path=HOSTILE, sample_id=HOSTILE, label=HOSTILE, caption=HOSTILE)]}
    table = {"title": HOSTILE, "columns": [HOSTILE], "rows": [[HOSTILE]]}
    said = {"title": HOSTILE, "summary": HOSTILE, "next_step": HOSTILE, "details": [HOSTILE]}
    ended = [finding("a", tables=[table], strips=[strip], severity="high", **said)]
    ended += [finding("b", "clean", **said), finding("c", "not_applicable", **said)]
    verdict = {
        "question": HOSTILE,
        "answer": HOSTILE,
        "explanations": [{"code": HOSTILE, "sentence": HOSTILE, "weight": "weak"}] * 2
        + [{"code": "a", "sentence": HOSTILE, "weight": "strong"}],
        "ruled_out": [HOSTILE],
        "not_tested": [HOSTILE],
        "next_steps": [{"sentence": HOSTILE, "code": HOSTILE}],
    }
    audit = changed(findings=ended, verdict=verdict, features_of=HOSTILE, audited=HOSTILE)
    page = page_of(save_audit(run, audit))
    section = section_of(page)

    assert HOSTILE in html.unescape(section)
    assert "<img src=x" not in page
    assert "<b>" not in section
    parsed = Page(page)
    assert len(parsed.all("script")) == 1
    assert parsed.open == []
    assert not any(name.startswith("on") for _, attributes in parsed.elements for name in attributes)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "pictures/../../secret.jpg",
        "/etc/1.jpg",
        "pictures/a b.jpg",
        "pictures/1.svg",
        "pictures/1.jpg\n",
        "pictures\\1.jpg",
        "",
    ],
)
def test_a_picture_outside_its_folder_is_refused(run, name):
    AuditFiles(run).save(only(finding("a", strips=[{"title": "t", "images": [image(1, file=name)]}])))
    with pytest.raises(RunFolderError, match=r"findings\.json is damaged.*no name of an audit's picture"):
        audit_section(run)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"code": 'x" onclick="alert(1)'}, r"findings\.0\.code"),
        ({"code": "a\n"}, r"findings\.0\.code"),
        ({"severity": "fatal"}, r"findings\.0\.severity"),
        ({"outcome": "unknown"}, r"findings\.0\.outcome"),
        ({"summary": None}, r"findings\.0\.summary"),
        (
            {"tables": [{"title": "t", "columns": ["a", "b"], "rows": [[1]]}]},
            r"findings\.0\.tables\.0.*not as many cells",
        ),
        ({"tables": [{"title": "t", "columns": ["a"], "rows": [[[1]]]}]}, r"findings\.0\.tables\.0\.rows"),
    ],
)
def test_a_damaged_finding_is_refused_and_its_place_named(run, changes, place):
    AuditFiles(run).save(only(finding("a", **changes) if "code" not in changes else finding("a") | changes))
    with pytest.raises(RunFolderError, match=place):
        audit_section(run)


def test_two_findings_of_one_code_are_refused_for_a_link_could_lead_to_one_only(run):
    AuditFiles(run).save(only(finding("a"), finding("a")))
    with pytest.raises(RunFolderError, match="2 findings have the code 'a'"):
        audit_section(run)


def test_what_a_later_version_adds_is_ignored(run):
    AuditFiles(run).save(only(finding("a", mood="good")) | {"weather": 1})
    assert audit_section(run).found[0].finding.code == "a"


def test_of_a_long_table_the_first_rows_are_shown(run):
    table = {"title": "t", "columns": ["a"], "rows": [[k] for k in range(1000)]}
    save_audit(run, only(finding("a", tables=[table], details=[f"Sentence {k}." for k in range(20)])))
    (one,) = audit_section(run).found

    assert (len(one.tables[0].rows), one.tables[0].note) == (30, "970 more rows in audit/findings.json.")
    assert (len(one.details), one.note) == (12, "Not shown here: 8 more sentences; audit/findings.json has all.")


@pytest.mark.usefixtures("quick_pictures")
def test_a_run_without_results_of_models_still_shows_its_audit(tmp_path):
    run = SyntheticRun(models={}, failed={"broken": "no memory"}).write(tmp_path / "run")
    page = page_of(save_audit(run))

    assert 'id="audit"' in page
