"""A run that is started anew leaves nothing of the earlier one's tracking in its folder, and all of other runs."""

import io

import pytest

from kbin import experiment as experiment_module
from kbin.config.tracking import TensorBoardConfig, TrackingConfig
from kbin.deploy.tracking.running import track_finished_run, track_path
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import LogProgress, Progress
from kbin.run_files import EVENTS
from tests.deploy.tracking.conftest import SETTINGS, write_run
from tests.image_folders import write_images

SHADES = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models:
- {id: MODEL, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 1, batch_size: 8, seeds: [0]}
engine: {runtime: torch}
audit: false
"""
ASKING = "tracking: {tensorboard: true}\n"


def events_in(folder):
    return sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob(EVENTS))


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Runs an experiment in one folder."""
    monkeypatch.setattr(experiment_module, "remake", lambda runs: None)  # the page takes longer than a small run
    sets = {f"{name}/{kind}": 4 for name in ("train", "validation", "test") for kind in ("dark", "bright")}
    write_images(tmp_path / "images", sets)

    def run(model: str, tracking: str = "", fresh: bool = False):
        (tmp_path / "experiment.yaml").write_text(SHADES.replace("MODEL", model) + tracking)
        config = load_experiment(tmp_path / "experiment.yaml")
        assert run_experiment(config, tmp_path / "out", LogProgress(io.StringIO()), fresh=fresh) == 0
        return tmp_path / "out"

    return run


def test_a_fresh_run_has_nothing_of_the_earlier_ones_tracking(start):
    out = start("first", ASKING)
    assert events_in(out / "tensorboard") == ["first", "first/seed-0"]
    assert (out / "tracking.json").exists()

    start("second", fresh=True)  # tracked nowhere: nothing would replace what the first one left
    assert not (out / "tensorboard").exists()
    assert not (out / "tracking.json").exists()


def test_what_somebody_else_wrote_there_and_other_runs_stay(run, tmp_path):
    shared = run.path / "tensorboard"
    settings = TrackingConfig(tensorboard=TensorBoardConfig(folder=shared))
    track_finished_run(run, settings, Progress())  # as `folder: PATH`: a level deeper
    others = events_in(shared)
    assert len(others) == 4
    (run.path / "experiment.yaml").write_text(SETTINGS + ASKING)
    track_path(run.path, None, Progress())
    foreign = shared / "good" / "events.out.tfevents.1.mine"
    foreign.write_bytes(b"of another program")
    assert {"good", "good/seed-0", "good/seed-1"} <= set(events_in(shared))

    run.remove_results()

    assert events_in(shared) == others
    assert foreign.read_bytes() == b"of another program"


def test_a_folder_of_ones_own_keeps_what_earlier_runs_wrote(run, tmp_path):
    settings = TrackingConfig(tensorboard=TensorBoardConfig(folder=tmp_path / "shared"))
    track_finished_run(run, settings, Progress())
    before = {path: path.read_bytes() for path in (tmp_path / "shared").rglob(EVENTS)}
    run.remove_results()
    again = write_run(run.path)
    again.save_environment(again.environment() | {"started": "2026-01-03T00:00:00+00:00"})
    track_finished_run(again, settings, Progress())

    assert len(before) == 4
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((tmp_path / "shared").iterdir())) == 2


def test_a_link_in_place_of_the_folder_is_not_followed(run, tmp_path):
    (tmp_path / "elsewhere/good").mkdir(parents=True)
    (tmp_path / "elsewhere/good" / EVENTS).write_bytes(b"of another run")
    inner = run.path / "kept-by-hand"
    (tmp_path / "elsewhere").rename(inner)
    (run.path / "tensorboard").symlink_to(inner)
    run.remove_results()
    assert (inner / "good" / EVENTS).exists()
