import csv
import json
import random

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kbin.errors import RunFolderError
from kbin.report.compared_runs import read_runs
from kbin.report.comparison_words import differing_sets, same_images
from kbin.report.shared_sets import read_shared_scores, shared_sets
from kbin.runs import RunDirectory
from tests.report.synthetic_runs import SyntheticRun

SETS = {"train": (8, 6), "test": (14, 10)}
ONE = {"models": {"only": 1.0}, "seeds": (0,)}


@pytest.fixture
def folders(tmp_path):
    """Writes runs into folders a, b, ... and returns them."""

    def write(*runs: SyntheticRun) -> list[RunDirectory]:
        return [run.write(tmp_path / name) for name, run in zip("abcd", runs, strict=False)]

    return write


def rewrite(path, change):
    """Changes the rows of a predictions file."""
    with path.open(encoding="utf-8", newline="") as stream:
        names, *rows = list(csv.reader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([names, *change(rows)])


def test_the_same_images_in_another_order_are_one_set_and_scores_go_with_their_images(folders):
    first, second = folders(SyntheticRun(sets=SETS, **ONE), SyntheticRun(sets=SETS, models={"other": 1.5}, seeds=(0,)))
    path = second.model_folder("other", 0) / "predictions" / "test.csv"
    rewrite(path, lambda rows: random.sample(rows, len(rows)))
    runs = read_runs([first, second])
    test, _ = shared_sets(runs)
    scores = read_shared_scores(test)

    assert [run.label for run in test.runs] == ["a", "b"]
    assert same_images(test, runs) == "The same images in both runs."
    np.testing.assert_array_equal(scores["only"][0].y_true, scores["other"][0].y_true)
    for run, name in ((first, "only"), (second, "other")):
        area = roc_auc_score(scores[name][0].y_true, scores[name][0].y_probability)
        assert area == pytest.approx(run.results()["models"][0]["sets"]["test"]["metrics"]["roc_auc"])


def test_sets_that_share_some_images_are_two_sets_and_the_shared_ones_are_counted(folders):
    other = {"train": (8, 6), "test": (12, 14)}
    runs = read_runs(folders(SyntheticRun(sets=SETS, **ONE), SyntheticRun(sets=other, **ONE)))
    sets = shared_sets(runs)

    assert [(one.name, len(one.runs)) for one in sets] == [("test", 1), ("test", 1), ("train", 2)]
    # Images 0-11 are of the first class in both, 12 and 13 in the first run alone, 14-23 of the second class in both.
    assert differing_sets(sets) == [
        "“test” is not the same set in a and in b: 24 images in a, 26 in b, 22 of them in both, 2 more are in both "
        "with another class. Their models are not tested against each other: a difference may come from the images."
    ]
    assert same_images(sets[0], runs) == "In a alone."


def test_a_set_with_another_positive_class_is_another_set(folders):
    flipped = SyntheticRun(classes=("defective", "functional"), sets=SETS, **ONE)
    sets = shared_sets(read_runs(folders(SyntheticRun(sets=SETS, **ONE), flipped)))

    assert [len(one.runs) for one in sets] == [1, 1, 1, 1]
    assert "the positive class is “defective” in a, “functional” in b" in differing_sets(sets)[0]


def test_a_set_with_other_classes_is_another_set(folders):
    three = SyntheticRun(classes=("cat", "dog", "owl"), sets={"test": (5, 4, 3)}, **ONE)
    sets = shared_sets(read_runs(folders(SyntheticRun(sets={"test": (5, 4)}, **ONE), three)))

    (sentence,) = differing_sets(sets)
    assert "the classes are functional and defective in a, cat, dog and owl in b" in sentence


def test_classes_in_another_order_are_the_same_classes(folders, tmp_path):
    plan = SyntheticRun(classes=("cat", "dog", "owl"), sets={"test": (5, 4, 3)}, models={"x": 1.0}, seeds=(0,))
    first, second = folders(plan, plan)
    results = second.results()
    results["classes"] = ["owl", "cat", "dog"]
    (second.path / "results.json").write_text(json.dumps(results))
    (test,) = shared_sets(read_runs([first, second]))
    scores = list(read_shared_scores(test).values())

    assert len(test.runs) == 2
    np.testing.assert_array_equal(scores[0][0].y_true, scores[1][0].y_true)
    np.testing.assert_array_equal(scores[0][0].y_probability, scores[1][0].y_probability)


def test_groups_are_those_of_the_images_whatever_their_names(folders):
    first, second = folders(SyntheticRun(sets={"test": (2, 2)}, **ONE), SyntheticRun(sets={"test": (2, 2)}, **ONE))
    ids = [f"test-{index}" for index in range(4)]
    first.save_groups({"test": (ids, ["p", "q", "p", "q"])})
    second.save_groups({"test": (ids, ["1", "2", "1", "2"])})
    runs = read_runs([first, second])
    (test,) = shared_sets(runs)

    assert test.groups == ("p", "q", "p", "q")
    assert not test.groupings_differ
    assert "They come in 2 groups" in same_images(test, runs)

    second.save_groups({"test": (ids, ["1", "1", "2", "2"])})
    (test,) = shared_sets(runs)
    assert (test.groups, test.groupings_differ) == (None, True)


def test_predictions_of_other_images_than_those_of_the_first_model_are_refused(folders):
    plan = SyntheticRun(sets={"test": (3, 3)}, seeds=(0,))
    runs = folders(plan, plan)
    path = runs[1].model_folder("poor", 0) / "predictions" / "test.csv"
    rewrite(path, lambda rows: [["stranger", *rows[0][1:]], *rows[1:]])
    (test,) = shared_sets(read_runs(runs))

    with pytest.raises(RunFolderError, match="the predictions of poor, seed 0, on test are of other images"):
        read_shared_scores(test)


class TestNames:
    def test_models_whose_ids_clash_have_their_runs_label_before_them(self, folders):
        first, second = folders(
            SyntheticRun(models={"same": 1.0, "mine": 1.0}, sets={"test": (3, 3)}, seeds=(0,)),
            SyntheticRun(models={"same": 1.0}, sets={"test": (3, 3)}, seeds=(0,)),
        )
        runs = read_runs([first, second])

        assert [[one.name for one in run.models] for run in runs] == [["a / same", "mine"], ["b / same"]]

    def test_a_run_is_called_after_its_experiment_unless_others_have_the_same_name(self, folders):
        plan = SyntheticRun(sets={"test": (3, 3)}, **ONE)
        runs = folders(plan, plan, plan)
        results = runs[2].results() | {"experiment": "cells"}
        runs[2].save_results(results)

        assert [run.label for run in read_runs(runs)] == ["a", "b", "cells"]

    def test_folders_of_one_name_are_called_by_their_whole_path(self, tmp_path):
        plan = SyntheticRun(sets={"test": (3, 3)}, **ONE)
        runs = [plan.write(tmp_path / place / "run") for place in ("x", "y")]

        assert [run.label for run in read_runs(runs)] == [str(tmp_path / "x" / "run"), str(tmp_path / "y" / "run")]

    def test_a_run_given_twice_is_refused(self, folders, tmp_path):
        (run,) = folders(SyntheticRun(sets={"test": (3, 3)}, **ONE))

        with pytest.raises(RunFolderError, match=r"the run \S*/a is given 2 times: .* give it once"):
            read_runs([run, RunDirectory(tmp_path / "." / "b" / ".." / "a")])

    def test_a_damaged_run_is_named(self, folders):
        runs = folders(SyntheticRun(sets={"test": (3, 3)}, **ONE), SyntheticRun(sets={"test": (3, 3)}, **ONE))
        (runs[1].path / "results.json").write_text("{}")

        with pytest.raises(RunFolderError, match=r"/b: results\.json is damaged"):
            read_runs(runs)
