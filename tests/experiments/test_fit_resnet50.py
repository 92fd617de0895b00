import csv
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

_SCRIPT = Path(__file__).parents[2] / "experiments" / "fit_resnet50.py"


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, _SCRIPT, *map(str, arguments)], capture_output=True, text=True)


def _log(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def photos(tmp_path) -> Path:
    """Blue and red images, in folders as a person has them."""
    for name, count in (("train", 4), ("validation", 2)):
        for label, color in (("sky", (0, 0, 200)), ("tomato", (200, 0, 0))):
            (tmp_path / name / label).mkdir(parents=True)
            for index in range(count):
                Image.new("RGB", (40, 30), color).save(tmp_path / name / label / f"{index}.png")
    return tmp_path


def test_the_synthetic_run_learns_and_leaves_log_plots_and_model(tmp_path):
    result = _run("--synthetic", "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.csv", "model.keras", "roc.png", "roc.svg"]
    rows = _log(tmp_path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["roc_auc"]) > 0.7
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    model = keras.saving.load_model(tmp_path / "model.keras")
    blue, red = np.full((2, 32, 32, 3), 30.0) + np.array([[0, 0, 180], [180, 0, 0]])[:, None, None]
    predictions = model.predict_on_batch(np.stack([blue, red]))
    assert predictions[0] != pytest.approx(predictions[1], abs=0.01)


def test_a_persons_own_folders_are_trained_on(photos, tmp_path):
    out = tmp_path / "out"
    folders = ("--train", photos / "train", "--validation", photos / "validation")
    result = _run(*folders, "--weights", "none", "--epochs", "1", "--out", out)
    assert result.returncode == 0, result.stderr
    assert [row["epoch"] for row in _log(out)] == ["1"]
    assert "positive: tomato" in (out / "roc.svg").read_text()


def test_without_folders_it_says_what_to_give():
    result = _run()
    assert result.returncode == 2
    assert "give --train and --validation, or --synthetic" in result.stderr
