import itertools
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from kbin.errors import KbinError, RunFolderError
from kbin.metric_names import METRICS
from kbin.report import pictures
from kbin.report.plots import draw_plots
from kbin.report.recorded import read_results
from kbin.report.rendering import write_report
from kbin.report.wording import UNDEFINED
from kbin.runs import RunDirectory
from tests.report.conftest import ERROR, HOSTILE_CLASS, HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """Elements in order, the text outside scripts and styles, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def test_the_page_asks_nobody_for_anything(page, parsed):
    places = [a[name] for _, a in parsed.elements for name in ("src", "href", "srcset", "action", "data") if name in a]
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)

    assert places
    assert all(place.startswith(("data:", "#")) for place in places)
    assert not re.search(r"@import|url\(", " ".join(styles))
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", page)


def test_every_element_is_closed_and_every_id_is_there_once(parsed):
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    targets = [a["href"][1:] for a in parsed.all("a")]

    assert parsed.open == []
    assert len(ids) == len(set(ids))
    assert set(targets) <= set(ids)
    assert {a["aria-labelledby"] for _, a in parsed.elements if "aria-labelledby" in a} <= set(ids)


def test_names_of_other_peoples_making_appear_as_text(page, parsed):
    assert HOSTILE_CLASS in parsed.text
    assert HOSTILE_SET in parsed.text
    assert ERROR in parsed.text
    assert "1 image of <train> was left out" in parsed.text
    assert "# <settings> & more" in parsed.text
    assert "--set 'training.seeds=[0, 1]' && echo <done>" in parsed.text
    assert len(parsed.all("script")) == 1
    assert not parsed.all("i")
    assert not any(name.startswith("on") for _, attributes in parsed.elements for name in attributes)
    assert any(HOSTILE_SET in picture["alt"] for picture in parsed.all("img"))


def _main_table(page):
    """Set name -> model id -> texts of the cells of the main table."""
    table = re.search(r'<table class="results.*?</table>', page, flags=re.DOTALL).group()
    groups = {}
    for body in re.findall(r"<tbody[^>]*>(.*?)</tbody>", table, flags=re.DOTALL):
        heading, *rows = re.findall(r"<tr.*?</tr>", body, flags=re.DOTALL)
        cells = [
            [" ".join(Page(c).text.split()) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows
        ]
        groups[Page(heading).text] = {name: values for name, *values in cells}
    return groups


def test_every_metric_of_every_model_on_every_set_is_the_recorded_one(everything, page):
    order = ["accuracy", "roc_auc"]
    order += [row.name for row in METRICS if row.name not in (*order, "majority_accuracy")]
    groups = _main_table(page)
    results = everything.results()

    assert len(groups) == len(results["sets"])
    for heading, rows in groups.items():
        for model in results["models"][:2]:
            name = next(name for name in model["sets"] if heading.startswith(name))
            entry = model["sets"][name]
            for metric, text in zip(order, rows[model["id"]], strict=True):
                value, spread = entry["metrics"][metric], entry["spread"][metric]
                if value is None:
                    assert re.fullmatch(rf"{UNDEFINED}\s*\d+", text)
                    continue
                expected = f"{value:.3f} ± {spread:.3f}"
                if name != "train" and metric in entry["intervals"]:
                    low, high = entry["intervals"][metric]
                    expected += f" [{low:.3f}, {high:.3f}]"
                expected += " collapsed" if metric == "accuracy" and entry["collapsed"] else ""
                assert text == expected


def test_class_seed_and_threshold_numbers_are_the_recorded_ones(everything, parsed):
    for model in everything.results()["models"][:2]:
        entry = model["sets"]["test"]
        for name, one in entry["per_class"].items():
            columns = ("precision", "recall", "f1", "roc_auc")
            shown = " ".join(UNDEFINED if one[m] is None else f"{one[m]:.3f}" for m in columns)
            mark = " collapsed" if entry["collapsed"] else ""
            assert f"test{mark} {name} {one['n']} {shown}" in parsed.text
        for seed in entry["per_seed"]:
            fallen = [s for s in ("test", HOSTILE_SET) if model["sets"][s]["per_seed"][seed["seed"]]["collapsed"]]
            mark = f" collapsed on {', '.join(fallen)}" if fallen else ""
            assert f"{seed['seed']}{mark} 2 {seed['threshold']:.3f} {seed['metrics']['roc_auc']:.3f}" in parsed.text
        half = entry["operating_points"]["half"]["metrics"]
        assert f"at 0.5 0.500 {half['accuracy']:.3f} {half['balanced_accuracy']:.3f}" in parsed.text


def test_a_collapse_is_told_in_the_summary_and_in_its_model_and_marked_in_every_table(everything, page, parsed):
    fallen = [
        (model["id"], name, entry["collapse"])
        for model in everything.results()["models"]
        for name, entry in model["sets"].items()
        if entry["collapsed"]
    ]
    marked = [
        (name, model_id)
        for name, rows in _main_table(page).items()
        for model_id, cells in rows.items()
        if "collapsed" in cells[0]
    ]

    assert [name for model_id, name, _ in fallen if model_id == "poor"] == ["train", "validation", "test"]
    assert len(marked) == len(fallen)
    for model_id, name, sentence in fallen:
        assert f"On “{name}”, {model_id} has collapsed: {sentence}." in parsed.text
        assert f"On “{name}”: {sentence}." in parsed.text
    summary = parsed.text.index("Collapsed: one answer for all images would do as well")
    assert summary < parsed.text.index("Images by set and class")


def test_a_run_without_a_collapse_does_not_speak_of_one(small, quick_pictures):
    draw_plots(small, small.results())

    assert "ollapsed" not in Page(write_report([small]).read_text(encoding="utf-8")).text


def test_an_undefined_metric_has_its_reason_as_title_and_as_footnote(parsed):
    reason = f"On “{HOSTILE_SET}” no image of this set is '{HOSTILE_CLASS}'."

    assert reason in parsed.text
    assert any(cell.get("title") == reason for cell in parsed.all("td"))


def test_a_failed_model_is_shown_with_its_error_and_settings(parsed):
    assert f"broken failed {ERROR} Backbone EfficientNetLite0" in parsed.text
    assert f"broken failed and has no results: {ERROR}" in parsed.text


def test_pictures_have_texts_that_say_their_numbers(everything, parsed):
    alternatives = [picture["alt"] for picture in parsed.all("img")]
    entry = everything.results()["models"][0]["sets"]["test"]
    auc = f"{entry['metrics']['roc_auc']:.3f} ± {entry['spread']['roc_auc']:.3f}"
    roc = next(text for text in alternatives if text.startswith("ROC curves on test"))

    assert all(alternatives)
    assert f"good {auc}" in " ".join(roc.split())
    assert any("undefined, no image of this set" in text for text in alternatives)
    assert any("seed 1: 3 epochs, kept epoch 2; training loss from 1.000 to 0.333" in text for text in alternatives)


def test_tables_have_captions_and_headings_say_what_they_head(parsed):
    assert len(parsed.all("caption")) == len(parsed.all("table"))
    assert all("scope" in attributes for attributes in parsed.all("th"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_keyboards_reach_what_scrolls_and_skip_what_repeats(parsed):
    assert all(a.get("tabindex") == "0" and a["aria-label"] for _, a in parsed.elements if a.get("class") == "scroll")
    assert parsed.all("a")[0] == {"class": "skip", "href": "#main"}
    assert parsed.all("html") == [{"lang": "en"}]


def test_settings_versions_and_command_are_on_the_page(parsed):
    for text in (
        "name: synthetic",
        "kbin run a.yaml",
        "keras 3.15.1",
        "device cpu",
        "2026-01-02 03:04 UTC",
        "1 min 01 s",
    ):
        assert text in parsed.text


def test_a_model_that_can_be_used_elsewhere_has_the_commands_for_it(quick_pictures, tmp_path):
    run = SyntheticRun(models={"top-block": 2.0, "fixed": 2.0}).write(tmp_path / "run")
    draw_plots(run, run.results())
    first = read_results(run.results()).models[0].seeds[0]
    (run.model_folder("top-block", first) / "model.json").write_text("{}")

    text = Page(write_report([run]).read_text(encoding="utf-8")).text

    assert f"kbin predict models/top-block/seed-{first} IMAGES" in text
    assert "kbin predict models/fixed" not in text


def test_three_classes_are_shown_without_a_positive_one(small, quick_pictures):
    draw_plots(small, small.results())
    text = Page(write_report([small]).read_text(encoding="utf-8")).text

    assert "means over the 3 classes" in text
    assert "3 classes" in text
    assert "predicted owl" in text
    assert "positive class" not in text
    assert "Threshold" not in text.replace("Depends on the threshold", "")


def test_the_same_folder_gives_the_same_page(everything, page):
    assert write_report([everything]).read_text(encoding="utf-8") == page


def test_the_page_of_a_run_in_which_every_model_failed_says_so(tmp_path):
    run = SyntheticRun(models={}, failed={"broken": ERROR}).write(tmp_path / "run")
    draw_plots(run, run.results())
    page = Page(write_report([run]).read_text(encoding="utf-8"))

    assert "No model has results: every one failed." in page.text
    assert f"broken failed {ERROR}" in page.text
    assert page.all("img") == []
    assert {a["href"][1:] for a in page.all("a")} <= {a["id"] for _, a in page.elements if "id" in a}


def test_a_large_svg_is_replaced_by_its_png(everything, monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "LARGEST_SVG", 10)
    before = (everything.path / "report.html").read_bytes()
    try:
        page = Page(write_report([everything]).read_text(encoding="utf-8"))
    finally:
        (everything.path / "report.html").write_bytes(before)

    assert all(picture["src"].startswith("data:image/png;base64,iVBORw0KGgo") for picture in page.all("img"))


def test_a_large_run_shows_one_seed_of_learning_curves_a_model_and_says_where_the_others_are(everything, monkeypatch):
    monkeypatch.setattr(pictures, "_MOST_LEARNING_CURVES", 3)
    before = (everything.path / "report.html").read_bytes()
    try:
        page = Page(write_report([everything]).read_text(encoding="utf-8"))
    finally:
        (everything.path / "report.html").write_bytes(before)

    assert sum(picture["alt"].startswith("Learning curves") for picture in page.all("img")) == 2
    assert "The other seeds' curves are in models/good/seed-*/plots." in page.text


@pytest.mark.parametrize("further_sets", [0, 3])
def test_ten_models_of_three_seeds_fit_into_5_mb_whatever_their_plots_and_galleries(
    tmp_path, further_sets, monkeypatch
):
    models = {f"model-{number}": 1.0 for number in range(10)}
    tests = ["test", *(f"centre-{number}" for number in range(further_sets))]
    sets = {"train": (20, 12), "validation": (12, 8), **dict.fromkeys(tests, (14, 10))}
    # Precision and F1 may be undefined on so few images.
    named = [row.name for row in METRICS if not row.is_baseline and row.name not in ("precision", "f1")]
    by_metric = {name: dict.fromkeys(models, "a") for name in named}
    run = SyntheticRun(
        models=models, seeds=(0, 1, 2), sets=sets, letters=dict.fromkeys([*tests, "validation"], by_metric)
    ).write(tmp_path / "run")
    # Every plot as large as a page takes, whatever it is called.
    monkeypatch.setattr(pictures, "_data_uri", lambda path, *_: f"data:,{path.stem}" + "x" * pictures.LARGEST_SVG)
    for model in models:
        for name in tests:
            for number in range(20):
                run.save_gallery_picture(model, 0, name, str(number), b"\xff\xd8\xff" + b"x" * 10_000)
        images = {
            name: [
                {"kind": "error" if k < 12 else "doubtful", "sample_id": f"{k}.png", "path": f"{k}.png", "score": 0.9,
                 "true": "functional", "predicted": "defective", "file": f"{name}/{k}.jpg", "cam": f"{name}/{k}.jpg"}
                for k in range(20)
            ]
            for name in tests
        }  # fmt: skip
        run.save_gallery(model, 0, {"sets": images, "cam_reason": None, "seed": 0, "threshold": 0.5})
    page = write_report([run])
    read = Page(page.read_text(encoding="utf-8"))

    assert page.stat().st_size < 5_000_000
    assert any(image["src"].startswith("data:image/jpeg") for image in read.all("img"))
    assert ("Left out of this page for its size" in read.text) == (further_sets > 0)


def test_plots_and_page_are_remade_from_the_folder_alone_without_keras(tmp_path):
    run = SyntheticRun(models={"only": 1.0}, sets={"test": (30, 20)}, seeds=(0,)).write(tmp_path / "run")
    code = """
import json, sys
from pathlib import Path
from kbin.cli import main
from kbin.report.summary import result_lines
from kbin.runs import RunDirectory
result_lines(RunDirectory(Path(sys.argv[1])).results())
sys.argv[1:] = ["report", sys.argv[1]]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
print(json.dumps([name for name in ("keras", "torch", "tensorflow") if name in sys.modules]))
"""
    command = [sys.executable, "-W", "error", "-c", code, str(run.path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == []
    with Image.open(run.plot_path("roc-test")) as picture:
        assert min(picture.size) > 600
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
    page = Page((run.path / "report.html").read_text(encoding="utf-8"))
    assert len(page.all("img")) == 5  # ROC, precision-recall, calibration, other shares of positives, learning curves
    assert all(len(picture["src"]) > 20_000 for picture in page.all("img"))


@pytest.mark.parametrize("count", [0, 2])
def test_a_page_shows_exactly_one_run(small, count):
    with pytest.raises(KbinError, match=f"a page shows one run, got {count} folders"):
        write_report([small] * count)


@pytest.mark.parametrize("name", ["results.json", "environment.json", "experiment.yaml"])
def test_a_missing_file_is_named(everything, tmp_path, name):
    run = _copy(everything, tmp_path)
    (run.path / name).unlink()

    with pytest.raises(RunFolderError, match=f"no readable {name}"):
        write_report([run])


def test_results_cut_off_in_the_middle_are_refused(everything, tmp_path):
    run = _copy(everything, tmp_path)
    path = run.path / "results.json"
    path.write_text(path.read_text(encoding="utf-8")[:500], encoding="utf-8")

    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        write_report([run])


def test_a_missing_plot_is_named_with_the_command_that_draws_it(everything, tmp_path):
    run = _copy(everything, tmp_path)
    run.plot_path("roc-test").with_suffix(".svg").unlink()

    with pytest.raises(RunFolderError, match=r"roc-test\.png is not there.*`kbin report`"):
        write_report([run])


def _copy(run, tmp_path):
    return RunDirectory(shutil.copytree(run.path, tmp_path / "copy"))


def test_images_that_were_left_out_have_a_section_of_their_own(small, quick_pictures):
    files = [
        {"set": "<u>", "path": f"cat/<img src=x>\n{number}.png", "reason": '"short" & <b>'} for number in range(10)
    ]
    results = small.results() | {"bad_images": {"count": 12, "share": 0.04, "files": files}}
    small.save_results(results)
    draw_plots(small, results)
    page = write_report([small]).read_text(encoding="utf-8")
    text = " ".join(Page(page).text.split())
    assert "Images left out 12 images of the data, 4.0%, cannot be read and took no part in anything" in text
    assert "lists all of them" in text
    assert "The first 10 images that were left out" in text
    assert 'cat/<img src=x> 9.png "short" & <b>' in text
    assert "<img src=x" not in page
    assert '<a href="#bad-images">Images left out</a>' in page


@pytest.mark.parametrize("bad", [{}, {"bad_images": {"count": 0, "share": 0.0, "files": []}}])
def test_without_such_images_there_is_no_such_section(small, quick_pictures, bad):
    results = small.results() | bad
    small.save_results(results)
    draw_plots(small, results)
    assert "Images left out" not in write_report([small]).read_text(encoding="utf-8")
