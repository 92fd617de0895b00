"""What a run's folder says to a tracking tool."""

import pytest

from kbin.config.tracking import MlflowConfig
from kbin.deploy.tracking.tracked_runs import run_id, tracked_runs
from kbin.errors import RunFolderError
from tests.deploy.tracking.conftest import SETTINGS, write_run

START = 1767323045000  # 2026-01-02T03:04:05 UTC, the start in environment.json, in milliseconds


def of_key(run, key, **settings):
    return next(one for one in tracked_runs(run, "0123456789abcdef", MlflowConfig(**settings)) if one.key == key)


def test_models_stand_on_top_and_their_seeds_below(run):
    runs = tracked_runs(run, "0123456789abcdef", MlflowConfig())

    assert [(one.key, one.parent) for one in runs] == [
        ("good", None),
        ("good/seed-0", "good"),
        ("good/seed-1", "good"),
        ("broken", None),
    ]
    assert [one.name for one in runs] == ["good", "good seed 0", "good seed 1", "broken"]


def test_a_model_has_the_means_with_intervals_and_a_seed_its_own_values(run):
    one = run.results()["models"][0]["sets"]["test"]
    model = {point.key: point.value for point in of_key(run, "good").points}
    seed = {point.key: point.value for point in of_key(run, "good/seed-1").points}

    assert model["test/roc_auc"] == one["metrics"]["roc_auc"]
    assert [model["test interval/roc_auc low"], model["test interval/roc_auc high"]] == one["intervals"]["roc_auc"]
    assert seed["test/roc_auc"] == one["per_seed"][1]["metrics"]["roc_auc"] != model["test/roc_auc"]
    assert seed["threshold"] == one["per_seed"][1]["threshold"]
    assert (model["parameters/trainable"], model["seconds/training"]) == (1281, 3.25)


def test_the_baseline_and_the_intervals_of_the_training_set_are_no_metrics_of_the_model(run):
    keys = {point.key for point in of_key(run, "good").points}
    assert "train/accuracy" in keys
    assert not [key for key in keys if "majority" in key or key.startswith("train interval")]


def test_each_epoch_is_a_step_at_a_time_of_its_own(run):
    points = [point for point in of_key(run, "good/seed-0").points if point.key == "epochs/val_loss"]
    assert [(point.step, point.value, point.time) for point in points] == [
        (1, 1.5, START + 1),
        (2, 0.75, START + 2),
        (3, 0.5, START + 3),
    ]


def test_what_is_no_number_in_the_history_is_left_out(run):
    run.save_history("good", 0, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("inf"), "val_loss": 0.25}])
    points = [point for point in of_key(run, "good/seed-0").points if point.key.startswith("epochs/")]
    assert [(point.key, point.step, point.value) for point in points] == [
        ("epochs/loss", 1, 0.5),
        ("epochs/val_loss", 2, 0.25),
    ]


def test_a_failed_model_is_there_as_failed_with_its_reason(run):
    failed = of_key(run, "broken")
    assert failed.status == "FAILED"
    assert failed.tags["mlflow.note.content"] == "Failed: ValueError: out of memory"
    assert not [point for point in failed.points if "/accuracy" in point.key]


def test_parameters_are_those_in_force_for_the_model(run):
    params = of_key(run, "good/seed-1").params
    assert params["training.epochs"] == "5"  # its own
    assert params["training.learning_rate"] == "0.0001"  # the default for its depth, from results.json
    assert (params["training.optimizer"], params["head.dropout"], params["seed"]) == ("adamw", "0.1", "1")
    assert of_key(run, "broken").params["head.dropout"] == "0.2"
    assert not [key for key in params if key.startswith(("audit", "tracking", "models"))]


def test_what_a_search_chose_is_a_parameter(run):
    results = run.results()
    combinations = [{"settings": {"training.epochs": epochs, "head.dropout": 0.5}} for epochs in (7, 8)]
    results["models"][0]["search"] = {"combinations": combinations, "chosen": 1}
    run.save_results(results)
    params = of_key(run, "good").params
    assert (params["training.epochs"], params["head.dropout"]) == ("8", "0.5")


def test_files_are_the_page_with_the_model_and_all_of_the_seed_without_doubles(run):
    folder = run.model_folder("good", 0)
    (folder / "gallery").mkdir()
    (folder / "gallery" / "gallery.json").write_text("{}")
    (folder / ".model.keras").write_bytes(b"half")
    (folder / "model.json").write_text("{}")

    assert list(of_key(run, "good").files) == ["report.html", "results.json", "experiment.yaml", "environment.json"]
    assert sorted(of_key(run, "good/seed-0").files) == [
        "history.csv",
        "model.json",
        "model.keras",
        "plots/roc.png",
        "predictions/test.csv",
        "predictions/train.csv",
        "predictions/validation.csv",
    ]
    assert "model.keras" not in of_key(run, "good/seed-0", models=False).files


def test_a_link_out_of_the_folder_is_not_followed(run, tmp_path):
    (tmp_path / "private.csv").write_text("secret")
    (run.model_folder("good", 0) / "private.csv").symlink_to(tmp_path / "private.csv")
    with pytest.raises(RunFolderError, match="leads out of the run's folder"):
        tracked_runs(run, "0123456789abcdef", MlflowConfig())


def test_names_and_tags_are_the_persons_own(run):
    one = of_key(run, "good/seed-0", run_name="monday", tags={"site": "north"})
    assert one.name == "monday good seed 0"
    assert (one.tags["site"], one.tags["kbin.run"], one.tags["kbin.level"]) == ("north", "monday", "seed")


def test_a_run_is_known_by_what_it_is_and_not_by_where_it_lies(run, tmp_path):
    moved = write_run(tmp_path / "moved", SETTINGS.replace("audit: false", "audit: true\ntracking: {mlflow: {}}"))
    assert run_id(moved) == run_id(run)
    assert run_id(write_run(tmp_path / "other", SETTINGS.replace("epochs: 3", "epochs: 4"))) != run_id(run)
    environment = run.environment() | {"started": "2026-01-02T03:04:06+00:00"}
    run.save_environment(environment)
    assert run_id(moved) != run_id(run)


@pytest.mark.parametrize("damage", ['{"models": [{"id": "good"}]}', '{"models": 3}', "{}"])
def test_damaged_results_are_told_so(run, damage):
    (run.path / "results.json").write_text(damage)
    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        tracked_runs(run, "0123456789abcdef", MlflowConfig())


def test_a_folder_without_results_is_no_finished_run(run):
    (run.path / "results.json").unlink()
    with pytest.raises(RunFolderError, match="is not finished"):
        tracked_runs(run, "0123456789abcdef", MlflowConfig())
