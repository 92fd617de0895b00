"""The trained model and the ROC curve of a plain `model.fit`: sent, or kept beside the run and sent once."""

import errno
import io
import json
import os
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kbin
from kbin.deploy.tracking.running import track_path
from kbin.errors import RunFolderError, TrackingError
from kbin.progress import Progress
from tests.deploy.tracking.away_servers import free_port, gate
from tests.deploy.tracking.stored_runs import runs_of, stored
from tests.networks import random_images

IMAGES = random_images(24)
LABELS = (IMAGES.mean(axis=(1, 2, 3)) > np.median(IMAGES.mean(axis=(1, 2, 3)))).astype(np.int64)


@pytest.fixture
def model():
    """A plain Keras model, with none of kbin's layers."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()]
    one = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")], name="plain")
    one.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    return one


def fit(model, *callbacks, labels=LABELS, epochs=1):
    return model.fit(IMAGES, labels, epochs=epochs, batch_size=12, verbose=0, callbacks=list(callbacks))


def away():
    return f"http://127.0.0.1:{free_port()}"


def kept(model, tmp_path, **settings):
    """Trains beside a server that is away; the kept run's file, and the folder of its files."""
    with pytest.warns(UserWarning, match="is away"):
        fit(model, kbin.MlflowLogger(IMAGES, LABELS, away(), **settings))
    [path] = (tmp_path / "mlflow-unsent").glob("*.json")
    return path, path.with_suffix(".files")


def predicts_alike(content, model, tmp_path):
    (tmp_path / "back.keras").write_bytes(content)
    back = keras.saving.load_model(tmp_path / "back.keras")
    return np.array_equal(back.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_the_trained_model_and_the_curve_are_artifacts_and_nothing_stays_here(model, mlflow_server, tmp_path):
    before = model.predict(IMAGES, verbose=0)
    fit(model, kbin.MlflowLogger(IMAGES, LABELS, mlflow_server, "files"), epochs=3)

    [row] = stored(mlflow_server, "files", tmp_path / "got")
    assert sorted(row["files"]) == ["model.keras", "plots/roc.png"]
    assert row["status"] == "FINISHED"
    assert not np.allclose(model.predict(IMAGES, verbose=0), before)  # so that the model after training is told from it
    assert predicts_alike(row["files"]["model.keras"], model, tmp_path)
    with Image.open(io.BytesIO(row["files"]["plots/roc.png"])) as image:
        assert (image.format, min(image.size) > 400) == ("PNG", True)
    assert not (tmp_path / "mlflow-unsent").exists()


def test_the_curve_is_the_one_that_kbin_draws(model, tmp_path):
    path, files = kept(model, tmp_path)
    drawn = kbin.RocPlot(IMAGES, LABELS, tmp_path / "by-callback.png")
    drawn.set_model(model)
    drawn.on_train_end()
    with Image.open(files / "plots/roc.png") as sent, Image.open(tmp_path / "by-callback.png") as wanted:
        difference = np.abs(np.asarray(sent.convert("L"), float) - np.asarray(wanted.convert("L"), float))
    assert difference.mean() < 1
    assert path.exists()


@pytest.mark.parametrize(
    ("settings", "there"), [({"models": False}, ["plots/roc.png"]), ({"images": None, "labels": None}, ["model.keras"])]
)
def test_the_model_may_stay_here_and_without_data_there_is_no_curve(model, mlflow_server, tmp_path, settings, there):
    experiment = f"some-{there[0]}"
    fit(
        model,
        kbin.MlflowLogger(
            **({"images": IMAGES, "labels": LABELS} | settings), uri=mlflow_server, experiment=experiment
        ),
    )
    [row] = stored(mlflow_server, experiment, tmp_path / "got")
    assert sorted(row["files"]) == there


def test_three_classes_have_a_model_and_no_curve(mlflow_server, tmp_path):
    layers = [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, "softmax")]
    model, labels = keras.Sequential(layers), np.arange(24) % 3
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    fit(model, kbin.MlflowLogger(IMAGES, labels, mlflow_server, "three"), labels=labels)
    [row] = stored(mlflow_server, "three", tmp_path / "got")
    assert sorted(row["files"]) == ["model.keras"]


def test_kept_files_are_sent_and_removed_and_sent_twice_they_are_there_once(model, mlflow_server, tmp_path):
    path, files = kept(model, tmp_path, experiment="kept-files")
    copies = {one: one.read_bytes() for one in (path, files / "model.keras", files / "plots/roc.png")}

    track_path(path, mlflow_server, Progress())
    assert list((tmp_path / "mlflow-unsent").iterdir()) == []
    (files / "plots").mkdir(parents=True)  # as a kill before the removal leaves it
    for one, content in copies.items():
        one.write_bytes(content)
    track_path(path, mlflow_server, Progress())

    assert list((tmp_path / "mlflow-unsent").iterdir()) == []
    [row] = stored(mlflow_server, "kept-files", tmp_path / "got")
    assert row["files"] == {
        "model.keras": copies[files / "model.keras"],
        "plots/roc.png": copies[files / "plots/roc.png"],
    }
    assert [step for step, _ in row["metrics"]["epochs/loss"]] == [1]


def test_files_stay_where_the_server_is_still_away(model, tmp_path):
    path, files = kept(model, tmp_path)
    with pytest.raises(TrackingError, match="connection refused"):
        track_path(path, None, Progress())
    assert path.exists()
    assert sorted(one.name for one in files.rglob("*.*")) == ["model.keras", "roc.png"]


def test_a_server_that_hangs_in_the_upload_is_not_waited_for_and_the_rest_is_sent_later(model, mlflow_server, tmp_path):
    with gate(mlflow_server) as one:
        one.fails_by = "hanging"
        one.fails_at = "/mlflow-artifacts/"
        ends = []
        at_the_end = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (time.sleep(1), ends.append(time.monotonic()))
        )
        logger = kbin.MlflowLogger(IMAGES, LABELS, one.address, "slow-files")
        with pytest.warns(UserWarning, match="has the run, but not all of its files") as told:
            fit(model, logger, at_the_end, epochs=2)
        assert time.monotonic() - ends[-1] < 8
        [path] = (tmp_path / "mlflow-unsent").glob("*.json")
        messages = [str(one.message) for one in told if "has the run" in str(one.message)]
        assert [f"`kbin track {path.relative_to(tmp_path)}` sends them" in one for one in messages] == [True]
        [run] = runs_of(mlflow_server, "slow-files")
        assert run.info.status == "FINISHED"

        one.fails_at = ""
        track_path(path, None, Progress())
    [row] = stored(mlflow_server, "slow-files", tmp_path / "got")
    assert predicts_alike(row["files"]["model.keras"], model, tmp_path)
    assert [step for step, _ in row["metrics"]["epochs/loss"]] == [1, 2]


def test_a_kill_in_the_upload_leaves_all_that_is_needed_to_send_the_run(model, mlflow_server, tmp_path, monkeypatch):
    found = {}

    def killed(self, run, seconds):
        [found["path"]] = (tmp_path / "mlflow-unsent").glob("*.json")
        raise SystemExit  # nothing of the callback runs after it

    monkeypatch.setattr("kbin.deploy.tracking.fit_sending.FitSending.end", killed)
    with pytest.raises(SystemExit):
        fit(model, kbin.MlflowLogger(IMAGES, LABELS, mlflow_server, "killed"))
    track_path(found["path"], mlflow_server, Progress())
    [row] = stored(mlflow_server, "killed", tmp_path / "got")
    assert (sorted(row["files"]), row["status"]) == (["model.keras", "plots/roc.png"], "FINISHED")
    assert [step for step, _ in row["metrics"]["epochs/loss"]] == [1]


def test_a_full_disk_costs_the_model_and_not_the_training(model, mlflow_server, monkeypatch):
    def full(path, *arguments, **settings):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(model, "save", full)
    with pytest.warns(UserWarning, match="does not get the model of 'plain': .*no room is left on its disk"):
        fitted = fit(model, kbin.MlflowLogger(IMAGES, LABELS, mlflow_server, "full"), epochs=2)
    assert len(fitted.history["loss"]) == 2
    [run] = runs_of(mlflow_server, "full")
    assert run.info.status == "FINISHED"


def test_a_model_that_keras_cannot_save_is_trained_and_logged(mlflow_server, tmp_path):
    class Own(keras.Model):
        def __init__(self, width):
            super().__init__(name="own")
            self._dense, self._width = keras.layers.Dense(width, activation="sigmoid"), width

        def call(self, inputs):
            return self._dense(keras.ops.mean(keras.ops.cast(inputs, "float32"), axis=(1, 2)))

        def save(self, path):
            raise NotImplementedError("no config")

    model = Own(1)
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    with pytest.warns(UserWarning, match="does not get the model of 'own': NotImplementedError: no config"):
        fit(model, kbin.MlflowLogger(IMAGES, LABELS, mlflow_server, "own"))
    [row] = stored(mlflow_server, "own", tmp_path / "got")
    assert (row["status"], sorted(row["files"])) == ("FINISHED", ["plots/roc.png"])


def strangers_file(model, tmp_path):
    """A kept run from a stranger, alone in a folder of its own."""
    path, files = kept(model, tmp_path)
    (tmp_path / "downloads").mkdir()
    return path.rename(tmp_path / "downloads" / path.name), tmp_path / "downloads" / files.name


def test_a_file_from_a_stranger_has_no_files_of_the_persons_sent(model, mlflow_server, tmp_path):
    path, files = strangers_file(model, tmp_path)
    values = json.loads(path.read_text())
    private = tmp_path / "downloads/model.keras"
    private.write_bytes(b"private")
    for identity in ("../../etc00", "..", "/etc/passwd", f"{values['identity']}/.."):
        path.write_text(json.dumps(values | {"identity": identity}))
        with pytest.raises(RunFolderError):
            track_path(path, mlflow_server, Progress())
    # By its own name it would point to any folder beside it.
    path.unlink()
    (tmp_path / "downloads/project").mkdir()
    (tmp_path / "downloads/project/model.keras").write_bytes(b"private")
    named = tmp_path / "downloads/project.json"
    named.write_text(json.dumps(values | {"experiment": "stranger"}))
    track_path(named, mlflow_server, Progress())
    [row] = stored(mlflow_server, "stranger", tmp_path / "got")
    assert row["files"] == {}
    assert private.exists()
    assert (tmp_path / "downloads/project/model.keras").exists()
    assert not files.exists()


@pytest.mark.parametrize("place", ["", "plots", "plots/roc.png", "model.keras"])
def test_a_link_beside_a_kept_run_is_not_followed(model, mlflow_server, tmp_path, place):
    path, files = strangers_file(model, tmp_path)
    secret = tmp_path / "secret"
    (secret / "plots").mkdir(parents=True)
    for name in ("model.keras", "plots/roc.png", "roc.png"):
        (secret / name).write_bytes(b"private")
    target: Path = secret / place
    (files / place).parent.mkdir(parents=True, exist_ok=True)
    (files / place).symlink_to(target)

    with pytest.raises(RunFolderError, match="is a link, which is not followed"):
        track_path(path, mlflow_server, Progress())
    assert path.exists()
    assert len([one for one in secret.rglob("*") if one.is_file()]) == 3


def test_what_somebody_else_put_beside_the_files_stays(model, mlflow_server, tmp_path):
    path, files = kept(model, tmp_path, experiment="beside")
    (files / "notes.txt").write_text("mine")
    track_path(path, mlflow_server, Progress())
    assert [one.name for one in files.iterdir()] == ["notes.txt"]
    [row] = stored(mlflow_server, "beside", tmp_path / "got")
    assert sorted(row["files"]) == ["model.keras", "plots/roc.png"]
