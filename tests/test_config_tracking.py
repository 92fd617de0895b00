"""The section `tracking`."""

from pathlib import Path

import pytest

from kbin.deploy.tracking import running
from kbin.errors import ConfigError, MissingExtraError, RunFolderError
from kbin.experiment_file import dump_experiment
from kbin.runs import RunDirectory
from tests.experiment_texts import SMALLEST, loader


@pytest.fixture
def load(tmp_path):
    return loader(tmp_path)


def test_nothing_is_tracked_by_default(load):
    assert not load().tracking.is_asked_for


@pytest.mark.parametrize("text", ["{mlflow: true, tensorboard: true}", "{mlflow: {}, tensorboard: {}}"])
def test_true_takes_all_defaults(load, text):
    tracking = load(f"{SMALLEST}tracking: {text}\n").tracking
    assert (tracking.mlflow.uri, tracking.mlflow.experiment, tracking.mlflow.models) == (None, None, True)
    assert tracking.tensorboard.folder is None


def test_false_and_null_track_nothing(load):
    assert not load(f"{SMALLEST}tracking: {{mlflow: false, tensorboard: null}}\n").tracking.is_asked_for


def test_settings_are_read_and_a_folder_is_relative_to_the_file(load, tmp_path):
    tracking = load(
        f"{SMALLEST}tracking:\n"
        "  mlflow: {uri: 'http://h:5000', experiment: e, run_name: r, tags: {a: b, n: 3}, models: false}\n"
        "  tensorboard: {folder: ../board}\n"
    ).tracking
    assert tracking.mlflow.model_dump() == {
        "uri": "http://h:5000", "experiment": "e", "run_name": "r", "tags": {"a": "b", "n": "3"}, "models": False,
    }  # fmt: skip
    assert tracking.tensorboard.folder == tmp_path.parent / "board"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{mlfow: true}", r"line 8: tracking.mlfow: unknown key 'mlfow'. Did you mean 'mlflow'\?"),
        ("{mlflow: {url: x}}", "unknown key 'url'.*uri"),
        ("{mlflow: {tags: {mlflow.user: x}}}", "tags may not be empty or begin with mlflow. or kbin.; got mlflow.user"),
        ("{mlflow: {uri: ' '}}", "give text, or leave it out"),
        ("{mlflow: 3}", "a section with keys of its own"),
        ("{mlflow: {models: 1}}", "true or false"),
    ],
)
def test_faults_name_the_key_and_what_is_allowed(load, text, message):
    with pytest.raises(ConfigError, match=message):
        load(f"{SMALLEST}tracking: {text}\n")


def test_credentials_are_kept_in_memory_and_not_in_the_resolved_settings(load):
    config = load(f"{SMALLEST}tracking: {{mlflow: {{uri: 'http://anna:geheim@h:5000'}}}}\n")
    assert config.tracking.mlflow.uri == "http://anna:geheim@h:5000"
    assert "geheim" not in dump_experiment(config)
    assert "uri: http://h:5000" in dump_experiment(config)


def test_a_finished_run_is_no_other_experiment_when_it_is_tracked(load, tmp_path):
    plain = dump_experiment(load())
    tracked = dump_experiment(load(f"{SMALLEST}tracking: {{mlflow: true}}\n"))
    run = RunDirectory(tmp_path / "run")
    run.begin(plain)
    run.save_results({})
    assert run.is_finished(tracked)
    run.begin(tracked)
    assert run.is_finished(plain)
    with pytest.raises(RunFolderError, match="another experiment"):
        run.is_finished(tracked.replace("epochs: 10", "epochs: 9"))


def test_a_run_of_a_version_that_knew_no_tracking_is_the_same_experiment(load, tmp_path):
    config = load()
    text = dump_experiment(config)
    older = text[: text.index("tracking:")]
    run = RunDirectory(tmp_path / "run")
    run.begin(older)
    run.save_results({})
    assert run.is_finished(text)


def test_a_run_begun_anew_forgets_what_was_sent(load, tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.begin(dump_experiment(load()))
    run.save_tracking({"id": "0123"})
    run.remove_results()
    assert run.tracking() == {}


@pytest.mark.parametrize(("kind", "extra"), [("mlflow", "mlflow"), ("tensorboard", "tensorboard")])
def test_a_missing_package_is_told_before_the_run_begins(load, monkeypatch, tmp_path, kind, extra):
    import importlib.util

    from kbin.experiment import run_experiment
    from kbin.progress import Progress

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == kind else find(name, *rest))
    config = load(f"{SMALLEST}tracking: {{{kind}: true}}\n")
    with pytest.raises(MissingExtraError, match=rf"pip install 'kbin\[{extra}\]'"):
        run_experiment(config, tmp_path / "run", Progress())
    assert not Path(tmp_path / "run").exists()
    with pytest.raises(MissingExtraError):
        running.check_extras(config.tracking)
