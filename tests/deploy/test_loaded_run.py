"""`kbin.load_run`: a run's folder as tables and figures."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import kbin
from kbin.errors import DataError, ModelFileError, RunFolderError
from kbin.runs import RunDirectory
from tests.report.audited_runs import save_audit
from tests.report.searched_runs import grid
from tests.report.synthetic_runs import NUM_EPOCHS, SyntheticRun

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> RunDirectory:
    return SyntheticRun(failed={"broken": f"no memory {HOSTILE}"}).write(tmp_path_factory.mktemp("runs") / "two")


@pytest.fixture(scope="module")
def run(folder):
    return kbin.load_run(folder.path)


class TestTables:
    def test_metrics_have_a_row_a_set_and_model_and_are_those_of_the_results(self, run, folder):
        metrics = run.metrics.set_index(["set", "model"])
        assert list(metrics.index) == [(name, one) for name in ("test", "validation", "train") for one in run.models]
        recorded = next(one for one in folder.results()["models"] if one["id"] == "poor")["sets"]["test"]
        assert metrics.loc[("test", "poor"), "roc_auc"] == recorded["metrics"]["roc_auc"]
        assert metrics.loc[("test", "poor"), "n"] == 24
        assert metrics["roc_auc"].dtype == np.float64

    def test_every_table_of_the_run_is_a_frame_with_rows(self, run):
        assert {"results", "seeds", "classes", "confusion", "parameters", "times"} <= set(run.tables)
        assert all(len(run.table(name)) for name in run.tables)

    def test_seeds_parameters_and_times_have_their_rows(self, run):
        assert len(run.per_seed) == 3 * 2 * 2
        for table in (run.parameters, run.times):
            assert table.query("model != 'broken'")["model"].tolist() == ["good", "poor"]

    def test_histories_of_all_models_stand_in_one_table(self, run):
        history = run.history
        assert len(history) == 2 * 2 * NUM_EPOCHS
        assert history.groupby(["model", "seed"])["epoch"].apply(list).tolist() == [[1, 2, 3]] * 4

    def test_predictions_are_those_of_the_files_image_by_image(self, run, folder):
        found = run.predictions("validation", model="poor", seed=1)
        wanted = folder.predictions("poor", 1, "validation", run.results.classes)
        assert found["y_score"].tolist() == wanted.y_score.tolist()
        assert found["y_true"].tolist() == wanted.y_true.tolist()
        assert len(run.predictions()) == 24 * 2 * 2
        assert set(run.predictions("train")["set"]) == {"train"}

    def test_of_three_classes_each_has_a_column_of_the_predictions(self, tmp_path):
        several = SyntheticRun(
            models={"only": 1.0}, classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 4, 3)}
        ).write(tmp_path / "three")
        found = kbin.load_run(several.path).predictions()
        assert found[["cat", "dog", "owl"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(24))

    def test_an_audit_has_a_row_a_check_and_there_is_none_without_one(self, run, tmp_path):
        audited = save_audit(SyntheticRun(models={"only": 1.0}).write(tmp_path / "audited"))
        assert {"code", "outcome", "next_step"} <= set(kbin.load_run(audited.path).audit.columns)
        assert "audit" in kbin.load_run(audited.path).tables
        assert isinstance(run.audit, pd.DataFrame)
        assert run.audit.empty
        assert "audit" not in run.tables


class TestPlots:
    @pytest.mark.parametrize("name", ["plot_roc", "plot_precision_recall", "plot_prevalence", "plot_calibration"])
    def test_a_plot_across_models_shows_both_and_names_its_set(self, run, name):
        drawn = getattr(run, name)("validation")
        told = [text.get_text() for text in drawn.findobj(Text)]
        assert any("good" in text for text in told)
        assert any("poor" in text for text in told)
        assert any("validation" in text for text in told)

    def test_a_curve_ends_where_the_predictions_say(self, run):
        found = run.predictions("test", model="good", seed=0)
        positive = found["y_score"][found["y_true"] == "defective"]
        others = found["y_score"][found["y_true"] != "defective"]
        auc = np.mean([(one > other) + 0.5 * (one == other) for one in positive for other in others])
        second = run.predictions("test", model="good", seed=1)
        yes, no = (second["y_score"][(second["y_true"] == "defective") == is_it] for is_it in (True, False))
        mean = (auc + np.mean([(one > other) + 0.5 * (one == other) for one in yes for other in no])) / 2
        legend = [text.get_text() for text in run.plot_roc().axes[0].get_legend().get_texts()]
        assert any(text.startswith(f"good  AUC {mean:.3f}") for text in legend)

    def test_a_trained_model_has_its_confusion_and_its_curves(self, run):
        assert len(run.plot_confusion("good", 1).axes) == 3
        assert "good, seed 1" in run.plot_confusion("good", 1).get_suptitle()
        assert [one.get_ylabel() for one in run.plot_history("poor").axes] == ["Loss", "Accuracy"]

    def test_a_notebook_is_given_the_plot_as_png(self, run):
        assert run.plot_roc()._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"

    def test_a_search_has_its_plot(self, tmp_path):
        searched = SyntheticRun(models={"only": 1.0}).write(tmp_path / "searched")
        searched.save_results(grid().into(searched.results()))
        assert kbin.load_run(searched.path).plot_search().axes

    @pytest.mark.parametrize("name", ["plot_search", "plot_depth"])
    def test_where_there_is_nothing_to_draw_it_is_said(self, run, name):
        with pytest.raises(DataError, match="there is nothing to draw: "):
            getattr(run, name)(*(["good"] if name == "plot_search" else []))


class TestChoice:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda run: run.plot_roc("tst"), "unknown set 'tst'. Did you mean 'test'"),
            (lambda run: run.predictions("tst"), "unknown set 'tst'"),
            (lambda run: run.predictions(model="god"), "unknown model 'god'. Did you mean 'good'"),
            (lambda run: run.plot_history(), "name one of the 2 models of .*: good, poor"),
            (lambda run: run.plot_history("good", 7), "good was not trained with seed 7; its seeds: 0, 1"),
            (lambda run: run.plot_history("broken"), "unknown model 'broken'"),
            (lambda run: run.table("metric"), "unknown table 'metric'"),
        ],
    )
    def test_a_name_that_the_run_has_not_is_answered_with_those_it_has(self, run, call, message):
        with pytest.raises(DataError, match=message):
            call(run)

    @pytest.mark.parametrize("name", ["absent", "empty"])
    def test_a_folder_that_is_no_run_is_told_so(self, tmp_path, name):
        (tmp_path / "empty").mkdir()
        with pytest.raises(RunFolderError, match=r"has no readable results\.json.*give a folder that `kbin run` made"):
            kbin.load_run(tmp_path / name)

    def test_a_model_that_is_not_there_is_told_with_its_path(self, run):
        with pytest.raises(ModelFileError, match=r"good/seed-0/model\.keras does not exist"):
            run.model("good")


def test_the_summary_in_a_notebook_has_the_numbers_and_names_as_text(tmp_path):
    hostile = SyntheticRun(failed={"broken": HOSTILE}).write(tmp_path / "hostile")
    results = hostile.results()
    results["experiment"] = HOSTILE
    hostile.save_results(results)
    shown = kbin.load_run(hostile.path)._repr_html_()
    assert "<script>" not in shown
    assert shown.count("&lt;script&gt;") == 2
    auc = next(one for one in results["models"] if one["id"] == "good")["sets"]["test"]["metrics"]["roc_auc"]
    assert f"{auc:.3f}" in shown
    assert "ROC AUC" in shown


def test_it_reads_and_draws_without_keras(folder):
    script = (
        "import sys, kbin; run = kbin.load_run(sys.argv[1]); run.metrics; run.history; run.plot_roc(); "
        "print(repr(run), sorted({'keras', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder.path)], capture_output=True, text=True, check=False)
    assert done.stdout == f"<run 'synthetic' in {folder.path}: 2 models, sets test, validation, train> []\n", (
        done.stderr
    )
