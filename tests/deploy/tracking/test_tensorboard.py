"""Event files, as TensorBoard's own reader reads them."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from kbin.config.tracking import TensorBoardConfig, TrackingConfig
from kbin.deploy.tracking.running import track_finished_run, track_path
from kbin.progress import Progress
from kbin.run_files import EVENTS
from tests.deploy.tracking.conftest import SETTINGS


@pytest.fixture
def asking(run):
    """A finished run whose experiment asks for TensorBoard."""
    (run.path / "experiment.yaml").write_text(SETTINGS + "tracking: {tensorboard: true}\n")
    return run


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def test_epochs_and_sets_are_read_back(asking):
    track_path(asking.path, None, Progress())
    seed, model = read(asking.path / "tensorboard/good/seed-1"), read(asking.path / "tensorboard/good")
    test = asking.results()["models"][0]["sets"]["test"]

    losses = [(event.step, event.value) for event in seed.Scalars("epochs/val_loss")]
    assert losses == [(1, 1.5), (2, 0.75), (3, 0.5)]
    assert seed.Scalars("test/f1")[0].value == pytest.approx(test["per_seed"][1]["metrics"]["f1"], abs=1e-7)
    assert model.Scalars("test/f1")[0].value == pytest.approx(test["metrics"]["f1"], abs=1e-7)
    assert seed.Scalars("test/f1")[0].wall_time == 1767323045


def test_plots_are_pictures_as_they_are(asking):
    track_path(asking.path, None, Progress())
    [image] = read(asking.path / "tensorboard/good/seed-0").Images("plots/roc")
    assert image.encoded_image_string == asking.plot_path("roc", "good", 0).read_bytes()
    assert (image.width, image.height) == (1, 1)


def test_the_settings_that_differ_are_hyperparameters(asking):
    track_path(asking.path, None, Progress())
    content = read(asking.path / "tensorboard/good/seed-1").PluginTagToContent("hparams")
    started = HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info.hparams
    assert started["seed"].number_value == 1
    assert started["head.dropout"].number_value == pytest.approx(0.1)
    assert started["backbone"].string_value == "EfficientNetLite0"
    assert "data.image_size" not in started  # the same for all


def test_written_again_it_is_the_same_and_nothing_is_there_twice(asking):
    track_path(asking.path, None, Progress())
    paths = sorted(asking.path.rglob("*tfevents*"))
    before = [path.read_bytes() for path in paths]
    (asking.path / "tracking.json").unlink()
    (paths[0].parent / f".{EVENTS}").write_bytes(b"left by a kill")
    old = asking.path / "tensorboard/no-more"
    old.mkdir()
    (old / EVENTS).write_bytes(b"of a model that is no more")

    assert track_path(asking.path, None, Progress()).values["tensorboard"]["written"]

    assert [path.read_bytes() for path in sorted(asking.path.rglob("*tfevents*"))] == before
    assert len(paths) == 4
    assert not track_path(asking.path, None, Progress()).values["tensorboard"]["written"]


def test_a_folder_of_ones_own_has_each_run_below_its_name(asking, tmp_path):
    settings = TrackingConfig(tensorboard=TensorBoardConfig(folder=tmp_path / "shared"))
    track_finished_run(asking, settings, Progress())
    [folder] = (tmp_path / "shared").iterdir()
    assert folder.name.startswith("run-")
    assert read(folder / "good").Scalars("test/accuracy")
    assert not (asking.path / "tensorboard").exists()


def test_it_needs_neither_tensorflow_nor_torch_nor_keras(asking):
    code = f"""
import sys
from pathlib import Path
from kbin.cli import main
sys.argv = ["kbin", "track", {str(asking.path)!r}]
try:
    main()
finally:
    print(sorted({{"tensorflow", "torch", "keras"}} & set(sys.modules)))
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_model_trained_by_hand_is_logged_with_kbins_metrics(tmp_path):
    import keras

    import kbin
    from tests.networks import calibrated_classifier, random_images

    model = calibrated_classifier("SmallCNN")
    images, labels = random_images(24), np.arange(24) % 2
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="binary_crossentropy")
    table = kbin.MetricLogger(images, labels, None)
    logger = kbin.TensorBoardLogger(images, labels, tmp_path / "events", "hand", {"why": "a test"})
    model.fit(images, labels, epochs=2, batch_size=12, verbose=0, callbacks=[table, logger])

    events = read(tmp_path / "events/hand")
    losses = [(event.step, event.value) for event in events.Scalars("epochs/val_roc_auc")]
    assert losses == [(row["epoch"], pytest.approx(row["roc_auc"], abs=1e-6)) for row in table.rows]
    assert len(events.Scalars("epochs/loss")) == 2
    [curve] = events.Images("plots/roc")
    with Image.open(io.BytesIO(curve.encoded_image_string)) as image:
        assert (image.format, image.size) == ("PNG", (curve.width, curve.height))
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    params = HParamsPluginData.FromString(content).session_start_info.hparams
    assert (params["why"].string_value, params["learning_rate"].number_value) == ("a test", pytest.approx(0.01))


def test_a_folder_that_cannot_be_written_stops_no_training(tmp_path):
    import keras

    import kbin
    from tests.networks import calibrated_classifier, random_images

    (tmp_path / "events").write_text("a file")
    model = calibrated_classifier("SmallCNN")
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="binary_crossentropy")
    with pytest.warns(UserWarning, match="nothing more is written for TensorBoard") as told:
        fitted = model.fit(
            random_images(8),
            np.arange(8) % 2,
            epochs=2,
            verbose=0,
            callbacks=[kbin.TensorBoardLogger(folder=tmp_path / "events")],
        )
    assert len([one for one in told if "TensorBoard" in str(one.message)]) == 1
    assert len(fitted.history["loss"]) == 2
