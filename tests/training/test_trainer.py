from contextlib import contextmanager

import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.inputs import ArrayInputs
from kbin.errors import DataError, IntegrityError
from kbin.progress import Progress
from kbin.training.compilation import compile_classifier
from kbin.training.trainer import Labelled, Trained, train
from tests.training.conftest import Images, make_images

_TRAIN, _VALIDATION = make_images(48), make_images(40, seed=1)


def _labelled(data: Images) -> Labelled:
    return Labelled(ArrayInputs(data.images), data.labels)


def _train(model: keras.Model, validation: Images | None = None, *, seed: int = 0, **settings) -> Trained:
    options = {name: settings.pop(name) for name in ("class_weights",) if name in settings}
    return train(
        model,
        _labelled(_TRAIN),
        None if validation is None else _labelled(validation),
        TrainingConfig(**{"learning_rate": 0.05, **settings}),
        seed=seed,
        **options,
    )


def _assert_weights(model: keras.Model, expected: list[np.ndarray], **tolerance: float) -> None:
    for values, reference in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(values, reference, **tolerance)


def test_the_same_seed_gives_the_same_weights_to_the_bit(make_model):
    first, second = make_model(dropout=0.5, seed=3), make_model(dropout=0.5, seed=3)
    for model in (first, second):
        keras.utils.set_random_seed(3)
        _train(model, seed=3, epochs=3, batch_size=16)
    _assert_weights(second, first.get_weights(), rtol=0, atol=0)


def test_the_seed_alone_changes_the_order_and_so_the_weights(make_model):
    first, second = make_model(), make_model()
    _train(first, seed=0, epochs=3, batch_size=16)
    _train(second, seed=1, epochs=3, batch_size=16)
    assert np.abs(first.get_weights()[0] - second.get_weights()[0]).max() > 1e-5


def test_a_trained_model_tells_the_classes_apart(make_model):
    model = make_model()
    trained = _train(model, epochs=30)
    assert roc_auc_score(_VALIDATION.labels, model.predict(_VALIDATION.images, verbose=0)) > 0.8
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_class_weights_act_as_sample_weights(make_model):
    """One batch an epoch, so that the order does not matter."""
    settings = TrainingConfig(epochs=5, batch_size=48, learning_rate=0.05)
    weighted, unweighted, reference = make_model(), make_model(), make_model()
    _train(weighted, class_weights=np.array([0.5, 3.0]), epochs=5, batch_size=48)
    _train(unweighted, epochs=5, batch_size=48)
    compile_classifier(reference, settings, steps_per_epoch=1)
    reference.fit(
        *_TRAIN, epochs=5, batch_size=48, sample_weight=np.where(_TRAIN.labels == 1, 3.0, 0.5), shuffle=False, verbose=0
    )
    _assert_weights(weighted, reference.get_weights(), rtol=0, atol=1e-5)
    assert np.abs(unweighted.get_weights()[0] - reference.get_weights()[0]).max() > 1e-3


def test_the_history_has_a_row_an_epoch_with_metrics_of_both_sets(make_model):
    model = make_model()
    trained = _train(model, _VALIDATION, epochs=3)
    assert [list(row) for row in trained.history] == [
        [
            "epoch",
            "loss",
            "accuracy",
            "val_loss",
            "val_accuracy",
            "val_precision",
            "val_recall",
            "val_f1",
            "val_roc_auc",
        ]
    ] * 3
    assert [row["epoch"] for row in trained.history] == [1, 2, 3]
    assert trained.epoch == 3
    scores = model.predict(_VALIDATION.images, verbose=0)[:, 0]
    assert trained.history[-1]["val_loss"] == pytest.approx(log_loss(_VALIDATION.labels, scores), rel=1e-5)
    assert trained.history[-1]["val_roc_auc"] == pytest.approx(roc_auc_score(_VALIDATION.labels, scores))


def test_without_a_validation_set_the_history_is_that_of_training(make_model):
    assert [list(row) for row in _train(make_model(), epochs=2).history] == [["epoch", "loss", "accuracy"]] * 2


def test_a_metric_that_an_epoch_lacks_is_left_out_of_that_epoch_alone(make_model):
    """At first no image is answered with the positive class, so that precision is undefined."""
    model = make_model()
    model.layers[-1].set_weights([np.zeros((48, 1)), np.array([-4.0])])
    history = _train(model, _VALIDATION, epochs=30).history
    has_precision = ["val_precision" in row for row in history]
    assert has_precision[0] is False
    assert has_precision[-1] is True
    assert all("val_loss" in row and "val_roc_auc" in row for row in history)


@pytest.mark.parametrize("monitor", ["loss", "roc_auc"])
def test_early_stopping_keeps_the_best_epoch(make_model, monitor):
    model = make_model()
    stopping = EarlyStoppingConfig(patience=3, monitor=monitor)
    trained = _train(model, _VALIDATION, learning_rate=0.3, epochs=60, early_stopping=stopping)
    scores = model.predict(_VALIDATION.images, verbose=0)[:, 0].astype(np.float64)
    column = [row[f"val_{monitor}"] for row in trained.history]
    assert len(column) < 60
    if monitor == "loss":
        kept, best = log_loss(_VALIDATION.labels, scores), min(column)
    else:
        kept, best = roc_auc_score(_VALIDATION.labels, scores), max(column)
    assert kept == pytest.approx(best, rel=1e-5)
    assert trained.epoch == column.index(best) + 1
    assert trained.epoch == len(column) - 3  # three more were tried, and their weights given up
    assert column[-1] != pytest.approx(best, rel=1e-5)


def test_early_stopping_that_restores_other_weights_fails_loudly(make_model, monkeypatch):
    def restore_something_else(self, logs=None):
        self.model.set_weights([values + 0.1 for values in self.best_weights])

    monkeypatch.setattr(keras.callbacks.EarlyStopping, "on_train_end", restore_something_else)
    with pytest.raises(IntegrityError, match=r"restored weights with validation loss .*, but the best epoch had"):
        _train(make_model(), _VALIDATION, epochs=2, early_stopping=EarlyStoppingConfig(patience=1))


def test_early_stopping_without_a_validation_set_is_refused(make_model):
    with pytest.raises(DataError, match=r"early stopping needs a validation set: set `data.split.validation`"):
        _train(make_model(), early_stopping=EarlyStoppingConfig())


def test_early_stopping_on_a_metric_that_the_validation_set_lacks_is_refused(make_model):
    negatives = Images(*(values[_VALIDATION.labels == 0] for values in _VALIDATION))
    with pytest.raises(DataError, match=r"early stopping watches roc_auc, .* the validation set has none of class 1"):
        _train(make_model(), negatives, early_stopping=EarlyStoppingConfig(monitor="roc_auc"))
    trained = _train(make_model(), negatives, epochs=2, early_stopping=EarlyStoppingConfig(monitor="loss"))
    assert len(trained.history) == 2


@pytest.mark.parametrize(("num_outputs", "loss"), [(1, "BinaryCrossentropy"), (2, "CategoricalCrossentropy")])
def test_the_loss_fits_the_output(make_model, num_outputs, loss):
    model = make_model(num_outputs)
    _train(model, epochs=1)
    assert type(model.loss).__name__ == loss


def test_a_cosine_schedule_ends_at_0(make_model):
    constant, cosine = make_model(), make_model()
    _train(constant, epochs=2, batch_size=16)
    _train(cosine, epochs=2, batch_size=16, schedule="cosine")
    assert float(constant.optimizer.learning_rate) == pytest.approx(0.05)
    assert float(cosine.optimizer.learning_rate) == pytest.approx(0.0, abs=1e-9)
    assert int(cosine.optimizer.iterations) == 6  # two epochs of three batches


def test_a_cosine_schedule_is_at_half_the_rate_half_way(make_model):
    model = make_model()
    compile_classifier(model, TrainingConfig(schedule="cosine", epochs=4, learning_rate=0.05), steps_per_epoch=5)
    rate = model.optimizer._learning_rate
    assert [float(rate(step)) for step in (0, 10, 20)] == pytest.approx([0.05, 0.025, 0.0], abs=1e-8)


@pytest.mark.parametrize(
    ("name", "kind", "weight_decay"),
    [("adamw", "AdamW", 0.01), ("adam", "Adam", None), ("sgd", "SGD", 0.01)],
)
def test_the_settings_reach_the_optimizer(make_model, name, kind, weight_decay):
    model = make_model()
    compile_classifier(model, TrainingConfig(optimizer=name, weight_decay=0.01, learning_rate=0.02), steps_per_epoch=1)
    assert type(model.optimizer).__name__ == kind
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.optimizer.weight_decay == weight_decay


def test_training_in_bfloat16_follows_that_in_float32(make_model):
    """Seven bits of mantissa are 2 to 3 digits; steps on weights of an earlier epoch would part by tenths."""
    exact, rounded = make_model(), make_model()
    losses = [
        [row["loss"] for row in _train(model, epochs=12, precision=precision).history]
        for model, precision in ((exact, "float32"), (rounded, "bfloat16"))
    ]
    np.testing.assert_allclose(losses[1], losses[0], atol=0.01)
    assert losses[0][0] - losses[0][-1] > 0.1


def test_early_stopping_in_bfloat16_checks_the_best_epoch_in_bfloat16(make_model):
    """Its loss was measured so: in float32 it is another one, by more than the check allows."""
    model = make_model(seed=1)
    trained = _train(
        model, _VALIDATION, epochs=40, learning_rate=0.3, precision="bfloat16",
        early_stopping=EarlyStoppingConfig(patience=3),
    )  # fmt: skip
    assert trained.epoch < len(trained.history)
    scores = model.predict(_VALIDATION.images, verbose=0)[:, 0].astype(np.float64)
    in_float32 = log_loss(_VALIDATION.labels, scores)
    assert abs(in_float32 / trained.history[trained.epoch - 1]["val_loss"] - 1) > 1e-4


def test_sgd_has_momentum(make_model):
    model = make_model()
    compile_classifier(model, TrainingConfig(optimizer="sgd"), steps_per_epoch=1)
    assert model.optimizer.momentum == 0.9


def test_progress_is_told_of_every_epoch(make_model):
    told = []

    class _Told(Progress):
        @contextmanager
        def bar(self, description, total, unit):
            told.append((description, total, unit))
            yield told.append

    train(
        make_model(),
        _labelled(_TRAIN),
        None,
        TrainingConfig(epochs=3),
        seed=0,
        progress=_Told(),
        description="small, seed 0",
    )
    assert told == [("small, seed 0", 3, "epochs"), 1, 1, 1]
