import json
import shutil

import pytest

from kbin import run_writing
from kbin.errors import RunFolderError
from kbin.report import plots
from kbin.report.plots import draw_plots
from kbin.runs import RunDirectory
from tests.report.conftest import HOSTILE_SET
from tests.report.synthetic_runs import SyntheticRun


@pytest.fixture
def drawn(monkeypatch):
    """Collects figures by path instead of saving them, which takes most of the time."""
    figures = {}
    monkeypatch.setattr(run_writing, "save_figure", lambda figure, path, root: figures.update({path: figure}))
    return figures


def _titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_each_set_has_a_plot_across_models_and_each_trained_model_has_its_own(everything: RunDirectory):
    across = {f"{kind}-{name}" for kind in ("roc", "precision_recall") for name in ("validation", "test", HOSTILE_SET)}
    across |= {"prevalence-test", "cost-test"}  # a set with one class has no specificity or no sensitivity
    across |= {"calibration-test", f"calibration-{HOSTILE_SET}"}
    own = {"roc", "precision_recall", "confusion", "learning_curves"}

    def stems(folder, suffix):
        return {path.name.removesuffix(suffix) for path in folder.iterdir() if path.name.endswith(suffix)}

    for suffix in (".png", ".svg"):
        assert stems(everything.path / "plots", suffix) == across
        for model_id in ("good", "poor"):
            for seed in (0, 1):
                assert stems(everything.model_folder(model_id, seed) / "plots", suffix) == own


def test_a_failed_model_has_no_plots(everything: RunDirectory):
    assert not (everything.path / "models" / "broken").exists()


def test_names_of_other_peoples_making_fit_into_every_plot_without_a_warning(everything, drawn):
    draw_plots(everything, everything.results())

    own = everything.model_folder("good", 0) / "plots"
    for path in (*own.glob("*.png"), everything.plot_path(f"roc-{HOSTILE_SET}"), everything.plot_path("roc-test")):
        drawn[path].draw_without_rendering()  # warnings are errors here


def test_the_legend_says_each_models_mean_and_spread(everything, drawn):
    draw_plots(everything, everything.results())
    legend = _legend(drawn[everything.plot_path("roc-test")].axes[0])

    for model in everything.results()["models"][:2]:
        entry = model["sets"]["test"]
        auc = f"{entry['metrics']['roc_auc']:.3f} ± {entry['spread']['roc_auc']:.3f}"
        assert f"{model['id']}  AUC {auc} (2 seeds)" in legend


def test_a_trained_models_curves_show_every_set_with_the_numbers_of_its_seed(two_seeds, drawn):
    run = two_seeds
    draw_plots(run, run.results())
    sets = run.results()["models"][0]["sets"]

    for kind, short, metric in (("roc", "AUC", "roc_auc"), ("precision_recall", "AP", "average_precision")):
        ax = drawn[run.plot_path(kind, "only", 1)].axes[0]
        for name in ("train", "validation", "test"):
            assert f"{name}  {short} {sets[name]['per_seed'][1]['metrics'][metric]:.3f}" in _legend(ax)
        assert [text.get_text() for text in ax.texts] == ["positive: defective"]


def test_confusion_is_drawn_at_the_seeds_threshold(two_seeds, drawn):
    run = two_seeds
    draw_plots(run, run.results())
    entry = run.results()["models"][0]["sets"]["test"]["per_seed"][1]
    figure = drawn[run.plot_path("confusion", "only", 1)]
    counts = [text.get_text().split("\n")[0] for text in figure.axes[2].texts if "\n" in text.get_text()]

    assert figure.get_suptitle() == f"Confusion: only, seed 1, threshold {entry['threshold']:.3f}"
    assert _titles(figure)[2] == "test"
    assert counts == [str(count) for row in entry["confusion"] for count in row]


def test_learning_curves_mark_an_epoch_that_was_kept_before_the_last(two_seeds, drawn):
    run = two_seeds
    results = run.results()
    draw_plots(run, results)
    figure = drawn[run.plot_path("learning_curves", "only", 0)]
    assert _titles(figure) == ["Loss by epoch", "Accuracy by epoch"]
    assert "kept (epoch 2)" in _legend(figure.axes[0])

    results["models"][0]["epoch"] = [3, 3]
    draw_plots(run, results)
    assert _legend(drawn[run.plot_path("learning_curves", "only", 0)].axes[0]) == ["training", "validation"]


def test_other_shares_of_positives_are_drawn_from_the_mean_rates(two_seeds, drawn):
    draw_plots(two_seeds, two_seeds.results())
    metrics = two_seeds.results()["models"][0]["sets"]["test"]["metrics"]
    figure = drawn[two_seeds.plot_path("prevalence-test")]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]

    assert _titles(figure) == ["test: precision", "test: accuracy", "test: F1"]
    assert legend[0] == f"only  sensitivity {metrics['recall']:.3f}, specificity {metrics['specificity']:.3f}"
    assert "this set's share of positives, 41.7%" in legend


def test_calibration_is_drawn_of_the_shown_sets_with_the_recorded_error(two_seeds, drawn):
    results = two_seeds.results()
    draw_plots(two_seeds, results)
    figure = drawn[two_seeds.plot_path("calibration-test")]
    calibration = results["models"][0]["sets"]["test"]["calibration"]
    line = figure.axes[0].lines[1]

    assert _titles(figure) == ["test: calibration"]
    assert list(line.get_xdata()) == [one["mean_score"] for one in calibration["bins"]]
    assert list(line.get_ydata()) == [one["share"] for one in calibration["bins"]]
    assert f"only  ECE {calibration['ece']:.3f}" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert two_seeds.plot_path("calibration-validation") not in drawn
    figure.draw_without_rendering()  # warnings are errors here


def test_results_of_an_earlier_version_without_calibration_have_no_such_plot(two_seeds, drawn):
    results = two_seeds.results()
    for entry in results["models"][0]["sets"].values():
        del entry["calibration"], entry["baselines"]
    draw_plots(two_seeds, results)
    assert two_seeds.plot_path("calibration-test") not in drawn
    assert two_seeds.plot_path("prevalence-test") in drawn


def test_a_backbone_at_several_depths_has_a_plot_of_its_metrics_over_trainable_parameters(tmp_path, drawn):
    run = SyntheticRun(models={"d1": 1.0, "d2": 1.5, "whole": 2.0}, depths={"d2": 2, "whole": "all"}).write(tmp_path)
    results = run.results()
    draw_plots(run, results)
    figure = drawn[run.plot_path("depth-test")]
    areas = [model["sets"]["test"]["metrics"]["roc_auc"] for model in results["models"]]

    assert _titles(figure) == ["test: ROC AUC", "test: accuracy"]
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [1_281, 5_000, 12_345]
    assert list(line.get_ydata()) == pytest.approx(areas)
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["1", "2", "all"]
    figure.draw_without_rendering()  # warnings are errors here


def test_curves_across_models_have_means_bands_and_the_operating_point_of_the_results(everything, drawn):
    draw_plots(everything, everything.results())
    ax = drawn[everything.plot_path("roc-test")].axes[0]
    assert "shaded: 95% over images" in ax.texts[0].get_text()
    assert len(ax.collections) == 2  # a band a model
    marked = [(*line.get_xdata(), *line.get_ydata()) for line in ax.lines if len(line.get_xdata()) == 1]
    expected = [
        (1 - model["sets"]["test"]["metrics"]["specificity"], model["sets"]["test"]["metrics"]["recall"])
        for model in everything.results()["models"][:2]
    ]
    assert marked == [pytest.approx(pair) for pair in expected]


def test_more_than_four_models_have_no_bands_and_promise_none(tmp_path, drawn):
    run = SyntheticRun(models={f"m{k}": 1.0 for k in range(5)}, sets={"test": (12, 12)}).write(tmp_path)
    draw_plots(run, run.results())
    for kind in ("roc", "precision_recall"):
        ax = drawn[run.plot_path(f"{kind}-test")].axes[0]
        assert not ax.collections
        assert "shaded" not in ax.texts[0].get_text()


def test_accuracy_against_cost_is_drawn_of_the_main_set_for_two_models_or_more(everything, two_seeds, drawn):
    draw_plots(everything, everything.results())
    figure = drawn[everything.plot_path("cost-test")]
    assert _titles(figure) == ["test: ROC AUC and time", "test: ROC AUC and trainable parameters"]
    areas = [model["sets"]["test"]["metrics"]["roc_auc"] for model in everything.results()["models"][:2]]
    assert [line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1] == areas
    draw_plots(two_seeds, two_seeds.results())
    assert two_seeds.plot_path("cost-test") not in drawn


def test_three_classes_have_a_panel_a_class_across_models_and_a_curve_a_class_for_each(small, drawn):
    draw_plots(small, small.results())

    subtitles = [ax.texts[0].get_text() for ax in drawn[small.plot_path("roc-test")].axes]
    assert subtitles == [f"positive: {name} ({n} of 12 images)" for name, n in (("cat", 5), ("dog", 4), ("owl", 3))]
    own = drawn[small.plot_path("roc", "only", 3)]
    assert _titles(own) == ["ROC on train", "ROC on test"]
    assert [line.split("  ")[0] for line in _legend(own.axes[1])] == ["cat", "dog", "owl", "guessing"]


def test_many_classes_are_cut_to_what_can_be_read_and_say_so(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(plots, "MOST_CLASSES_WITH_CURVES", 2)
    monkeypatch.setattr(plots, "MOST_CLASSES_IN_CONFUSION", 2)
    run = SyntheticRun(models={"only": 1.0}, classes=("cat", "dog", "owl"), sets={"test": (5, 4, 3)}, seeds=(0,)).write(
        tmp_path / "run"
    )
    draw_plots(run, run.results())
    figure = drawn[run.plot_path("roc-test")]

    assert len(figure.axes) == 2
    assert figure.get_suptitle() == "The first 2 of 3 classes"
    assert run.plot_path("confusion", "only", 0) not in drawn


def test_a_run_in_which_every_model_failed_has_no_plots(tmp_path, drawn):
    run = SyntheticRun(models={}, failed={"broken": "no memory"}).write(tmp_path / "run")
    draw_plots(run, run.results())

    assert drawn == {}


def _lines(run, change):
    path = run.path / "models" / "only" / "seed-3" / "predictions" / "test.csv"
    path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], r"predictions of only, seed 3, on test are damaged: 11 images, but .* counts 12"),
        (lambda lines: lines[:1], "0 images"),
        (lambda lines: lines[1:], "damaged"),
        (lambda lines: [lines[0], lines[1].replace("cat", "elk"), *lines[2:]], "class 'elk' is none of cat, dog, owl"),
        (
            lambda lines: [lines[0], lines[1].rpartition(",")[0] + ",1.5", *lines[2:]],
            "probabilities must lie between 0 and 1",
        ),
        (lambda lines: [lines[0], lines[1].rpartition(",")[0] + ",nan", *lines[2:]], "probabilities must lie between"),
        (lambda lines: [lines[0], lines[1].rpartition(",")[0] + ",high", *lines[2:]], "damaged"),
    ],
)
def test_damaged_predictions_are_refused(small, drawn, change, message):
    _lines(small, change)

    with pytest.raises(RunFolderError, match=message):
        draw_plots(small, small.results())


def test_missing_predictions_are_named(small, drawn):
    shutil.rmtree(small.path / "models" / "only" / "seed-3" / "predictions")

    with pytest.raises(RunFolderError, match=r"no readable models/only/seed-3/predictions/test\.csv"):
        draw_plots(small, small.results())


def test_a_history_without_epochs_is_refused(small, drawn):
    (small.path / "models" / "only" / "seed-3" / "history.csv").write_text("epoch,loss\n", encoding="utf-8")

    with pytest.raises(RunFolderError, match="the history of only, seed 3 is damaged"):
        draw_plots(small, small.results())


def test_results_of_another_kind_are_refused(small):
    (small.path / "results.json").write_text(json.dumps({"models": []}), encoding="utf-8")

    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        draw_plots(small, small.results())
