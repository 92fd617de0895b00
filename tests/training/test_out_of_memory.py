"""There is no GPU here: a dense layer that raises torch's error above a number of images stands for a full one."""

import functools
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

from kbin.config.training import TrainingConfig
from kbin.engine.batches import Batches
from kbin.engine.inputs import ArrayInputs
from kbin.errors import TrainingError
from kbin.progress import Progress
from kbin.training.compilation import compile_classifier
from kbin.training.out_of_memory import split_steps
from kbin.training.targets import OneHot, OutputTargets
from kbin.training.trainer import Labelled, Trained, train
from tests.float64 import float64  # noqa: F401 - a fixture
from tests.training.conftest import make_images

_TRAIN = make_images(44)  # in batches of 16: two whole ones and one of 12
_WEIGHTS = np.array([0.5, 3.0])
_CALL = keras.layers.Dense.call


class _Heard(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def memory_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """Lets dense layers take at most so many images in training, from the n-th call on.

    What the caller gets has an entry for each refusal: whether a tensor of the failed step lived at the next call.
    """

    def limit(most: int, first_call: int = 1) -> list[bool]:
        refused: list[bool] = []
        watched: list[weakref.ref] = []
        calls = 0

        @functools.wraps(_CALL)
        def call(layer: keras.layers.Dense, inputs: torch.Tensor, *arguments: Any, **settings: Any) -> Any:
            nonlocal calls
            is_step = isinstance(inputs, torch.Tensor) and inputs.device.type != "meta" and torch.is_grad_enabled()
            calls += is_step
            if is_step and watched:
                refused.append(watched.pop()() is not None)
            if is_step and calls >= first_call and len(inputs) > most:
                held = torch.zeros(8)  # the error's traceback holds this frame, and so it
                watched.append(weakref.ref(held))
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return _CALL(layer, inputs, *arguments, **settings)

        monkeypatch.setattr(keras.layers.Dense, "call", call)
        return refused

    return limit


def _model(*, batch_norm: bool = False, dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(5)
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    if batch_norm:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(dropout, seed=7)(x)
    x = keras.layers.Dense(6, activation="tanh", name="block")(x)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="head_out")(x), name="ResNet50")


def _train(model: keras.Model, micro_batch: int | None = None, **settings: Any) -> tuple[Trained, list[str]]:
    heard = _Heard()
    config = TrainingConfig(**{"learning_rate": 0.05, "batch_size": 16, "epochs": 2, **settings})
    trained = train(
        model,
        Labelled(ArrayInputs(_TRAIN.images), _TRAIN.labels),
        None,
        config,
        seed=0,
        class_weights=_WEIGHTS,
        progress=heard,
        description="m, seed 0",
        micro_batch=micro_batch,
    )
    return trained, heard.lines


def _largest_difference(first: keras.Model, second: keras.Model) -> float:
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "constant"},
        {"schedule": "cosine", "warmup_epochs": 1},
        {"schedule": "cosine", "backbone_learning_rate": 0.01},
    ],
)
def test_training_in_parts_is_training_in_whole_batches(float64, optimizer, settings):  # noqa: F811
    """Class weights and a smaller last batch included; 5 divides neither 16 nor 12."""
    whole, parts = _model(), _model()
    expected, _ = _train(whole, optimizer=optimizer, **settings)
    trained, _ = _train(parts, 5, optimizer=optimizer, **settings)
    assert np.abs(whole.get_weights()[0] - _model().get_weights()[0]).max() > 1e-2  # it did train
    assert _largest_difference(parts, whole) < 1e-8
    for row, other in zip(trained.history, expected.history, strict=True):
        assert row == pytest.approx(other, abs=1e-8)
    assert (expected.micro_batch, trained.micro_batch) == (None, 5)


def test_training_in_whole_batches_is_keras_s_own_to_the_bit():
    settings = TrainingConfig(learning_rate=0.05, batch_size=16, epochs=2)
    ours, keras_s = _model(batch_norm=True, dropout=0.4), _model(batch_norm=True, dropout=0.4)
    trained, _ = _train(ours)
    targets = OutputTargets(OneHot(_TRAIN.labels, 2, 1), 1, _WEIGHTS)
    batches = Batches(ArrayInputs(_TRAIN.images), _TRAIN.labels, 16, targets, seed=0)
    compile_classifier(keras_s, settings, batches.num_batches)
    fitted = keras_s.fit(batches, epochs=2, verbose=0, shuffle=False)
    assert _largest_difference(ours, keras_s) == 0
    assert [row["loss"] for row in trained.history] == fitted.history["loss"]
    assert [row["accuracy"] for row in trained.history] == fitted.history["class_accuracy"]


def test_running_out_of_memory_halves_what_is_computed_at_a_time_and_says_so(memory_for):
    memory_for(4)
    trained, lines = _train(_model())
    assert trained.micro_batch == 4
    assert [line.split(". ")[0] for line in lines[:2]] == [
        "  m, seed 0: memory ran out in a training step of 16 images",
        "  m, seed 0: memory ran out in a training step of 8 images",
    ]
    assert "gradients are computed for 4 at a time and added up" in lines[1]


def test_a_run_that_runs_out_of_memory_is_one_that_took_smaller_parts_from_its_beginning(memory_for):
    """Moving statistics and dropout's draws included: the step that failed had moved both by then."""
    reference, disturbed = (_model(batch_norm=True, dropout=0.4) for _ in range(2))
    expected, _ = _train(reference, 4)
    refused = memory_for(4)
    trained, _ = _train(disturbed)
    assert refused
    assert trained == expected
    assert _largest_difference(disturbed, reference) == 0


def test_a_later_step_that_fails_is_taken_again_from_where_it_began(float64, memory_for):  # noqa: F811
    """Without BatchNorm or dropout, the result is that of whole batches."""
    whole, disturbed = _model(), _model()
    _train(whole)
    refused = memory_for(8, first_call=9)  # two dense layers and three batches an epoch: in the second one
    trained, _ = _train(disturbed)
    assert len(refused) == 1
    assert trained.micro_batch == 8
    assert _largest_difference(disturbed, whole) < 1e-8


def test_what_a_failed_step_held_is_released_before_it_is_taken_again(memory_for):
    lived = memory_for(4)
    gc.disable()  # it must not come to help by chance
    try:
        _train(_model())
    finally:
        gc.enable()
    assert lived == [False, False]


def test_the_model_is_a_plain_one_after_training():
    model = _model()
    _train(model, 4)
    assert model.train_function is None


def test_memory_for_less_than_one_image_says_what_to_change(memory_for):
    memory_for(0)
    with pytest.raises(TrainingError, match=r"one image at a time: train fewer blocks \(`train_blocks`\)"):
        _train(_model())


def test_other_errors_of_a_step_stay_what_they_are(monkeypatch):
    def broken(*arguments: Any, **settings: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    model = _model()
    compile_classifier(model, TrainingConfig(learning_rate=0.05), steps_per_epoch=3)
    monkeypatch.setattr(model, "_compute_loss", broken)
    batch = (_TRAIN.images[:4], _TRAIN.labels[:4].reshape(-1, 1))
    with split_steps(model) as steps, pytest.raises(RuntimeError, match="cannot be multiplied"):
        steps([batch])


_ADDRESS_SPACE = """
import resource, sys
import numpy as np, torch
import kbin
from kbin.config.training import TrainingConfig
from kbin.engine.inputs import ArrayInputs
from kbin.progress import LogProgress
from kbin.training.trainer import Labelled, train

model = kbin.build_classifier("SmallCNN", weights="none", train_blocks="all", image_size=96)
images = np.random.default_rng(0).integers(0, 256, (32, 96, 96, 3), dtype=np.uint8)
few, all = (Labelled(ArrayInputs(images[:count]), np.arange(count) % 2) for count in (2, 32))
settings = TrainingConfig(learning_rate=1e-3, epochs=1, batch_size=32)
train(model, few, None, settings, seed=0)
used = next(line for line in open("/proc/self/status") if line.startswith("VmSize"))
limit = int(used.split()[1]) * 1024 + 150 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(train(model, all, None, settings, seed=0, progress=LogProgress(sys.stdout)).micro_batch)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no kernel files")
def test_a_processor_that_truly_runs_out_of_memory_goes_on_with_smaller_parts():
    """32 images of 96 px need some 370 MB (6.5 MB of outputs each, 1.8 times); 150 MB more may be taken."""
    done = subprocess.run([sys.executable, "-c", _ADDRESS_SPACE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "memory ran out in a training step of 32 images" in done.stdout
    assert int(done.stdout.splitlines()[-1]) in (2, 4, 8, 16)
