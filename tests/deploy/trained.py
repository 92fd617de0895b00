"""Small runs with trained models, for tests of what is done with them."""

import io
import json
from pathlib import Path

import pytest

from kbin import experiment as experiment_module
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import LogProgress
from kbin.runs import RunDirectory
from tests.image_folders import write_images

TWO = ("dark", "bright")
THREE = ("dark", "grey", "bright")
COUNTS = {"train": 30, "validation": 12, "test": 8}


def trained_run(folder: Path, classes: tuple[str, ...] = TWO, **settings: object) -> RunDirectory:
    """Trains one model with one seed on images beside it, without page and plots.

    Args:
        folder: Gets `images/<set>/<class>/<number>.png`, `experiment.yaml` and `run`.
        classes: Those of the images; of two the second is the positive one.
        settings: Of the experiment file, in JSON, which is YAML, too: `evaluation={"temperature": True}`.
    """
    write_images(folder / "images", {f"{name}/{kind}": n for name, n in COUNTS.items() for kind in classes})
    data = {"source": "folder", "path": "images", "classes": list(classes), "image_size": 32}
    if len(classes) == 2:
        data["positive"] = classes[-1]
    model = {"id": "fixed", "backbone": "EfficientNetLite0", "weights": "packaged", "head": {"standardize": True}}
    settings = {
        "name": "shades",
        "data": data,
        "models": [model],
        "training": {"epochs": 3, "seeds": 0},
        "engine": {"runtime": "torch"},
    } | settings
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(experiment_module, "remake", lambda runs: None)
        # Other runs on such images take nothing of this one, whose batches round in their own way.
        monkeypatch.setenv("KBIN_STORE", str(folder / "store"))
        assert run_experiment(load_experiment(path, []), folder / "run", LogProgress(io.StringIO())) == 0
    return RunDirectory(folder / "run")
