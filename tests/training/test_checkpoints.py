"""Training that is cut short and taken up ends where undisturbed training ends, to the bit."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.inputs import ArrayInputs
from kbin.progress import Progress
from kbin.runs import RunDirectory
from kbin.training import checkpoints, trainer
from kbin.training.divergence import DivergenceGuard
from kbin.training.trainer import Labelled, Trained, train
from kbin.unfinished import Kept, Record
from tests.training.conftest import make_images

DATA, VALIDATION = (Labelled(ArrayInputs(one.images), one.labels) for one in (make_images(48), make_images(40, seed=1)))
EPOCHS = 6

STOPPING = EarlyStoppingConfig(patience=2, monitor="loss")
SETTINGS = {
    "adamw": {},
    "adam with a cosine": {"optimizer": "adam", "schedule": "cosine", "warmup_epochs": 1},
    "sgd with momentum": {"optimizer": "sgd"},
    "a slower backbone": {"backbone_learning_rate": 0.01},
    "oversampled": {"sampling": "oversample", "batch_size": 7},
    "bfloat16": {"precision": "bfloat16"},
}


class Cut(BaseException):
    """What ends a process in the middle of its work."""


class CutAfter(Progress):
    """Cuts training off when so many epochs have been trained and kept."""

    def __init__(self, epochs: int):
        self._left = epochs
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        def advance(done: int) -> None:
            self._left -= 1
            if self._left == 0:
                raise Cut

        yield advance


@pytest.fixture
def make_network() -> Callable[[], keras.Model]:
    """Makes a network with everything that has a state: dropout, batch normalisation, more than one layer."""

    def make() -> keras.Model:
        keras.utils.set_random_seed(5)
        inputs = keras.Input((4, 4, 3))
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
        x = keras.layers.BatchNormalization()(keras.layers.Dense(8, activation="relu")(x))
        x = keras.layers.Dropout(0.3)(x)
        # A layer named as kbin's heads are, so that a backbone's own learning rate has something to leave alone.
        return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="head_output")(x))

    return make


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return record_in(tmp_path)


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps every epoch, whatever that costs."""
    monkeypatch.setattr(checkpoints, "_LARGEST_SHARE", float("inf"))


@pytest.fixture(autouse=True)
def _any_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbin.training.compilation.backbone_of", lambda model: None)


def record_in(folder: Path) -> Record:
    return Record(RunDirectory(folder), folder / "stage-1", "the same")


def fit(model: keras.Model, record: Record | None = None, progress: Progress | None = None, **settings) -> Trained:
    config = TrainingConfig(**{"learning_rate": 0.05, "epochs": EPOCHS, "batch_size": 16, **settings})
    keras.utils.set_random_seed(3)  # as where a model is built
    return train(model, DATA, VALIDATION, config, seed=3, record=record, progress=progress)


def _cut(*_: object) -> None:
    raise Cut


def assert_same(model: keras.Model, expected: keras.Model) -> None:
    for variable, reference in zip(model.variables, expected.variables, strict=True):
        values = keras.ops.convert_to_numpy(variable)
        np.testing.assert_array_equal(values, keras.ops.convert_to_numpy(reference), err_msg=variable.path)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("name", SETTINGS)
def test_it_ends_with_the_same_weights_and_history(make_network, record, name):
    expected, model = make_network(), make_network()
    undisturbed = fit(expected, **SETTINGS[name])
    with pytest.raises(Cut):
        fit(make_network(), record, CutAfter(4), **SETTINGS[name])
    progress = CutAfter(99)
    trained = fit(model, record, progress, **SETTINGS[name])
    assert progress.said == ["  epochs: goes on after epoch 4"]
    assert trained == undisturbed
    assert_same(model, expected)


@pytest.mark.usefixtures("every_epoch")
def test_it_may_be_cut_after_every_epoch(make_network, record):
    expected, model = make_network(), make_network()
    undisturbed = fit(expected)
    for number in range(EPOCHS):
        with pytest.raises(Cut):
            fit(make_network(), record, CutAfter(1 + (number > 0)))  # the bar first moves by the epochs of before
    assert fit(model, record) == undisturbed
    assert_same(model, expected)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("cut_after", range(1, 9))
def test_early_stopping_goes_on_counting_and_gives_back_the_best_epoch(make_network, record, cut_after):
    settings = {"epochs": 30, "learning_rate": 0.3, "early_stopping": STOPPING}
    expected, model = make_network(), make_network()
    undisturbed = fit(expected, **settings)
    length = len(undisturbed.history)
    assert undisturbed.epoch < length < 9  # it stopped, and the cuts are before, at and after the best epoch
    try:
        fit(make_network(), record, CutAfter(cut_after), **settings)
    except Cut:
        pass
    else:
        assert cut_after > length
    assert fit(model, record, **settings) == undisturbed
    assert_same(model, expected)


@pytest.mark.usefixtures("every_epoch")
def test_training_that_early_stopping_ended_is_not_gone_on_with(make_network, tmp_path, monkeypatch):
    """Cut between the last epoch and the trained model: the next run must know that it was the last."""
    settings = {"epochs": 30, "learning_rate": 0.3, "early_stopping": STOPPING}
    expected, model = make_network(), make_network()
    undisturbed = fit(expected, **settings)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.Checkpoint, "finish", _cut)
        with pytest.raises(Cut):
            fit(make_network(), record_in(tmp_path), **settings)
    assert fit(model, record_in(tmp_path), **settings) == undisturbed
    assert_same(model, expected)


def test_trained_models_are_taken_up_without_training(make_network, record, monkeypatch):
    expected, model = make_network(), make_network()
    undisturbed = fit(expected, record)
    monkeypatch.setattr(keras.Model, "fit", None)
    assert fit(model, record) == undisturbed
    assert_same(model, expected)


def test_keeping_epochs_takes_no_more_than_a_twentieth_of_the_time(make_network, record, monkeypatch):
    """A clock that moves by 1 s an epoch and 2 s a record: from the beginning of one to that of the next are 40 s."""
    now, kept = [0.0], []
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])

    def write(self, state, files=()):
        if "kept_epoch" not in state.values:
            kept.append(state.values["epoch"])
        now[0] += 2

    class Clock(Progress):
        @contextmanager
        def bar(self, description, total, unit):
            yield lambda done: now.__setitem__(0, now[0] + 1)

    monkeypatch.setattr(Record, "write", write)
    fit(make_network(), record, Clock(), epochs=90)
    assert kept == [1, 39, 77]


@pytest.mark.usefixtures("every_epoch")
def test_a_damaged_record_starts_training_anew(make_network, record, tmp_path):
    expected, model = make_network(), make_network()
    undisturbed = fit(expected)
    with pytest.raises(Cut):
        fit(make_network(), record, CutAfter(4))
    (numbers,) = tmp_path.glob("stage-1-*.npz")
    content = bytearray(numbers.read_bytes())
    content[len(content) // 2] ^= 1
    numbers.write_bytes(content)
    progress = CutAfter(99)
    assert fit(model, record, progress) == undisturbed
    assert progress.said == []
    assert_same(model, expected)


@pytest.mark.usefixtures("every_epoch")
def test_a_record_of_another_network_starts_training_anew(make_network, make_model, record):
    with pytest.raises(Cut):
        fit(make_network(), record, CutAfter(4))
    expected, model = make_model(), make_model()
    undisturbed = fit(expected)
    assert fit(model, record) == undisturbed
    assert_same(model, expected)


class TestDivergence:
    @pytest.fixture
    def ruined_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Multiplies the weights of the last layer by infinity in the second step of the third epoch."""

        class Ruin(DivergenceGuard):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch
                super().on_epoch_begin(epoch, logs)

            def on_train_batch_begin(self, batch, logs=None):
                if (self.epoch, batch) == (2, 1):
                    self.model.trainable_variables[-2].assign(np.full((8, 1), np.inf))

        monkeypatch.setattr(trainer, "DivergenceGuard", Ruin)

    @pytest.mark.parametrize(
        ("loss", "what"),
        [("squared_error", "the loss is nan"), ("cross_entropy", "the model's outputs are not numbers any more")],
    )
    @pytest.mark.usefixtures("ruined_step")
    def test_it_stops_in_words_and_the_model_has_its_last_good_epoch(self, make_network, loss, what):
        """Torch's cross entropy is not NaN but refuses NaN."""
        expected, model = make_network(), make_network()
        two = fit(expected, epochs=2, loss=loss)
        trained = fit(model, loss=loss)
        assert trained.diverged == (
            f"training diverged in epoch 3 at learning rate 0.05: {what}. Set a smaller `training.learning_rate`."
        )
        assert (trained.epoch, trained.history) == (2, two.history)
        assert_same(model, expected)

    def test_it_is_told_again_when_it_is_taken_up(self, make_network, record, request):
        with pytest.MonkeyPatch.context():
            request.getfixturevalue("ruined_step")
            first = fit(make_network(), record)
        assert first.diverged is not None
        assert fit(make_network(), record) == first

    def test_a_last_step_that_ruins_the_weights_is_seen(self, make_network, monkeypatch):
        model, expected = make_network(), make_network()
        fit(expected, epochs=2)

        class Ruin(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 2:
                    self.model.trainable_variables[0].assign(np.full((48, 8), np.inf))

        guard = trainer.DivergenceGuard
        monkeypatch.setattr(trainer, "DivergenceGuard", lambda: _Both(Ruin(), guard()))
        trained = fit(model)
        assert trained.epoch == 2
        assert "training diverged in epoch 3 at learning rate 0.05: weights are no numbers" in trained.diverged
        assert_same(model, expected)


class _Both(keras.callbacks.Callback):
    """Ruins the weights before the guard looks at them."""

    def __init__(self, ruin, guard):
        super().__init__()
        self._ruin, self._guard = ruin, guard

    def set_model(self, model):
        self._ruin.set_model(model)
        self._guard.set_model(model)

    def on_epoch_begin(self, epoch, logs=None):
        self._guard.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._ruin.on_epoch_end(epoch, logs)
        self._guard.on_epoch_end(epoch, logs)

    def restore(self):
        return self._guard.restore()


@pytest.mark.usefixtures("every_epoch")
def test_the_record_says_in_plain_json_which_epoch_it_is(make_network, record, tmp_path):
    with pytest.raises(Cut):
        fit(make_network(), record, CutAfter(4))
    assert json.loads((tmp_path / "stage-1.json").read_text())["epoch"] == 4


@pytest.mark.parametrize(
    "missing", ["epoch", "is_over", "history", "stopping", "micro_batch", "model-0", "generator-0"]
)
def test_a_kept_epoch_that_lacks_something_counts_as_none(tmp_path, make_network, missing):
    network = make_network()
    network.compile("adam", "binary_crossentropy")
    network.optimizer.build(network.trainable_variables)
    record = Record(RunDirectory(tmp_path), tmp_path / "stage-1", "x")
    keeping = checkpoints.Checkpoint(record, None, [{"epoch": 1}], lambda: {"micro_batch": None})
    keeping.set_model(network)
    keeping.on_epoch_end(0)
    assert keeping.found(network) is not None
    kept = record.read()
    values, arrays = ({k: v for k, v in one.items() if k != missing} for one in (kept.values, kept.arrays))
    record.write(Kept(values, arrays))
    assert keeping.found(network) is None
