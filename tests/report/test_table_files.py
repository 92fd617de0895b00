import csv
import json

import pytest

from kbin.errors import RunFolderError
from kbin.metric_names import METRICS
from kbin.report.recorded import read_results
from kbin.report.table_files import TABLES, write_tables
from kbin.runs import RunDirectory
from tests.report.conftest import ERROR, HOSTILE_CLASS, HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun

RUN = SyntheticRun(
    models={"good": 2.0, "poor": 0.5},
    classes=("fine", HOSTILE_CLASS),
    sets={"train": (20, 12), "test": (14, 10), HOSTILE_SET: (9, 0)},
    failed={"broken": f"={ERROR}\nsecond line"},
)
COMPARISON = {
    "method": "DeLong's test, paired",
    "pairs": [
        {
            "models": ["good", "poor"],
            "difference": 0.25,
            "interval": [0.05, 0.4500000001],
            "p_value": 0.01,
            "p_seeds": 0.02,
            "p_adjusted": 0.02,
            "detectable": 0.125,
            "differ_on": 6.5,
        }
    ],
    "letters": {"good": "a", "poor": "b"},
}
CALIBRATION = {
    "ece": 0.125,
    "brier": 0.2,
    "log_loss": 0.6,
    "bins": [{"low": 0.0, "high": 0.5, "n": 13.5, "mean_score": 0.25, "share": 0.5}],
}


def read(run, name):
    with (run.path / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def one(rows, **where):
    (found,) = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with everything that a later kbin may record, tables written."""
    run = RUN.write(tmp_path_factory.mktemp("runs") / "run")
    results = run.results()
    results["costs"] = {"false_positive": 1, "false_negative": 10}
    results["comparisons"] = {"test": {"roc_auc": COMPARISON}}
    entry = results["models"][0]["sets"]["test"]
    entry["calibration"] = CALIBRATION
    entry["baselines"] = {"majority": {"accuracy": 14 / 24, "f1": None}, "random": {"accuracy": 0.5, "f1": 0.4}}
    entry["operating_points"]["locked"]["metrics"] |= {"recall": 0.8, "specificity": 0.9}
    run.save_results(results)
    write_tables(run)
    return run


def test_every_metric_of_every_model_on_every_set_is_the_recorded_one(run):
    rows = read(run, "results")
    results = run.results()

    assert len(rows) == len(results["sets"]) * 2
    for model in results["models"][:2]:
        for name, entry in model["sets"].items():
            row = one(rows, set=name, model=model["id"])
            assert (row["n"], row["positives"], row["seeds"]) == (str(entry["n"]), str(entry["positives"]), "2")
            for metric in METRICS:
                value = entry["metrics"][metric.name]
                assert row[metric.name] == ("" if value is None else f"{value:.9g}")


def test_the_ends_of_an_interval_stand_beside_the_value_but_for_what_was_learned_from(run):
    rows = read(run, "results")
    low, high = run.results()["models"][0]["sets"]["test"]["intervals"]["accuracy"]
    row = one(rows, set="test", model="good")

    assert float(row["accuracy_low"]) == pytest.approx(low, rel=1e-8)
    assert float(row["accuracy_high"]) == pytest.approx(high, rel=1e-8)
    assert one(rows, set="train", model="good")["accuracy_low"] == ""


def test_an_empty_cell_has_its_reason(run):
    assert one(read(run, "results"), set=HOSTILE_SET, model="good")["roc_auc"] == ""
    reason = one(read(run, "undefined"), set=HOSTILE_SET, model="good", metric="roc_auc")["reason"]
    assert reason == f"no image of this set is '{HOSTILE_CLASS}'"


def test_each_seed_has_its_threshold_and_metrics(run):
    entry = run.results()["models"][1]["sets"]["test"]["per_seed"][1]
    row = one(read(run, "seeds"), set="test", model="poor", seed="1")

    assert float(row["threshold"]) == entry["threshold"]
    assert float(row["roc_auc"]) == pytest.approx(entry["metrics"]["roc_auc"], rel=1e-8)


def test_confusions_add_up_to_the_images_of_each_class(run):
    rows = [row for row in read(run, "confusion") if (row["set"], row["model"]) == ("test", "good")]

    assert len(rows) == 4
    assert sum(float(row["images"]) for row in rows if row["true_class"] == "fine") == 14
    assert sum(float(row["share_of_class"]) for row in rows if row["true_class"] == "fine") == pytest.approx(1)


def test_a_pair_has_its_difference_p_values_and_verdict(run):
    (row,) = read(run, "comparisons")

    assert row == {
        "set": "test",
        "metric": "roc_auc",
        "method": "DeLong's test, paired",
        "model_a": "good",
        "model_b": "poor",
        "difference": "0.25",
        "low": "0.05",
        "high": "0.45",
        "p_value": "0.01",
        "p_seeds": "0.02",
        "p_adjusted": "0.02",
        "detectable": "0.125",
        "differ_on": "6.5",
        "verdict": "good is better",
    }
    assert [(row["model"], row["letters"]) for row in read(run, "letters")] == [("good", "a"), ("poor", "b")]


def test_calibration_and_baselines_are_there_where_they_were_recorded(run):
    where = {"set": "test", "model": "good"}
    figures = one(read(run, "calibration"), **where)
    one_bin = one(read(run, "calibration_bins"), **where)
    majority, random = (one(read(run, "baselines"), **where, baseline=kind) for kind in ("majority", "random"))

    assert (figures["ece"], figures["temperature"]) == ("0.125", "")
    assert (one_bin["n"], one_bin["mean_score"], one_bin["share_positive"]) == ("13.5", "0.25", "0.5")
    assert (majority["baseline"], majority["accuracy"], majority["f1"]) == ("majority", "0.583333333", "")
    assert (random["accuracy"], random["f1"]) == ("0.5", "0.4")


def test_at_another_share_of_positives_precision_follows_bayes_and_costs_are_expected_ones(run):
    where = ("test", "good", "locked")
    rows = [row for row in read(run, "prevalence") if (row["set"], row["model"], row["point"]) == where]
    row = one(rows, share_positive="0.1")

    # sensitivity .8, specificity .9, 10 % positive: .08 found, .09 false alarms, .02 missed, .81 rightly negative
    assert float(row["precision"]) == pytest.approx(0.08 / 0.17)
    assert float(row["accuracy"]) == pytest.approx(0.89)
    assert float(row["f1"]) == pytest.approx(2 * 0.08 / (2 * 0.08 + 0.02 + 0.09))
    assert float(row["cost_per_image"]) == pytest.approx(0.02 * 10 + 0.09 * 1)
    assert [row["share_positive"] for row in rows] == ["0.01", "0.05", "0.1", "0.2", "0.416666667", "0.5"]
    assert [row["is_own_share"] for row in rows] == ["false"] * 4 + ["true", "false"]


def test_text_that_a_spreadsheet_would_run_is_text_and_comes_back_whole_otherwise(run):
    (broken,) = [row for row in read(run, "parameters") if row["status"] == "failed"]
    classes = {row["class"] for row in read(run, "classes")}

    assert broken["error"] == f"'={ERROR}\nsecond line"
    assert classes == {"fine", HOSTILE_CLASS}  # begins with no formula: HTML, quotes, commas and emoji stay as they are
    assert {row["set"] for row in read(run, "results")} == {"train", "test", HOSTILE_SET}


@pytest.mark.parametrize("name", ["=SUM(1)", "+1", "-1", "@sum", "\tx", " =1", "＝1"])  # noqa: RUF001
def test_a_class_whose_name_is_a_formula_gets_an_apostrophe_in_tables_and_none_in_predictions(name, tmp_path):
    run = SyntheticRun(models={"only": 1.0}, classes=("fine", name), sets={"test": (3, 2)}, seeds=(0,)).write(tmp_path)
    write_tables(run)

    assert {row["class"] for row in read(run, "classes")} == {"fine", f"'{name}"}
    assert name in run.predictions("only", 0, "test", ("fine", name)).y_true


def test_a_table_without_content_is_not_written_and_an_earlier_one_is_removed(tmp_path):
    run = SyntheticRun(models={"only": 1.0}, sets={"test": (3, 2)}, seeds=(0,)).write(tmp_path)
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "comparisons.csv").write_text("of an earlier report")
    (tables / "mine.csv").write_text("a person's own")
    write_tables(run)

    assert not (tables / "comparisons.csv").exists()
    assert not (tables / "letters.csv").exists()
    assert (tables / "mine.csv").read_text() == "a person's own"


def test_a_run_whose_models_failed_has_the_tables_that_are_left(tmp_path):
    run = SyntheticRun(models={}, failed={"broken": ERROR}).write(tmp_path)
    write_tables(run)

    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"parameters.csv", "blocks.csv"}


def test_the_share_of_a_class_without_images_is_empty(run):
    rows = [row for row in read(run, "confusion") if row["set"] == HOSTILE_SET and row["true_class"] == HOSTILE_CLASS]

    assert {row["share_of_class"] for row in rows} == {""}


def test_of_many_classes_pairs_that_never_occur_are_left_out():
    names = tuple(f"class {k}" for k in range(21))
    results = SyntheticRun(models={"only": 5.0}, classes=names, sets={"test": (1,) * 21}, seeds=(0,)).results()
    table = TABLES["confusion"](read_results(results))

    assert 21 <= len(table.rows) < 21 * 21
    assert sum(row[4] for row in table.rows) == 21


def test_damaged_results_are_refused(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"experiment": "x"}))

    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        write_tables(RunDirectory(tmp_path))
