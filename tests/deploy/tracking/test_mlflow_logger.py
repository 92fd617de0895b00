"""The callback in a plain `model.fit`: logged where the server is there, kept where it is not, never waited for."""

import json
import time

import keras
import numpy as np
import pytest

import kbin
from kbin.deploy.tracking.running import track_path
from kbin.errors import AddressError, RunFolderError, TrackingError
from kbin.progress import Progress
from tests.deploy.tracking.away_servers import free_port, gate, silent_server
from tests.deploy.tracking.stored_runs import runs_of, stored
from tests.networks import calibrated_classifier, random_images

IMAGES, LABELS = random_images(24), np.arange(24) % 2


@pytest.fixture(scope="module")
def model():
    one = calibrated_classifier("SmallCNN")
    one.compile(optimizer=keras.optimizers.SGD(0.01), loss="binary_crossentropy")
    one.fit(IMAGES, LABELS, epochs=1, batch_size=12, verbose=0)
    return one


def fit(model, *callbacks, epochs=3):
    return model.fit(IMAGES, LABELS, epochs=epochs, batch_size=12, verbose=0, callbacks=list(callbacks))


def test_settings_epochs_and_kbins_metrics_are_there(model, mlflow_server, tmp_path):
    table = kbin.MetricLogger(IMAGES, LABELS, None)
    logger = kbin.MlflowLogger(IMAGES, LABELS, mlflow_server, "by-hand", "first", {"why": "a test"})
    fitted = fit(model, table, logger)  # a warning would be an error

    [row] = stored(mlflow_server, "by-hand", tmp_path / "files")
    assert (row["name"], row["status"]) == ("first", "FINISHED")
    assert row["params"] == {
        "model": model.name,
        "parameters": str(model.count_params()),
        "trainable_parameters": str(sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)),
        "optimizer": "SGD",
        "learning_rate": "0.01",
        "loss": "binary_crossentropy",
        "epochs": "3",
        "steps_per_epoch": "2",
        "why": "a test",
    }
    assert row["metrics"]["epochs/loss"] == list(enumerate(fitted.history["loss"], start=1))
    assert row["metrics"]["epochs/val_roc_auc"] == [(one["epoch"], one["roc_auc"]) for one in table.rows]
    assert not (tmp_path / "mlflow-unsent").exists()


@pytest.mark.parametrize("kind", ["closed", "silent", "errors"])
def test_where_the_server_is_away_training_is_not_slower_and_the_run_is_sent_later(
    model, mlflow_server, tmp_path, kind
):
    with silent_server() as silent, gate() as failing:
        failing.open_for, failing.fails_by = 0, 500
        address = {"closed": f"http://127.0.0.1:{free_port()}", "silent": silent, "errors": failing.address}[kind]
        ends = []
        at_the_end = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.monotonic()))
        logger = kbin.MlflowLogger(uri=address, experiment=f"kept-{kind}", run_name="kept")
        start = time.monotonic()
        with pytest.warns(UserWarning, match="is away") as told:
            fitted = fit(model, logger, at_the_end, epochs=5)
        assert len([one for one in told if "is away" in str(one.message)]) == 1
        assert ends[-1] - start < 4  # not one of the five seconds that a request may take
        assert time.monotonic() - ends[-1] < 8

    [path] = (tmp_path / "mlflow-unsent").glob("*.json")
    [message] = [str(one.message) for one in told if "is away" in str(one.message)]
    assert f"kbin track {path.relative_to(tmp_path)}" in message
    track_path(path, mlflow_server, Progress())
    [row] = stored(mlflow_server, f"kept-{kind}", tmp_path / "files")
    assert (row["name"], row["params"]["optimizer"]) == ("kept", "SGD")
    assert row["metrics"]["epochs/loss"] == list(enumerate(fitted.history["loss"], start=1))
    assert not path.exists()


def test_a_server_that_comes_back_has_everything_once(model, mlflow_server, tmp_path):
    with gate(mlflow_server) as one:
        one.open_for = 0

        def come_back(epoch, logs):
            time.sleep(0.5)
            if epoch == 2:
                one.open_for = 1_000_000

        logger = kbin.MlflowLogger(uri=one.address, experiment="came-back")
        with pytest.warns(UserWarning, match="is away"):
            fitted = fit(model, logger, keras.callbacks.LambdaCallback(on_epoch_end=come_back), epochs=5)
    [row] = stored(mlflow_server, "came-back", tmp_path / "files")
    assert row["metrics"]["epochs/loss"] == list(enumerate(fitted.history["loss"], start=1))
    assert not (tmp_path / "mlflow-unsent").exists()


def test_what_was_sent_before_the_server_died_is_not_there_twice_later(model, mlflow_server, tmp_path):
    with gate(mlflow_server) as one:

        def die(epoch, logs):
            time.sleep(0.7)
            one.open_for = 0

        logger = kbin.MlflowLogger(uri=one.address, experiment="died")
        with pytest.warns(UserWarning, match="is away"):
            fitted = fit(model, logger, keras.callbacks.LambdaCallback(on_epoch_end=die))
    [path] = (tmp_path / "mlflow-unsent").glob("*.json")
    track_path(path, mlflow_server, Progress())
    [row] = stored(mlflow_server, "died", tmp_path / "files")
    assert row["metrics"]["epochs/loss"] == list(enumerate(fitted.history["loss"], start=1))
    assert row["status"] == "FINISHED"


def test_a_kept_run_stays_where_the_server_is_still_away(model, tmp_path):
    address = f"http://anna:geheim@127.0.0.1:{free_port()}"
    with pytest.warns(UserWarning, match="is away") as told:
        fit(model, kbin.MlflowLogger(uri=address))
    [path] = (tmp_path / "mlflow-unsent").glob("*.json")
    with pytest.raises(TrackingError, match="connection refused"):
        track_path(path, None, Progress())
    assert path.exists()
    assert "geheim" not in path.read_text() + " ".join(str(one.message) for one in told)


@pytest.mark.parametrize("content", ["", "[]", '{"uri": 1}', "\xff"])
def test_a_damaged_kept_run_is_told_so(tmp_path, content):
    (tmp_path / "kept.json").write_text(content, encoding="latin-1")
    with pytest.raises(RunFolderError, match="neither a run's folder nor a run"):
        track_path(tmp_path / "kept.json", None, Progress())


def test_a_kept_run_can_say_nothing_but_a_run(model, tmp_path):
    with pytest.warns(UserWarning, match="is away"):
        fit(model, kbin.MlflowLogger(uri=f"http://127.0.0.1:{free_port()}"), epochs=1)
    [path] = (tmp_path / "mlflow-unsent").glob("*.json")
    values = json.loads(path.read_text())
    (tmp_path / "kept.json").write_text(json.dumps(values | {"files": {"x": "/etc/passwd"}}))
    with pytest.raises(RunFolderError):
        track_path(tmp_path / "kept.json", None, Progress())
    (tmp_path / "kept.json").write_text(json.dumps(values | {"identity": "' or 1=1"}))
    with pytest.raises(RunFolderError):
        track_path(tmp_path / "kept.json", None, Progress())


def test_what_is_no_address_is_refused_before_the_training():
    with pytest.raises(AddressError, match="'nonsense' is no address"):
        kbin.MlflowLogger(uri="nonsense")


def test_runs_of_two_fits_stay_two(model, mlflow_server):
    logger = kbin.MlflowLogger(uri=mlflow_server, experiment="twice")
    fit(model, logger, epochs=1)
    fit(model, logger, epochs=1)
    assert len(runs_of(mlflow_server, "twice")) == 2
