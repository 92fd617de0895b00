import base64
import html
import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from kbin.errors import RunFolderError
from kbin.report import gallery_sections as gallery_module
from kbin.report.gallery_sections import gallery_sections
from kbin.report.plots import draw_plots
from kbin.report.recorded import read_results
from kbin.report.rendering import write_report
from kbin.runs import RunDirectory
from tests.report.synthetic_runs import SyntheticRun

HOSTILE_PATH = '<img src=x onerror=alert(1)>/"1", =SUM(1) 😀.png'


def jpeg(shade: int = 90, side: int = 16) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), shade, np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def entry(run: RunDirectory, number: int, kind: str, with_cam: bool = True, **changes: object) -> dict[str, object]:
    place = ("only", 0, "test")
    return {
        "kind": kind,
        "sample_id": f"cells/{number:04}.png",
        "path": f"cells/{number:04}.png",
        "true": "defective",
        "predicted": "functional" if kind == "error" else "defective",
        "score": 0.031,
        "file": run.save_gallery_picture(*place, str(number), jpeg(number)),
        "cam": run.save_gallery_picture(*place, f"{number}-cam", jpeg(200)) if with_cam else None,
    } | changes


def save(run: RunDirectory, entries: list[dict[str, object]], **changes: object) -> None:
    contents = {"seed": 0, "threshold": 0.4, "cam_reason": None, "sets": {"test": entries}} | changes
    run.save_gallery("only", 0, contents)


@pytest.fixture
def run(two_seeds: RunDirectory, tmp_path) -> RunDirectory:
    """Free to be damaged."""
    return RunDirectory(shutil.copytree(two_seeds.path, tmp_path / "run"))


def sections(run: RunDirectory):
    return gallery_sections(run, read_results(run.results()))


def test_a_card_says_what_the_image_is_and_holds_both_pictures(run):
    save(run, [entry(run, 12, "error"), entry(run, 13, "doubtful")])
    (section,) = sections(run)
    assert (section.model_id, section.set_name, section.seed, section.reason) == ("only", "test", 0, "")
    assert section.explained == "The score is the probability of “defective”; from 0.400 on that is the answer."
    assert [(group.title, len(group.cards), group.note) for group in section.groups] == [
        ("Worst errors", 1, ""),
        ("Most doubtful", 1, ""),
    ]
    card = section.groups[0].cards[0]
    assert card.alternative == "Error: cells/0012.png, true defective, answered functional, score 0.03"
    assert card.heat_alternative == "Heat map of cells/0012.png: what speaks for functional"
    assert (card.caption, card.wrong) == ("true defective, answered functional, score 0.03", True)
    assert card.image == f"data:image/jpeg;base64,{base64.b64encode(jpeg(12)).decode()}"
    assert card.heat == f"data:image/jpeg;base64,{base64.b64encode(jpeg(200)).decode()}"
    assert not section.groups[1].cards[0].wrong


def test_more_images_than_the_page_shows_are_counted_with_their_place(run):
    save(run, [entry(run, k, "error" if k <= 12 else "doubtful") for k in range(1, 21)])
    (section,) = sections(run)
    assert [(len(group.cards), group.note) for group in section.groups] == [
        (6, "6 more in models/only/seed-0/gallery."),
        (4, "4 more in models/only/seed-0/gallery."),
    ]


def test_a_page_that_would_grow_too_large_shows_fewer_images(run, monkeypatch):
    save(run, [entry(run, k, "error" if k <= 12 else "doubtful") for k in range(1, 21)])
    one = 2 * (4 * (len(jpeg(1)) + 2) // 3 + gallery_module._CAPTION)  # an image and its heat map as text
    monkeypatch.setattr(gallery_module, "_ROOM", 7 * one + 20)
    (section,) = sections(run)
    assert [len(group.cards) for group in section.groups] == [4, 3]
    assert section.groups[0].note == "8 more in models/only/seed-0/gallery."


def test_ten_models_with_large_pictures_stay_within_the_room_of_the_page(tmp_path):
    models = {f"model-{k}": 1.0 for k in range(10)}
    run = SyntheticRun(models=models, sets={"train": (4, 4), "test": (6, 6)}, seeds=(0,)).write(tmp_path / "run")
    large = jpeg() + bytes(18_000)
    for name in models:
        entries = []
        for number in range(1, 21):
            place = (name, 0, "test")
            pictures = {
                "file": run.save_gallery_picture(*place, str(number), large),
                "cam": run.save_gallery_picture(*place, f"{number}-cam", large),
            }
            kind = "error" if number <= 12 else "doubtful"
            texts = {"sample_id": "a", "path": "a", "true": "functional", "predicted": "defective"}
            entries.append({"kind": kind, "score": 0.9} | texts | pictures)
        run.save_gallery(name, 0, {"seed": 0, "sets": {"test": entries}})
    shown = [card for section in sections(run) for group in section.groups for card in group.cards]
    assert len(shown) >= 20
    assert sum(len(card.image) + len(card.heat) for card in shown) < 2_001_000


def test_a_model_without_heat_maps_says_why(run):
    save(run, [entry(run, 1, "error", with_cam=False)], cam_reason="it has <no> map")
    (section,) = sections(run)
    assert section.reason == "it has <no> map"
    assert section.groups[0].cards[0].heat == ""


@pytest.mark.usefixtures("quick_pictures")
def test_a_run_from_before_there_were_galleries_has_none(run):
    assert sections(run) == []
    draw_plots(run, run.results())
    page = write_report([run]).read_text(encoding="utf-8")
    assert 'id="gallery"' not in page
    assert "#gallery" not in page


@pytest.mark.usefixtures("quick_pictures")
def test_names_of_other_peoples_making_appear_as_text_in_the_page(run):
    hostile = {"path": HOSTILE_PATH, "sample_id": HOSTILE_PATH, "true": "<b>", "predicted": "'\"><script>"}
    save(run, [entry(run, 1, "error", **hostile)], cam_reason="<i>")
    draw_plots(run, run.results())
    page = write_report([run]).read_text(encoding="utf-8")
    section = re.search(r'<section id="gallery".*?</section>', page, flags=re.DOTALL).group()
    assert HOSTILE_PATH in html.unescape(section)
    assert "<details" in section
    for markup in ("<img src=x", "<b>", "<script>", "<i>"):
        assert markup not in section
    pictures = re.findall(r"<img [^>]*>", section)
    assert len(pictures) == 2
    assert all('src="data:image/jpeg;base64,' in one and ' alt="' in one for one in pictures)


@pytest.mark.parametrize(
    "name",
    [
        "../../../secret.jpg",
        "../1.jpg",
        "./1.jpg",
        "/etc/1.jpg",
        "test/a.jpg",
        "test/1.svg",
        "test/1.jpg\n",
        "t\\1.jpg",
    ],
)
def test_a_picture_outside_the_gallery_is_refused(run, name):
    save(run, [entry(run, 1, "error", file=name)])
    with pytest.raises(
        RunFolderError, match=r"the gallery of only, seed 0 is damaged .*no name of a gallery's picture"
    ):
        sections(run)


def test_a_link_out_of_the_gallery_is_not_followed(run, tmp_path):
    save(run, [entry(run, 1, "error")])
    (tmp_path / "private.jpg").write_bytes(jpeg())
    picture = run.gallery_folder("only", 0) / "test" / "1.jpg"
    picture.unlink()
    picture.symlink_to(tmp_path / "private.jpg")
    assert sections(run)[0].groups[0].cards == ()


def test_a_link_to_itself_is_a_picture_that_cannot_be_read(run):
    save(run, [entry(run, 1, "error")])
    picture = run.gallery_folder("only", 0) / "test" / "1.jpg"
    picture.unlink()
    picture.symlink_to(picture)
    (group,) = sections(run)[0].groups
    assert (group.cards, group.note) == ((), "1 picture cannot be read in models/only/seed-0/gallery.")


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>", b"", b"\xff\xd8\xff" + bytes(200_000), None])
def test_what_is_no_small_jpeg_is_left_out_and_counted(run, content):
    save(run, [entry(run, 1, "error"), entry(run, 2, "error")])
    picture = run.gallery_folder("only", 0) / "test" / "1.jpg"
    picture.unlink()
    if content is not None:
        picture.write_bytes(content)
    (group,) = sections(run)[0].groups
    assert len(group.cards) == 1
    assert group.note == "1 picture cannot be read in models/only/seed-0/gallery."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "other"}, "kind"),
        ({"score": "high"}, "score"),
        ({"score": float("inf")}, "score"),
        ({"path": None}, "path"),
    ],
)
def test_a_damaged_gallery_is_refused(run, changes, message):
    one = entry(run, 1, "error")
    folder = run.gallery_folder("only", 0)
    text = str({"seed": 0, "sets": {"test": [one | changes]}}).replace("'", '"').replace("None", "null")
    (folder / "gallery.json").write_text(text.replace("inf", "1e999"), encoding="utf-8")
    with pytest.raises(RunFolderError, match=rf"the gallery of only, seed 0 is damaged \(sets\.test\.0\.{message}"):
        sections(run)


def test_a_gallery_that_is_no_json_is_refused(run):
    save(run, [])
    (run.gallery_folder("only", 0) / "gallery.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"gallery\.json is damaged"):
        sections(run)


def test_a_set_that_the_run_does_not_have_is_left_out(run):
    save(run, [], sets={"elsewhere": []})
    assert sections(run) == []
