import copy

import pytest

from kbin.errors import RunFolderError
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun

RESULTS = SyntheticRun(failed={"broken": "no"}).results()


def _changed(change):
    results = copy.deepcopy(RESULTS)
    change(results)
    return results


def test_a_runs_results_are_read_as_they_are():
    recorded = read_results(RESULTS)

    assert [model.id for model in recorded.done] == ["good", "poor"]
    assert [model.id for model in recorded.failed] == ["broken"]
    assert recorded.num_seeds == 2
    assert recorded.models[0].sets["test"].metrics == RESULTS["models"][0]["sets"]["test"]["metrics"]


def test_what_a_later_version_adds_is_left_alone():
    def add(results):
        results["later"] = 1
        results["models"][0]["sets"]["test"]["intervals"] = {"roc_auc": [0.1, 0.9]}

    assert read_results(_changed(add)).done[0].id == "good"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("models"), r"results.json is damaged.*models: Field required.*give a folder that `kbin run`"),
        (lambda r: r["models"][0].pop("backbone"), r"models\.0\.backbone: Field required"),
        (lambda r: r["models"][1]["sets"]["test"]["metrics"].update(f1="high"), r"models\.1\.sets\.test\.metrics\.f1"),
        (lambda r: r["models"][0]["sets"]["test"]["metrics"].update(f1=float("nan")), "finite number"),
        (lambda r: r["models"][0].update(sets={}), "a finished model has results on every set"),
        (lambda r: r["models"][0]["sets"].pop("train"), "model 'good' has not the sets of the run"),
        (lambda r: r["models"][0]["sets"]["test"]["per_seed"].pop(), "the seeds of set 'test' are not those"),
        (lambda r: r["models"][0]["sets"]["test"]["per_class"].pop("defective"), "has not the classes of the run"),
        (lambda r: r["models"][0]["sets"]["test"].update(confusion=[[1, 2]]), "needs a 2 x 2 confusion matrix"),
        (lambda r: r.update(positive=None), "one of two classes is the positive one"),
        (lambda r: r.update(positive="elsewhere"), "one of two classes is the positive one"),
        (lambda r: r["sets"]["test"]["counts"].pop("defective"), "every set counts the images of every class"),
        (lambda r: r["models"][0].update(id="../../etc"), "becomes a folder's name"),
        (lambda r: r["sets"].update({"../up": r["sets"]["test"]}), "'../up' cannot be the name of a set"),
        (lambda r: r["sets"].update({".": r["sets"]["test"]}), r"'\.' cannot be the name of a set"),
        (lambda r: r["sets"].update({"..": r["sets"]["test"]}), r"'\.\.' cannot be the name of a set"),
        (lambda r: r["sets"].update({"a\0": r["sets"]["test"]}), r"'a\\x00' cannot be .*that cannot be printed"),
        (lambda r: r["sets"].update({"a\ud800": r["sets"]["test"]}), r"'a\\ud800' cannot be .*that cannot be printed"),
        (
            lambda r: r["sets"].update({"ä" * 101: r["sets"]["test"]}),
            r"'ä{20}\.\.\.' cannot be .*too long for a file's name",
        ),
        (lambda r: r["models"].append(r["models"][0]), "two models have the id 'good'"),
        (lambda r: r["models"].extend(2 * [r["models"][0]]), "3 models have the id 'good'"),
    ],
)
def test_damage_is_named_with_its_place(change, message):
    with pytest.raises(RunFolderError, match=message):
        read_results(_changed(change))


@pytest.mark.parametrize("name", ["a b", "Universität", "站点", "a\u00a0b", "ä" * 100, "..."])
def test_other_names_of_sets_are_read(name):
    assert name in read_results(SyntheticRun(sets={"train": (5, 5), name: (5, 5)}).results()).sets


BIN = {"low": 0.0, "high": 0.1, "n": -1.0, "mean_score": 0.05, "share": 0.0}
CALIBRATION = {"ece": 0.1, "brier": 0.1, "log_loss": 0.1, "bins": [BIN]}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda r: r["models"][0]["parameters"].update(trainable=-1), r"models\.0\.parameters\.trainable"),
        (lambda r: r["models"][0]["blocks"][0].update(statistics=-1), r"models\.0\.blocks\.0\.statistics"),
        (lambda r: r["models"][0]["seconds"].update(training=-1.0), r"models\.0\.seconds\.training"),
        (lambda r: r.update(seconds=-1.0), "seconds"),
        (lambda r: r["sets"]["test"]["counts"].update(defective=-1), r"sets\.test\.counts\.defective"),
        (lambda r: _test_set(r)["per_class"]["defective"].update(n=-1), r"per_class\.defective\.n"),
        (lambda r: _test_set(r)["confusion"][0].__setitem__(1, -0.5), r"sets\.test\.confusion\.0\.1"),
        (lambda r: _test_set(r)["per_seed"][0]["confusion"][0].__setitem__(1, -1), r"per_seed\.0\.confusion\.0\.1"),
        (lambda r: _test_set(r)["spread"].update(f1=-0.1), r"spread\.f1"),
        (lambda r: _test_set(r).update(calibration=CALIBRATION), r"calibration\.bins\.0\.n"),
    ],
)
def test_a_negative_number_of_what_is_counted_is_refused(change, place):
    with pytest.raises(RunFolderError, match=rf"{place}: Input should be greater than or equal to 0"):
        read_results(_changed(change))


def test_a_number_of_images_that_fits_no_array_is_refused():
    with pytest.raises(RunFolderError, match=r"counts\.defective: Input should be less than"):
        read_results(_changed(lambda r: r["sets"]["test"]["counts"].update(defective=10**30)))


def _test_set(results):
    return results["models"][0]["sets"]["test"]


def test_test_sets_are_read_before_validation_and_training():
    sets = {"train": (5, 5), "validation": (5, 5), "mono": (5, 5), "test": (5, 5)}
    recorded = read_results(SyntheticRun(sets=sets).results())

    assert recorded.reading_order == ("mono", "test", "validation", "train")
    assert recorded.main_set == "test"


@pytest.mark.parametrize(
    ("names", "main"),
    [(("train", "poly", "mono"), "poly"), (("train", "validation"), "validation"), (("train",), "train")],
)
def test_without_a_test_set_the_summary_speaks_of_what_comes_nearest(names, main):
    recorded = read_results(SyntheticRun(sets=dict.fromkeys(names, (5, 5))).results())

    assert recorded.main_set == main
    assert recorded.shown_sets[0] == main
