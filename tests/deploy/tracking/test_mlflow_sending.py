"""A finished run on a real MLflow server: all of it, once."""

import json
import sys
from contextlib import suppress

import pytest

from kbin.config.tracking import MlflowConfig, TrackingConfig
from kbin.deploy.tracking.mlflow_sending import mlflow_name
from kbin.deploy.tracking.running import track_finished_run, track_path
from kbin.errors import TrackingError
from kbin.progress import LogProgress, Progress
from tests.deploy.tracking.away_servers import gate
from tests.deploy.tracking.conftest import SETTINGS, write_run
from tests.deploy.tracking.stored_runs import runs_of, stored


def asking_for(experiment):
    return SETTINGS.replace("name: shades", f"name: shades\ntracking: {{mlflow: {{experiment: {experiment}}}}}")


@pytest.fixture(scope="module")
def undisturbed(mlflow_server, tmp_path_factory):
    """A run that was sent in peace: its folder, and what the server has of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run = write_run(folder / "run", asking_for("undisturbed"))
    track_path(run.path, mlflow_server, Progress())
    return run, stored(mlflow_server, "undisturbed", folder)


def test_every_model_and_seed_is_there_with_its_place(undisturbed):
    rows = undisturbed[1]
    assert [(row["key"], row["parent"], row["status"]) for row in rows] == [
        ("broken", None, "FAILED"),
        ("good", None, "FINISHED"),
        ("good/seed-0", "good", "FINISHED"),
        ("good/seed-1", "good", "FINISHED"),
    ]
    # 12.5 + 3.25 + 0.5 seconds of both seeds.
    assert [end - start for start, end in (row["time"] for row in rows)] == [0, 16250, 8125, 8125]


def test_parameters_epochs_and_sets_are_read_back(undisturbed):
    run, rows = undisturbed
    model, seed = rows[1], rows[2]
    test = run.results()["models"][0]["sets"]["test"]

    assert seed["params"]["training.epochs"] == "5"
    assert seed["params"]["seed"] == "0"
    assert seed["metrics"]["epochs/val_loss"] == [(1, 1.5), (2, 0.75), (3, 0.5)]
    assert seed["metrics"]["test/f1"] == [(0, test["per_seed"][0]["metrics"]["f1"])]
    assert model["metrics"]["test/f1"] == [(0, test["metrics"]["f1"])]
    assert model["metrics"]["test interval/accuracy high"] == [(0, test["intervals"]["accuracy"][1])]


def test_page_and_models_are_downloaded_as_they_are(undisturbed):
    run, rows = undisturbed
    assert rows[1]["files"]["report.html"] == b"<!doctype html><title>a page</title>"
    assert rows[3]["files"]["model.keras"] == b"weights of 1"
    assert rows[3]["files"]["plots/roc.png"] == run.plot_path("roc", "good", 1).read_bytes()
    assert set(rows[3]["files"]) > {"history.csv", "predictions/test.csv"}


def test_sending_again_adds_nothing_and_says_so(undisturbed, mlflow_server, tmp_path):
    run, before = undisturbed
    told = track_path(run.path, mlflow_server, Progress())
    assert "all 4 runs are there already" in told.lines[0]
    assert {one["sent"] for one in told.values["mlflow"]["runs"]} == {False}
    assert stored(mlflow_server, "undisturbed", tmp_path) == before


@pytest.mark.parametrize("record", [None, '{"id": 3, "mlflow": [{"uri": 1}], "tensorboard": []}'])
def test_without_its_record_the_server_says_what_is_there(mlflow_server, tmp_path, record):
    experiment = f"record-{hash(record)}"
    run = write_run(tmp_path / "run", asking_for(experiment))
    track_path(run.path, mlflow_server, Progress())
    before = stored(mlflow_server, experiment, tmp_path / "before")

    (run.path / "tracking.json").unlink()
    if record is not None:
        (run.path / "tracking.json").write_text(record)
    track_path(run.path, mlflow_server, Progress())

    assert stored(mlflow_server, experiment, tmp_path / "after") == before


def test_what_changed_is_sent_into_the_same_run(mlflow_server, tmp_path):
    run = write_run(tmp_path / "run", asking_for("changed"))
    track_path(run.path, mlflow_server, Progress())
    (run.path / "report.html").write_text("another page")
    results = run.results()
    results["models"][1] |= {"error": "ValueError: the disk is full"}
    run.save_results(results)

    told = track_path(run.path, mlflow_server, Progress())

    assert [one["key"] for one in told.values["mlflow"]["runs"] if one["sent"]] == ["good", "broken"]
    rows = stored(mlflow_server, "changed", tmp_path)
    assert len(rows) == 4
    assert rows[1]["files"]["report.html"] == b"another page"
    assert rows[0]["tags"]["mlflow.note.content"] == "Failed: ValueError: the disk is full"


def test_a_run_that_somebody_deleted_there_is_sent_again(mlflow_server, tmp_path):
    from mlflow import MlflowClient

    run = write_run(tmp_path / "run", asking_for("deleted"))
    track_path(run.path, mlflow_server, Progress())
    [gone] = [one for one in runs_of(mlflow_server, "deleted") if one.data.tags["kbin.key"] == "good/seed-1"]
    MlflowClient(mlflow_server).delete_run(gone.info.run_id)

    track_path(run.path, mlflow_server, Progress())

    rows = stored(mlflow_server, "deleted", tmp_path)
    assert [row["key"] for row in rows] == ["broken", "good", "good/seed-0", "good/seed-1"]
    assert rows[3]["parent"] == "good"
    assert rows[3]["files"]["model.keras"] == b"weights of 1"


def test_two_runs_of_one_experiment_stay_two(mlflow_server, tmp_path):
    first = write_run(tmp_path / "first", asking_for("two"))
    second = write_run(tmp_path / "second", asking_for("two"))
    second.save_environment(second.environment() | {"started": "2026-01-02T04:00:00+00:00"})
    for run in (first, second, first):
        track_path(run.path, mlflow_server, Progress())
    assert sorted(one.data.tags["kbin.run"] for one in runs_of(mlflow_server, "two")) == ["first"] * 4 + ["second"] * 4


def send_through_a_server_that_dies(server, folder, place, fails_by):
    """Returns what is there after a sending that met a dying server, and another one; None where it came through."""
    experiment = f"dies-{fails_by}-{place}"
    run = write_run(folder / experiment, asking_for(experiment))
    with gate(server) as one:
        one.open_for, one.fails_by = place, fails_by
        with suppress(TrackingError):
            track_path(run.path, one.address, Progress())
            return None
        one.open_for = 1_000_000
        if place % 2:  # kbin itself was killed before it could keep what was sent
            (run.path / "tracking.json").unlink(missing_ok=True)
        track_path(run.path, one.address, Progress())
    return stored(server, experiment, folder / f"{experiment}-files")


@pytest.mark.parametrize(("place", "fails_by"), [(1, "answered"), (3, "answered"), (5, "answered"), (18, "refusing")])
def test_a_server_that_dies_in_the_middle_has_everything_once_in_the_end(
    undisturbed, mlflow_server, tmp_path, place, fails_by
):
    rows = send_through_a_server_that_dies(mlflow_server, tmp_path, place, fails_by)
    assert comparable(rows) == comparable(undisturbed[1])


@pytest.mark.slow
@pytest.mark.parametrize("fails_by", ["answered", "refusing"])
def test_a_server_may_die_at_every_single_request(undisturbed, mlflow_server, tmp_path, fails_by):
    place = 0
    while (rows := send_through_a_server_that_dies(mlflow_server, tmp_path, place, fails_by)) is not None:
        assert comparable(rows) == comparable(undisturbed[1]), place
        place += 1
    assert place > 30


def comparable(rows):
    """Returns rows without what differs between two experiments and two folders."""
    kept = []
    for row in rows:
        files = {name: content for name, content in row["files"].items() if name != "experiment.yaml"}
        tags = {key: value for key, value in row["tags"].items() if key not in ("kbin.run", "kbin.experiment")}
        kept.append(row | {"files": files, "tags": tags})
    return kept


def test_credentials_of_an_address_log_in_and_are_written_nowhere(mlflow_server, tmp_path, capsys):
    run = write_run(tmp_path / "run", asking_for("login"))
    with gate(mlflow_server) as one:
        address = one.address.replace("://", "://anna:ge%40heim@")
        told = track_path(run.path, address, LogProgress(sys.stdout))
        one.open_for = one.num_requests
        with pytest.raises(TrackingError) as failed:
            track_path(run.path, address, Progress())
    assert {headers.get("Authorization") for headers in one.headers} == {"Basic YW5uYTpnZUBoZWlt"}  # anna:ge@heim
    written = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    shown = f"{told.lines} {json.dumps(told.values)} {failed.value} {capsys.readouterr()}".encode()
    assert one.address.encode() in written
    for secret in (b"geheim", b"ge%40heim", b"ge@heim", b"anna"):
        assert secret not in written + shown


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_other_credentials_is_told_with_what_to_set(run, status):
    with gate() as one:
        one.open_for, one.fails_by = 0, status
        with pytest.raises(TrackingError, match="MLFLOW_TRACKING_USERNAME"):
            track_path(run.path, one.address, Progress())


def test_a_deleted_experiment_is_told_so(mlflow_server, run):
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    client.delete_experiment(client.create_experiment("shades-gone"))
    (run.path / "experiment.yaml").write_text(asking_for("shades-gone"))
    with pytest.raises(TrackingError, match="'shades-gone' is deleted: restore it there"):
        track_path(run.path, mlflow_server, Progress())


def test_at_the_end_of_a_run_nothing_is_asked_where_all_was_sent(run, mlflow_server):
    with gate(mlflow_server) as one:
        settings = TrackingConfig(mlflow=MlflowConfig(uri=one.address, experiment="asked-once"))
        track_finished_run(run, settings, Progress())
        num_before = one.num_requests
        track_finished_run(run, settings, Progress())
    assert num_before > 30
    assert one.num_requests == num_before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test/roc_auc", "test/roc_auc"),
        ("Zentrum Süd/f1", "Zentrum Süd/f1"),
        ("a(b)/f1", "a_x28_b_x29_/f1"),
        ("../f1", "_x2e__x2e_/f1"),
        ("a//b", "a/_/b"),
        ("50%/f1", "50_x25_/f1"),
    ],
)
def test_names_become_such_as_mlflow_takes(name, expected):
    from mlflow.utils.validation import _validate_metric_name

    assert mlflow_name(name) == expected
    _validate_metric_name(mlflow_name(name))
