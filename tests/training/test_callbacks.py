import csv
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score

import kbin
from kbin.engine.batches import Batches
from kbin.engine.inputs import ArrayInputs
from kbin.errors import DataError
from tests.training.conftest import make_images

_TRAIN, _VALIDATION = make_images(48), make_images(40, seed=1)


def _fit(model: keras.Model, callbacks: list[keras.callbacks.Callback], epochs: int = 3, **settings) -> keras.Model:
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    model.fit(*_TRAIN, epochs=epochs, batch_size=16, verbose=0, callbacks=callbacks, **settings)
    return model


def _read(path: Path) -> list[dict[str, float]]:
    with path.open() as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The curves that RocPlot draws, in the order of drawing, with their titles."""
    curves = []
    plot = kbin.training.callbacks.plot_roc_curves

    def remembering(lines, axes, title):
        curves.append((lines[0], title))
        return plot(lines, axes, title=title)

    monkeypatch.setattr("kbin.training.callbacks.plot_roc_curves", remembering)
    return curves


def test_the_log_holds_scikit_learns_metrics_of_the_models_own_predictions(make_model, tmp_path):
    probabilities = []

    class _Remember(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            probabilities.append(self.model.predict(_VALIDATION.images, verbose=0)[:, 0])

    logger = kbin.MetricLogger(*_VALIDATION, tmp_path / "metrics.csv", threshold=0.6)
    _fit(make_model(), [logger, _Remember()])
    rows = _read(tmp_path / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for row, scores in zip(rows, probabilities, strict=True):
        truth, predicted = _VALIDATION.labels, scores >= 0.6
        assert 0 < predicted.sum() < len(predicted)
        assert row == pytest.approx(
            {
                "epoch": row["epoch"],
                "loss": log_loss(truth, scores),
                "accuracy": accuracy_score(truth, predicted),
                "precision": precision_score(truth, predicted),
                "recall": recall_score(truth, predicted),
                "f1": f1_score(truth, predicted),
                "roc_auc": roc_auc_score(truth, scores),
            },
            rel=1e-5,
        )
    assert len({row["roc_auc"] for row in rows}) == 3  # the model does change


def test_more_classes_are_logged_with_macro_averages(make_model, tmp_path):
    train, validation = make_images(60, 3), make_images(45, 3, seed=1)
    model = make_model(3)
    model.compile(optimizer=keras.optimizers.SGD(0.3), loss="sparse_categorical_crossentropy")
    logger = kbin.MetricLogger(*validation, tmp_path / "metrics.csv")
    model.fit(*train, epochs=10, verbose=0, callbacks=[logger])
    probabilities = model.predict(validation.images, verbose=0).astype(np.float64)
    answers = probabilities.argmax(axis=1)
    assert len(set(answers)) == 3
    assert _read(tmp_path / "metrics.csv")[-1] == pytest.approx(
        {
            "epoch": 10,
            "loss": -np.log(probabilities[np.arange(45), validation.labels]).mean(),
            "accuracy": accuracy_score(validation.labels, answers),
            "precision": precision_score(validation.labels, answers, average="macro"),
            "recall": recall_score(validation.labels, answers, average="macro"),
            "f1": f1_score(validation.labels, answers, average="macro"),
            "roc_auc": roc_auc_score(np.eye(3)[validation.labels], probabilities, average="macro"),
        },
        rel=1e-5,
    )


def test_arrays_a_pydataset_and_a_dataloader_give_the_same_log(make_model, tmp_path):
    tensors = torch.utils.data.TensorDataset(*map(torch.from_numpy, _VALIDATION))
    loggers = [
        kbin.MetricLogger(*_VALIDATION, tmp_path / "arrays.csv"),
        kbin.MetricLogger(
            Batches(ArrayInputs(_VALIDATION.images), _VALIDATION.labels, 7), path=tmp_path / "dataset.csv"
        ),
        kbin.MetricLogger(torch.utils.data.DataLoader(tensors, batch_size=9), path=tmp_path / "loader.csv"),
    ]
    _fit(make_model(), loggers)
    arrays, dataset, loader = (_read(tmp_path / f"{name}.csv") for name in ("arrays", "dataset", "loader"))
    assert len(arrays) == 3
    for row, of_dataset, of_loader in zip(arrays, dataset, loader, strict=True):
        assert of_dataset == pytest.approx(row, rel=1e-5)
        assert of_loader == pytest.approx(row, rel=1e-5)


def test_callbacks_on_the_same_data_share_one_pass_an_epoch(make_model, tmp_path, monkeypatch):
    batches = []
    predict = keras.Model.predict_on_batch
    monkeypatch.setattr(
        keras.Model, "predict_on_batch", lambda self, batch: batches.append(len(batch)) or predict(self, batch)
    )
    logger = kbin.MetricLogger(*_VALIDATION, tmp_path / "metrics.csv")
    plot = kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png", every_epoch=True)
    _fit(make_model(), [logger, plot], epochs=2)
    assert batches == [32, 8] * 2  # 40 images, two epochs; the plot at the end needs no pass of its own


def test_a_metric_without_a_value_is_an_empty_cell_and_no_log(make_model, tmp_path):
    positives = _VALIDATION.images[_VALIDATION.labels == 1]
    logger = kbin.MetricLogger(positives, np.ones(len(positives)), tmp_path / "metrics.csv")
    history = keras.callbacks.History()
    _fit(make_model(), [logger, history], epochs=1)
    with (tmp_path / "metrics.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["roc_auc"] == ""
    assert "val_recall" in history.history
    assert "val_roc_auc" not in history.history


def test_the_metrics_join_the_epochs_logs_without_replacing_keras_own(make_model):
    train = kbin.MetricLogger(*_TRAIN, path=None, prefix="train_")
    validation = kbin.MetricLogger(*_VALIDATION, path=None)
    model = make_model()
    _fit(model, [train, validation], epochs=2, validation_data=_VALIDATION)
    history = model.history.history
    for logger, prefix in ((train, "train_"), (validation, "val_")):
        assert history[f"{prefix}roc_auc"] == [row["roc_auc"] for row in logger.rows]
    # Keras averages val_loss itself, over batches of 16.
    assert history["val_loss"] == pytest.approx([row["loss"] for row in validation.rows], rel=1e-5)


def test_early_stopping_behind_the_logger_can_watch_the_auc(make_model):
    logger = kbin.MetricLogger(*_VALIDATION, path=None)
    stopping = keras.callbacks.EarlyStopping("val_roc_auc", mode="max", patience=2, restore_best_weights=True)
    model = _fit(make_model(), [logger, stopping], epochs=40)
    aucs = [row["roc_auc"] for row in logger.rows]
    assert len(aucs) < 40
    assert stopping.best_epoch == int(np.argmax(aucs))
    assert roc_auc_score(_VALIDATION.labels, model.predict(_VALIDATION.images, verbose=0)) == pytest.approx(max(aucs))


def test_a_second_fit_begins_a_new_log(make_model, tmp_path):
    logger = kbin.MetricLogger(*_VALIDATION, tmp_path / "metrics.csv")
    _fit(make_model(), [logger], epochs=3)
    _fit(make_model(), [logger], epochs=2)
    assert [row["epoch"] for row in _read(tmp_path / "metrics.csv")] == [1, 2]


def test_the_roc_curve_is_drawn_as_png_and_svg(make_model, tmp_path):
    _fit(make_model(), [kbin.RocPlot(*_VALIDATION, tmp_path / "plots" / "roc.png", positive="car")], epochs=1)
    with Image.open(tmp_path / "plots" / "roc.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert min(picture.size) > 300
    assert "<svg" in (tmp_path / "plots" / "roc.svg").read_text()
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["roc.png", "roc.svg"]


def test_the_curve_is_drawn_at_the_end_or_after_every_epoch_too(make_model, tmp_path, drawn):
    _fit(make_model(), [kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png", positive="car")], epochs=2)
    assert [(curve.positive, title) for curve, title in drawn] == [("car", "ROC curve, after training")]
    drawn.clear()
    _fit(make_model(), [kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png", every_epoch=True)], epochs=2)
    assert [title.partition(", ")[2] for _, title in drawn] == ["epoch 1", "epoch 2", "after training"]
    assert len({curve.auc for curve, _ in drawn}) == 2  # two epochs, and the last one again


def test_behind_early_stopping_the_plot_draws_the_restored_model(make_model, tmp_path, drawn):
    logger = kbin.MetricLogger(*_VALIDATION, path=None)
    stopping = keras.callbacks.EarlyStopping("val_roc_auc", mode="max", patience=3, restore_best_weights=True)
    _fit(make_model(), [logger, stopping, kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png")], epochs=40)
    best, last = logger.rows[stopping.best_epoch]["roc_auc"], logger.rows[-1]["roc_auc"]
    assert best != last
    assert [curve.auc for curve, _ in drawn] == [pytest.approx(best)]


def test_two_softmax_outputs_are_drawn_by_the_second(make_model, tmp_path, drawn):
    model = _fit(make_model(2), [kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png")])
    scores = model.predict(_VALIDATION.images, verbose=0)[:, 1]
    assert drawn[0][0].auc == pytest.approx(roc_auc_score(_VALIDATION.labels, scores))
    assert drawn[0][0].auc > 0.5


def test_a_model_of_more_classes_is_refused_before_it_trains(make_model, tmp_path):
    model = make_model(3)
    before = model.get_weights()
    with pytest.raises(DataError, match=r"RocPlot draws two classes, but the model has 3 outputs"):
        _fit(model, [kbin.RocPlot(*_VALIDATION, tmp_path / "roc.png")])
    for values, initial in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(values, initial)


@pytest.mark.parametrize("callback", [kbin.MetricLogger, kbin.RocPlot])
def test_a_callback_refuses_unfit_data_when_it_is_made(callback):
    with pytest.raises(DataError, match=r"the labels must be given as well"):
        callback(_VALIDATION.images)
    with pytest.raises(DataError, match=r"there are 40 images but 39 labels"):
        callback(_VALIDATION.images, _VALIDATION.labels[:-1])


def test_neither_callback_asks_for_tensorflow(tmp_path):
    """A module `tensorflow` stands in the way that fails loudly on import."""
    (tmp_path / "tensorflow.py").write_text("raise RuntimeError('TensorFlow was imported')")
    script = """
import kbin, keras, numpy
images, labels = numpy.random.rand(8, 4, 4, 3), numpy.arange(8) % 2
model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
model.compile(loss="binary_crossentropy")
model.fit(images, labels, verbose=0, callbacks=[
    kbin.MetricLogger(images, labels, "metrics.csv"), kbin.RocPlot(images, labels, "roc.png")])
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "metrics.csv").is_file()
    blocked = subprocess.run(
        [sys.executable, "-c", "import tensorflow"], env=environment, capture_output=True, text=True
    )
    assert "TensorFlow was imported" in blocked.stderr
