import json
import re
from pathlib import Path
from typing import Any

import keras
import pytest

from kbin import experiment as experiment_story
from kbin import memory_plan, model_stages
from kbin.config.training import TrainingConfig
from kbin.errors import TrainingError
from kbin.experiment_file import load_experiment
from kbin.memory_plan import check_memory, needed_bytes
from kbin.models.classifiers import build_classifier
from kbin.models.memory import StepMemory, step_memory
from kbin.plan import plan_lines
from kbin.progress import Progress
from kbin.training.trainer import Labelled, train
from tests.image_folders import write_images

_SETTINGS = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models:
  - {id: small, backbone: SmallCNN, weights: none, train_blocks: all}
  - {id: large, backbone: SmallCNN, weights: none, train_blocks: all, training: {batch_size: 512}}
training: {epochs: 1, batch_size: 4, seeds: [0], optimizer: sgd}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    for name, count in {"train": 6, "validation": 3, "test": 3}.items():
        write_images(tmp_path / "images" / name, {"dark": count, "bright": count}, seed=count + len(name))
    (tmp_path / "experiment.yaml").write_text(_SETTINGS)
    return tmp_path / "experiment.yaml"


def _free(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    monkeypatch.setattr(memory_plan, "available_memory", lambda: size)


def _run(monkeypatch: pytest.MonkeyPatch, settings: Path, out: Path, exit_code: int = 1) -> list[dict[str, Any]]:
    """Runs an experiment, without plots and page; returns its models in results.json."""
    monkeypatch.setattr(experiment_story, "remake", lambda runs: None)
    assert experiment_story.run_experiment(load_experiment(settings), out, Progress()) == exit_code
    return json.loads((out / "results.json").read_text())["models"]


def test_a_step_of_a_model_trained_whole_counts_every_output_weight_and_gradient():
    model = build_classifier("SmallCNN", weights="none", hidden_units=(256,), train_blocks="all", image_size=32)
    memory = step_memory(model, "conv1", is_uncut=True)
    # As in tests/models/test_memory.py; the scaling is no part that trains, and has the largest frozen output.
    outputs = 3.25 * (32**2 * 32 + 16**2 * 64 + 8**2 * 128) + 128 + 256 + 1
    assert memory.image_bytes == pytest.approx((1.8 * outputs + 3 * 32**2 * 3) * 4)
    weights = 93_472 + 128 * 256 + 256 + 256 + 1
    statistics = 2 * (32 + 64 + 128)
    assert memory.weights_bytes == (weights + statistics) * 4
    # The weights, the gradients, and two slots of each weight that trains.
    assert memory.needed_bytes(0, 2) - memory.weights_bytes == pytest.approx(3 * weights * 4, rel=0.01)


def test_the_head_of_a_frozen_backbone_needs_next_to_nothing_on_stored_features():
    model = build_classifier("EfficientNetLite0", weights="none", image_size=32)
    assert step_memory(model, None, is_uncut=False).image_bytes < 20_000
    assert step_memory(model, None, is_uncut=True).image_bytes > 90_000  # the images run through it


def test_only_what_clearly_does_not_fit_is_refused(monkeypatch, experiment):
    config = load_experiment(experiment)
    large = config.models[1]
    stages = (StepMemory(10**8, 10**8, 10**7),)
    needed = 10**8 + 2 * 10**8 + 512 * 10**7
    assert needed_bytes(stages, large, config) == needed
    for free in (None, needed, needed * 0.67):
        _free(monkeypatch, free)
        check_memory(stages, large, config)
    _free(monkeypatch, 3 * 10**9)
    # .8 of 3 GB, less .3 of weights, are 210 images of 10 MB: 128 is the power of two below.
    said = re.escape(
        "training large in batches of 512 needs about 5.4 GB of memory, and 3.0 GB are free here: set "
        "`training.batch_size` to 128 or less, `train_blocks` lower, or `data.image_size` (here 32) smaller."
    )
    with pytest.raises(TrainingError, match=said):
        check_memory(stages, large, config)


def test_memory_that_runs_out_fails_that_model_with_the_settings_to_change(monkeypatch, experiment, tmp_path):
    def greedy(model: keras.Model, data: Labelled, validation: Labelled | None, settings: TrainingConfig, **options):
        if settings.batch_size == 512:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return train(model, data, validation, settings, **options)

    monkeypatch.setattr(model_stages, "train", greedy)
    small, large = _run(monkeypatch, experiment, tmp_path / "run")
    assert small["status"] == "done"
    assert large["error"].startswith("TrainingError: memory ran out (")
    assert "set `training.batch_size` or `data.image_size` smaller, or `train_blocks` lower" in large["error"]


def test_results_say_for_how_many_images_gradients_were_computed_at_a_time(monkeypatch, experiment, tmp_path):
    def halving(model: keras.Model, data: Labelled, validation: Labelled | None, settings: TrainingConfig, **options):
        return train(
            model, data, validation, settings, micro_batch=4 if settings.batch_size == 512 else None, **options
        )

    monkeypatch.setattr(model_stages, "train", halving)
    small, large = _run(monkeypatch, experiment, tmp_path / "run", exit_code=0)
    assert "micro_batches" not in small
    assert large["micro_batches"] == [4]


def test_where_not_one_image_fits_the_batch_is_not_blamed(monkeypatch, experiment):
    config = load_experiment(experiment)
    _free(monkeypatch, 10**8)
    with pytest.raises(TrainingError, match="free here: set `train_blocks` lower"):
        check_memory((StepMemory(10**9, 10**9, 10**7),), config.models[1], config)


def test_check_says_what_a_step_needs_and_marks_the_model_that_is_too_large(monkeypatch, experiment):
    _free(monkeypatch, 200 * 10**6)  # the small one needs some 6 MB, the large one more than 600
    text = "\n".join(plan_lines(load_experiment(experiment)))
    assert len(re.findall(r"a training step needs about 0\.0\d GB of memory", text)) == 1
    assert text.count("TOO LARGE") == 1
    assert re.search(r"\nmodel large:[^§]*TOO LARGE: training large in batches of 512 needs about 0\.\d GB", text)


def test_a_run_fails_the_model_that_is_too_large_and_trains_the_others(monkeypatch, experiment, tmp_path):
    _free(monkeypatch, 200 * 10**6)
    small, large = _run(monkeypatch, experiment, tmp_path / "run")
    assert small["status"] == "done"
    assert large["status"] == "failed"
    assert large["error"].startswith("TrainingError: training large in batches of 512 needs about")
