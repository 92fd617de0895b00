"""Whole runs on folders that nobody cleaned."""

import csv
import html
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from kbin.data.bad_images import AllBadImagesError
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.plan import plan_lines
from kbin.progress import LogProgress, Progress
from kbin.runs import RunDirectory
from tests.data.bad_images import ODD_NAMES, write_bad
from tests.image_folders import write_images

SETTINGS = """\
name: uncleaned
data: {source: folder, path: images, positive: bright, image_size: 32}
models: [{id: small, backbone: SmallCNN, weights: none, train_blocks: all}]
training: {epochs: 1, batch_size: 8, seeds: [0]}
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    counts = {f"{name}/{kind}": 6 for name in ("train", "validation", "test") for kind in ("dark", "bright")}
    return write_images(tmp_path / "images", counts)


def start(folder: Path, *overrides: str) -> tuple[RunDirectory, str]:
    (folder / "experiment.yaml").write_text(SETTINGS, encoding="utf-8")
    log = io.StringIO()
    config = load_experiment(folder / "experiment.yaml", overrides)
    assert run_experiment(config, folder / "run", LogProgress(log)) == 0
    return RunDirectory(folder / "run"), log.getvalue()


def test_skip_runs_on_the_rest_and_says_what_is_missing_everywhere(tmp_path, images):
    for number, name in enumerate(ODD_NAMES):
        # Brighter or darker than anything else, so that galleries show some of them.
        Image.new("RGB", (24, 24), (number, number, 250)).save(images / "test" / "dark" / name)
    bad = write_bad(images / "train" / "dark")
    run, log = start(tmp_path, "data.on_bad_image=skip", "data.max_bad_share=0.9")

    total = 36 + len(ODD_NAMES) + len(bad)
    entry = json.loads((run.path / "results.json").read_text())["bad_images"]
    assert entry["count"] == len(bad)
    assert entry["share"] == pytest.approx(len(bad) / total)
    assert len(entry["files"]) == 10
    note = f"{len(bad)} images of {total} cannot be read and were left out"
    assert note in log
    assert note in run.results()["notes"][0]

    text = (run.path / "bad_images.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["set", "path", "reason"]
    written = {f"train/dark/{name}".replace("\udce9", r"\udce9") for name in bad}
    assert {row[1] for row in rows[1:]} == written

    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Images left out" in page
    assert all(html.escape(one["path"]) in page for one in entry["files"])
    assert "<img src=x" not in page

    found = run.predictions("small", 0, "test", ["dark", "bright"])
    assert set(found.paths) >= {f"test/dark/{name}".replace("\udce9", r"\udce9") for name in ODD_NAMES}
    shown = {one["path"] for one in run.gallery("small", 0)["sets"]["test"]}
    assert shown & {f"test/dark/{name}".replace("\udce9", r"\udce9") for name in ODD_NAMES}


def test_error_names_all_keeps_what_is_there_and_goes_on_once_they_are_mended(tmp_path, images):
    first, second = images / "train" / "dark" / "0.png", images / "test" / "bright" / "3.png"
    whole = [path.read_bytes() for path in (first, second)]
    for path, content in zip((first, second), whole, strict=True):
        path.write_bytes(content[:90])
    with pytest.raises(AllBadImagesError) as caught:
        start(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 images of 36 cannot be read:"
    # The order of sets is that of the folders.
    assert [line.split(" (")[0] for line in lines[1:3]] == [f"  {second}", f"  {first}"]
    listed = tmp_path / "run" / "bad_images.csv"
    assert lines[3] == f"All are listed in {listed}."
    assert len(listed.read_text().splitlines()) == 3

    for path, content in zip((first, second), whole, strict=True):
        path.write_bytes(content)
    run, _ = start(tmp_path)
    assert not listed.exists()
    assert "bad_images" not in run.results()


def test_check_names_all_bad_images_before_anything_is_planned(tmp_path, images):
    for name in ("train/dark/0.png", "test/dark/1.png"):
        (images / name).write_bytes(b"")
    (tmp_path / "experiment.yaml").write_text(SETTINGS, encoding="utf-8")
    with pytest.raises(AllBadImagesError, match=r"^2 images of 36 cannot be read:\n.*1\.png .*\n.*0\.png "):
        next(plan_lines(load_experiment(tmp_path / "experiment.yaml"), Progress()))
    skipping = load_experiment(tmp_path / "experiment.yaml", ["data.on_bad_image=skip", "data.max_bad_share=0.2"])
    lines = list(plan_lines(skipping, Progress()))
    assert any("2 images of 36 cannot be read and were left out" in line for line in lines)
