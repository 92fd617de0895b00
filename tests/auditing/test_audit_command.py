"""`kbin run` with `audit: true` and `kbin audit`, on a run that takes seconds."""

import json
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kbin.cli import main
from tests.image_folders import write_images

SETTINGS = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models: [{backbone: EfficientNetLite0, id: fixed}]
training: {epochs: 1, seeds: [0, 1]}
engine: {runtime: torch}
audit: true
"""
CODES = {
    "exact-copies", "near-copies", "split-groups", "neighbouring-frames", "leak-premium", "input-numbers",
    "ranking-or-threshold", "share-of-positives", "drift-features", "drift-properties", "label-noise", "shortcuts",
    "swapped-colours",
}  # fmt: skip


def kbin(*arguments):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["kbin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return ended.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished, audited run beside its images; one test image is a mirrored copy of a training image."""
    root = tmp_path_factory.mktemp("audited")
    write_images(
        root / "images",
        {f"{name}/{kind}": 20 for name in ("train", "validation", "test") for kind in ("dark", "bright")},
    )
    with Image.open(root / "images/train/dark/0.png") as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "images/test/dark/0.png")
    (root / "shades.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KBIN_STORE", str(root / "store"))
        assert kbin("run", root / "shades.yaml", "--out", root / "run") == 0
    return root


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """A copy of the run that a test may change, with the store that it was made with."""
    monkeypatch.setenv("KBIN_STORE", str(folder / "store"))
    return Path(shutil.copytree(folder / "run", tmp_path / "run"))


def findings(run):
    audit = json.loads((run / "audit/findings.json").read_text())
    return {one["code"]: one for one in audit["findings"]}


def test_a_run_that_asks_for_it_is_audited_by_every_check(folder):
    found = findings(folder / "run")
    assert set(found) == CODES
    assert not [one["summary"] for one in found.values() if "broke" in one["summary"]]


def test_the_planted_copy_is_found_shown_and_grouped(folder):
    found = findings(folder / "run")["near-copies"]
    assert found["outcome"] == "found"
    assert "1 of the 40 images of test is a changed copy of a training image" in found["summary"]
    shown = [image for strip in found["strips"] for image in strip["images"]]
    assert {(one["set"], one["path"]) for one in shown} == {("train", "train/dark/0.png"), ("test", "test/dark/0.png")}
    for one in shown:
        with Image.open(folder / "run/audit" / one["file"]) as picture:
            assert max(picture.size) <= 96
    rows = (folder / "run/audit/groups.csv").read_text().splitlines()
    groups = dict(row.rsplit(",", 1) for row in rows[1:])
    assert rows[0] == "file,group"
    assert len(groups) == 120
    assert groups["train/dark/0.png"] == groups["test/dark/0.png"]
    assert len(set(groups.values())) == 119


def test_what_to_do_names_the_folder_of_the_run(folder):
    assert str(folder / "run/audit/groups.csv") in findings(folder / "run")["near-copies"]["next_step"]


def test_the_page_has_the_audit(folder):
    page = (folder / "run/report.html").read_text()
    assert 'id="audit"' in page
    assert "1 of the 40 images of test is a changed copy of a training image" in page


def test_the_command_says_what_was_found_and_where_the_page_is(run, capsys):
    assert kbin("audit", run) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith(f"page: {run / 'report.html'}")
    assert "What was found, the strongest first" in out
    assert all(len(line) <= 80 for line in out.splitlines() if str(run) not in line)


def test_as_json_it_prints_what_it_wrote(run, capsys):
    assert kbin("audit", run, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((run / "audit/findings.json").read_text())


def test_a_finished_run_is_audited_when_that_is_asked_for_later(folder, run, capsys):
    shutil.rmtree(run / "audit")
    before = (run / "results.json").read_bytes()
    assert kbin("run", folder / "shades.yaml", "--out", run) == 0
    assert set(findings(run)) == CODES
    assert (run / "results.json").read_bytes() == before
    assert "already holds the finished results" in capsys.readouterr().out


def test_without_its_stored_features_the_rest_is_audited(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KBIN_STORE", str(tmp_path / "empty"))
    assert kbin("audit", run) == 0
    found = findings(run)
    assert found["drift-features"]["outcome"] == "not_applicable"
    assert "not in the store any more" in found["drift-features"]["summary"]
    assert found["near-copies"]["outcome"] == "found"


def test_images_that_changed_since_are_refused_by_name_and_the_run_stays(folder, run, capsys):
    settings = run / "experiment.yaml"
    copy = run.parent / "images"
    shutil.copytree(folder / "images", copy)
    settings.write_text(settings.read_text().replace(str(folder / "images"), str(copy)))
    (copy / "test/dark/3.png").unlink()
    before = (run / "audit/findings.json").read_bytes()
    assert kbin("audit", run) == 2
    assert "test/dark/3.png" in capsys.readouterr().err
    assert (run / "audit/findings.json").read_bytes() == before


def test_images_that_are_gone_are_told(folder, run, capsys):
    settings = run / "experiment.yaml"
    settings.write_text(settings.read_text().replace(str(folder / "images"), str(run / "nowhere")))
    assert kbin("audit", run) == 2
    assert "nowhere" in capsys.readouterr().err


def test_what_is_no_finished_run_is_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert kbin("audit", tmp_path) == 2
    assert "results.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_pictures_that_are_no_longer_shown_go_away(run):
    stale = run / "audit/pictures/00ff.jpg"
    stale.write_bytes(b"old")
    assert kbin("audit", run) == 0
    assert not stale.exists()


def test_probabilities_of_every_seed_are_looked_at(run):
    lines = (run / "models/fixed/seed-1/predictions/test.csv").read_text().splitlines()
    (run / "models/fixed/seed-1/predictions/test.csv").write_text("\n".join([lines[0], *lines[1:][::-1]]) + "\n")
    assert kbin("audit", run) == 2  # their order is not that of the images


def test_numbers_in_findings_are_finite(folder):
    def refuse(text):
        raise ValueError(text)

    json.loads((folder / "run/audit/findings.json").read_text(), parse_constant=refuse)
    assert np.isfinite([one["strength"] for one in findings(folder / "run").values()]).all()
