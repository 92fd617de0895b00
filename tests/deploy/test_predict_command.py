"""`kbin predict` from end to end, on what a run has left."""

import csv
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kbin.cli import main
from kbin.deploy import checked_precision, decoded_batches, loaded_model, prediction_pass
from kbin.deploy.loaded_model import LoadedModel
from kbin.runs import RunDirectory
from tests.deploy.trained import THREE, TWO

MODEL = "run/models/fixed/seed-0"
Predict = Callable[..., tuple[int, str, str]]

_opened = functools.cache(LoadedModel)  # opening takes longer than all else


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Predict]:
    """Runs the command in this process, with lines of standard input; returns exit code, output and messages."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    monkeypatch.setattr(loaded_model, "LoadedModel", _opened)

    def call(*arguments: object, lines: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kbin", "predict", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capfd.readouterr())

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def recorded(folder: Path, set_name: str = "test", classes: tuple[str, ...] = TWO) -> dict[str, Any]:
    """Returns what the run itself predicted of a set: path -> probability, or probabilities."""
    found = RunDirectory(folder / "run").predictions("fixed", 0, set_name, classes)
    values = found.y_score if found.probabilities is None else found.probabilities
    return dict(zip(found.paths.tolist(), values, strict=True))


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_a_folder_is_predicted_as_the_run_itself_did(two_classes, predict, runtime):
    code, out, err = predict(two_classes / MODEL, two_classes / "images/test", "--runtime", runtime)

    rows, expected = rows_of(out), recorded(two_classes)
    assert (code, len(rows)) == (0, 16)
    assert f"predicting ({runtime}, float32): 16 images" in err
    names = [Path(row["path"]).relative_to(two_classes / "images").as_posix() for row in rows]
    assert names == sorted(expected)
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows], [expected[name] for name in names], atol=1e-4
    )
    threshold = json.loads((two_classes / MODEL / "model.json").read_text())["threshold"]["value"]
    assert [row["label"] for row in rows] == ["bright" if expected[name] >= threshold else "dark" for name in names]
    assert np.ptp([expected[name] for name in names]) > 0.1


def test_bfloat16_moves_no_probability_by_more_than_a_hundredth(two_classes, predict, monkeypatch):
    images = two_classes / MODEL, two_classes / "images/test"
    exact = rows_of(predict(*images, "--runtime", "torch")[1])
    code, out, err = predict(*images, "--precision", "bfloat16")

    def largest_difference(text):
        pairs = zip(exact, rows_of(text), strict=True)
        return max(abs(float(one["probability"]) - float(other["probability"])) for one, other in pairs)

    assert (code, "(torch, bfloat16)" in err) == (0, True)
    assert "bfloat16 moves a probability by" in err
    assert largest_difference(out) == 0
    monkeypatch.setattr(checked_precision, "LARGEST_DIFFERENCE", 1.0)
    code, out, err = predict(*images, "--precision", "bfloat16")
    assert (code, "bfloat16 moves" in err) == (0, False)
    assert 0.01 < largest_difference(out) < 0.2


def test_the_columns_and_the_calibrated_probability(two_classes, predict):
    _, out, _ = predict(two_classes / MODEL, two_classes / "images/test/dark/0.png")

    (row,) = rows_of(out)
    assert list(row) == [
        "path", "probability", "label", "calibrated_probability", "training_distance", "unlike_training", "error",
    ]  # fmt: skip
    temperature = json.loads((two_classes / MODEL / "model.json").read_text())["temperature"]
    probability = float(row["probability"])
    logit = np.log(probability / (1 - probability)) / temperature
    assert float(row["calibrated_probability"]) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    assert row["unlike_training"] == ("true" if float(row["training_distance"]) > 1 else "false")


def test_three_classes_have_a_column_each(three_classes, predict):
    code, out, _ = predict(three_classes / MODEL, three_classes / "images/test")

    rows, expected = rows_of(out), recorded(three_classes, classes=THREE)
    assert (code, list(rows[0])[-4:]) == (0, ["error", *THREE])
    for row in rows:
        probabilities = expected[Path(row["path"]).relative_to(three_classes / "images").as_posix()]
        np.testing.assert_allclose([float(row[name]) for name in THREE], probabilities, atol=1e-4)
        assert row["label"] == THREE[int(np.argmax(probabilities))]
        assert float(row["probability"]) == pytest.approx(max(probabilities), abs=1e-4)


def test_files_patterns_tables_and_lists_come_in_the_order_in_which_they_are_given(two_classes, predict, tmp_path):
    images = two_classes / "images/test"
    table = tmp_path / "images.csv"
    table.write_text(f"note;path\nx;{images}/bright/3.png\ny;{images}/dark/1.png\n", encoding="utf-8")

    code, out, err = predict(
        two_classes / MODEL, "-", table, f"{images}/d*/[12].png", f"{images}/dark/7.png",
        "--runtime", "torch", lines=f"{images}/bright/5.png\n\n{images}/bright/0.png\n",
    )  # fmt: skip

    expected = ["bright/5", "bright/0", "bright/3", "dark/1", "dark/1", "dark/2", "dark/7"]
    assert [row["path"] for row in rows_of(out)] == [f"{images}/{name}.png" for name in expected]
    assert (code, "7 images in" in err) == (0, True)


def test_many_batches_keep_the_order(two_classes, predict):
    files = sorted((two_classes / "images/train").rglob("*.png")) * 5  # 300
    lines = "".join(f"{file}\n" for file in files)

    _, out, _ = predict(two_classes / MODEL, "-", "--runtime", "torch", lines=lines)

    rows, expected = rows_of(out), recorded(two_classes, "train")
    assert [row["path"] for row in rows] == [str(file) for file in files]
    scores = [expected[file.relative_to(two_classes / "images").as_posix()] for file in files]
    np.testing.assert_allclose([float(row["probability"]) for row in rows], scores, atol=1e-4)


def test_bad_images_have_their_reason_and_the_rest_is_done(two_classes, predict, tmp_path):
    sound = two_classes / "images/test/dark/0.png"
    (tmp_path / "1-whole.png").write_bytes(sound.read_bytes())
    (tmp_path / "2-cut.png").write_bytes(sound.read_bytes()[:300])
    (tmp_path / "3-empty.jpg").touch()
    (tmp_path / "4-text.jpg").write_text("no image")
    os.mkfifo(tmp_path / "5-pipe.png")
    Image.new("1", (20_000, 10_000)).save(tmp_path / "6-bomb.png")
    (tmp_path / "7-link.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "8-whole.png").write_bytes(sound.read_bytes())
    (tmp_path / "notes.txt").write_text("passed over")

    code, out, err = predict(two_classes / MODEL, tmp_path, tmp_path / "9-missing.png")

    rows = rows_of(out)
    reasons = {Path(row["path"]).name: row["error"] for row in rows if row["error"]}
    assert code == 1
    assert [Path(row["path"]).name[0] for row in rows] == list("123456789")
    assert list(reasons) == [name for name in map(lambda row: Path(row["path"]).name, rows) if name[0] not in "18"]
    assert reasons["3-empty.jpg"] == "an empty file"
    assert reasons["4-text.jpg"] == "not an image that kbin can read"
    assert reasons["5-pipe.png"] == "a named pipe, not a file"
    assert "200 megapixels" in reasons["6-bomb.png"]
    assert reasons["7-link.png"] == "a link to a file that is not there"
    assert reasons["9-missing.png"] == "no such file"
    assert all(row["probability"] == row["label"] == row["unlike_training"] == "" for row in rows if row["error"])
    assert float(rows[0]["probability"]) == float(rows[7]["probability"])
    assert "7 images cannot be read: " in err
    assert "and 2 more" in err


def test_a_batch_without_a_sound_image_is_reported_like_any_other(two_classes, predict, tmp_path):
    for index in range(40):
        (tmp_path / f"{index:02}.png").touch()
    shutil.copy(two_classes / "images/test/dark/0.png", tmp_path / "99.png")

    code, out, _ = predict(two_classes / MODEL, tmp_path)

    rows = rows_of(out)
    assert code == 1
    assert [row["error"] for row in rows] == ["an empty file"] * 40 + [""]
    assert rows[-1]["probability"] != ""


def test_images_unlike_training_are_marked(two_classes, predict, tmp_path):
    pixels = np.zeros((24, 24, 3), np.uint8)
    pixels[:, ::4] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "stripes.png")

    _, out, err = predict(two_classes / MODEL, tmp_path, two_classes / "images/test/dark")

    rows = rows_of(out)
    assert rows[0]["unlike_training"] == "true"
    assert float(rows[0]["training_distance"]) > 1
    assert "unlike anything in training (of images like those of training, 1.2% are marked so, too)" in err  # 1 / 85


def test_another_threshold_changes_the_labels_alone(two_classes, predict):
    images = two_classes / "images/test"
    _, locked, _ = predict(two_classes / MODEL, images)
    _, all_bright, _ = predict(two_classes / MODEL, images, "--threshold", "0")

    assert {row["label"] for row in rows_of(all_bright)} == {"bright"}
    assert {row["label"] for row in rows_of(locked)} == {"dark", "bright"}
    without = [{name: one for name, one in row.items() if name != "label"} for row in rows_of(locked)]
    assert [{name: one for name, one in row.items() if name != "label"} for row in rows_of(all_bright)] == without


@pytest.mark.parametrize("by", ["column", "folder"])
def test_with_labels_it_evaluates_as_the_run_did(two_classes, predict, tmp_path, by):
    images = two_classes / "images"
    given, column = images / "test", "folder"
    if by == "column":
        given, column = tmp_path / "test.csv", "truth"
        lines = [f"{images / path},{path.split('/')[1]}" for path in recorded(two_classes)]
        given.write_text("\n".join(["path,truth", *lines]), encoding="utf-8")

    code, out, err = predict(two_classes / MODEL, given, "--labels", column, "--out", tmp_path / "out.csv", "--json")

    found = json.loads(out)["evaluation"]
    (model,) = RunDirectory(two_classes / "run").results()["models"]
    expected = model["sets"]["test"]
    assert code == 0
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        assert found["metrics"][name] == pytest.approx(expected["metrics"][name], abs=1e-9)
        if name in expected["intervals"]:
            assert found["intervals"][name] == pytest.approx(expected["intervals"][name], abs=0.02)
    assert f"Accuracy   {found['metrics']['accuracy']:.3f}  [" in err
    assert {row["y_true"] for row in rows_of((tmp_path / "out.csv").read_text())} == set(TWO)


def test_images_without_a_label_do_not_count(two_classes, predict, tmp_path):
    images = two_classes / "images/test"
    table = tmp_path / "some.csv"
    table.write_text(f"path,truth\n{images}/dark/0.png,dark\n{images}/dark/1.png,\n", encoding="utf-8")

    _, out, err = predict(two_classes / MODEL, table, "--labels", "truth")

    assert [row["y_true"] for row in rows_of(out)] == ["dark", ""]
    assert "1 image with a label at the threshold" in err
    assert "1 image had no label" in err
    assert "ROC AUC    none: no image of this set is 'bright'" in err


def test_json_lines_hold_numbers_flags_and_nulls(two_classes, predict, tmp_path):
    code, out, _ = predict(
        two_classes / MODEL, two_classes / "images/test/dark/0.png", tmp_path / "none.png", "--format", "jsonl"
    )

    sound, bad = map(json.loads, out.splitlines())
    assert code == 1
    assert isinstance(sound["probability"], float)
    assert isinstance(sound["unlike_training"], bool)
    assert (bad["probability"], bad["label"], bad["error"]) == (None, None, "no such file")


def test_a_file_appears_whole_and_what_was_done_stays_beside_it(two_classes, predict, tmp_path, monkeypatch):
    out = tmp_path / "new" / "rows.csv"
    assert predict(two_classes / MODEL, two_classes / "images/test", "--out", out)[:2] == (0, "")
    whole = out.read_text()
    assert (len(rows_of(whole)), os.listdir(out.parent)) == (16, ["rows.csv"])

    real, calls = prediction_pass.PredictionPass._judged, []

    def failing(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(prediction_pass.PredictionPass, "_judged", failing)
    code, _, err = predict(two_classes / MODEL, two_classes / "images/train", "--out", out, "--runtime", "torch")

    assert code == 130
    assert out.read_text() == whole
    assert len(rows_of((out.parent / "rows.csv.partial").read_text())) == 32  # of 60
    assert f"the rows that were done are in {out}.partial" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist. Give image files"),
        (["no*.png"], "no file fits the pattern no*.png"),
        (["empty"], "there are no images"),
        (["bad.csv"], "unknown column 'path'"),
        (["image.png", "--threshold", "1.5"], "the threshold is 1.5; it must be a probability"),
        (["image.png", "--json"], "give --out FILE"),
        (["wrong.csv", "--labels", "truth"], "wrong.csv, line 2: unknown class 'brigth'. Did you mean 'bright'?"),
    ],
)
def test_wrong_input_as_a_whole_is_a_message_and_two(two_classes, predict, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("file\nimage.png\n")
    (tmp_path / "wrong.csv").write_text("path,truth\nimage.png,brigth\n")
    shutil.copy(two_classes / "images/test/dark/0.png", "image.png")

    code, out, err = predict(two_classes / MODEL, *arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_rows_replace_nothing_that_was_given(two_classes, predict, tmp_path):
    image = Path(shutil.copy(two_classes / "images/test/dark/0.png", tmp_path / "image.png"))
    table = tmp_path / "images.csv"
    table.write_text("path\nimage.png\n")
    (tmp_path / "link.csv").symlink_to(table)

    model = shutil.copy(two_classes / MODEL / "model.json", tmp_path / "model.json")
    pairs = (table, table), (table, tmp_path / "link.csv"), (image, image), (tmp_path, image), (table, model)
    for given, out in pairs:
        code, _, err = predict(two_classes / MODEL, given, "--out", out)
        assert (code, "Give --out" in err) == (2, True)

    assert table.read_text() == "path\nimage.png\n"
    assert image.read_bytes().startswith(b"\x89PNG")


def test_an_image_of_more_megapixels_is_bad_unless_more_are_allowed(two_classes, predict, tmp_path):
    Image.new("L", (12_000, 10_000)).save(tmp_path / "scan.png")  # 120 megapixels
    Image.new("L", (1_000, 1_000)).save(tmp_path / "small.png")
    files = two_classes / MODEL, tmp_path / "scan.png", tmp_path / "small.png"

    def errors(*options):
        code, out, _ = predict(*files, *options)
        return code, [row["error"] for row in rows_of(out)]

    assert errors() == (1, ["120 megapixels, more than max_megapixels allows (100)", ""])
    assert errors("--max-megapixels", "120") == (0, ["", ""])
    assert errors("--max-megapixels", ".5")[1][1] == "1 megapixels, more than max_megapixels allows (0.5)"
    assert predict(*files, "--max-megapixels", "0")[0] == 2


def test_a_run_of_an_older_kbin_is_told_what_to_do(two_classes, predict, tmp_path):
    shutil.copytree(two_classes / "run", tmp_path / "run")
    (tmp_path / MODEL / "model.json").unlink()

    code, _, err = predict(tmp_path / "run", two_classes / "images/test")

    assert code == 2
    assert "A run that an older kbin made has none: `kbin run FILE --fresh` makes it anew" in err


def test_no_more_than_a_few_batches_are_ever_in_memory(two_classes, monkeypatch):
    taken, most = 0, 0
    wanted = json.loads((two_classes / MODEL / "model.json").read_text())["input"]
    file = two_classes / "images/test/dark/0.png"

    def endless() -> Iterator[tuple[int, Path]]:
        nonlocal taken
        while True:
            taken += 1
            yield taken, file

    described = decoded_batches.ImageInput.model_validate(wanted)
    monkeypatch.setattr(decoded_batches, "available_cores", lambda: 2)
    given = 0
    for batch in decoded_batches.decoded_batches(endless(), described, 4):
        given += len(batch.items)
        most = max(most, taken - given)
        if given == 400:
            break

    assert 0 < most <= (2 + 2 + 1) * 4


def test_a_reader_that_goes_away_ends_it_quietly(two_classes):
    files = "\n".join([str(two_classes / "images/test/dark/0.png")] * 3_000)
    process = subprocess.run(
        f'"{sys.executable}" -c "from kbin.cli import main; main()" predict "{two_classes / MODEL}" - '
        "--runtime torch | head -n 1",
        shell=True,
        input=files,
        capture_output=True,
        text=True,
    )

    assert process.stdout.startswith("path,probability")
    assert "Traceback" not in process.stderr
    assert "Broken" not in process.stderr
