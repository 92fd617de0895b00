import copy
from types import SimpleNamespace

import pytest

from kbin.config.search import SearchConfig
from kbin.errors import RunFolderError
from kbin.metric_names import metric_row
from kbin.report.recorded import read_results
from kbin.report.recorded_search import sorted_best_first
from kbin.search import plan
from tests.report.searched_runs import ALIKE, EPOCHS, PLAIN_FOLDS, RATE, Searched, Tried, around, grid, one_setting
from tests.report.synthetic_runs import SyntheticRun

RUN = SyntheticRun(models={"only": 1.0}, failed={"broken": "no memory"})


def _read(searched, change=lambda results: None):
    results = searched.into(RUN.results())
    del results["models"][1]["search"]
    change(results)
    return read_results(results)


def test_a_search_is_read_as_it_is():
    recorded = _read(grid(notes=(ALIKE, PLAIN_FOLDS)))
    search, found = recorded.search, recorded.models[0].search

    assert (search.score, search.folds, search.num_trials, search.num_combinations) == ("accuracy", 5, 80, 16)
    assert search.keys == (RATE, EPOCHS)
    assert found.chosen_combination.settings == {RATE: 1e-3, EPOCHS: 9}
    assert found.chosen_combination.mean == pytest.approx(0.98)
    assert (found.num_within, found.num_compared) == (2, 16)
    assert [model.id for model, _ in recorded.searched] == ["only"]


def test_a_run_without_a_search_has_none():
    recorded = read_results(RUN.results())

    assert recorded.search is None
    assert recorded.searched == ()


def test_plain_folds_are_a_warning_and_other_notes_are_not():
    search = _read(grid(notes=(ALIKE, PLAIN_FOLDS))).search

    assert search.warnings == (PLAIN_FOLDS,)
    assert search.remarks == (ALIKE,)


def test_the_note_that_a_plan_writes_of_plain_folds_is_taken_for_a_warning():
    config = SimpleNamespace(data=SimpleNamespace(split=SimpleNamespace(group=None)))
    sets = {"train": SimpleNamespace(columns={"group": ()}, classes=("a", "b"))}
    notes = plan._notes(config, SearchConfig(score="roc_auc"), sets, None)

    assert _read(grid(notes=notes)).search.warnings == tuple(notes) != ()


def test_a_model_that_was_only_searched_has_neither_results_nor_failed():
    recorded = _read(grid(refit=False))

    assert recorded.models[0].status == "done"
    assert recorded.done == ()
    assert [model.id for model in recorded.failed] == ["broken"]
    assert recorded.num_seeds == 0
    assert [model.id for model, _ in recorded.searched] == ["only"]


def test_a_model_that_is_left_out_of_the_search_keeps_its_results_beside_those_that_were_only_searched():
    run = SyntheticRun(models={"baseline": 1.0, "searched": 1.0})
    results = run.results()
    baseline = copy.deepcopy(results["models"][0])
    grid(refit=False).into(results)
    results["models"][0] = baseline
    recorded = read_results(results)

    assert [model.id for model in recorded.done] == ["baseline"]
    assert recorded.failed == ()


def _tried(*means):
    return Searched([Tried({EPOCHS: place}, around(value)) for place, value in enumerate(means)])


@pytest.mark.parametrize(("score", "order"), [("accuracy", [1, 2, 0]), ("log_loss", [0, 2, 1])])
def test_the_best_comes_first_whichever_way_is_better(score, order):
    found = _read(_tried(0.2, 0.9, 0.5)).models[0].search

    assert sorted_best_first(found, metric_row(score)) == order


def test_what_has_no_mean_comes_last_and_of_equal_means_the_chosen_one_first():
    failed = Tried({EPOCHS: 0}, [None] * 5, ["RuntimeError: no"])
    searched = Searched([failed, *(Tried({EPOCHS: n}, around(0.9)) for n in (1, 2, 3))], chosen=2)
    found = _read(searched).models[0].search

    assert sorted_best_first(found, metric_row("accuracy")) == [2, 1, 3, 0]


def _search(results):
    return results["models"][0]["search"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: _search(r).update(best=16), "'best' is 16, but there are 16 combinations"),
        (lambda r: _search(r).update(chosen=-1), "greater than or equal to 0"),
        (lambda r: _search(r).update(chosen=None), "'best' and 'chosen' are both there, or neither"),
        (lambda r: _search(r)["combinations"][7].update(mean=None), "'best' is a combination without a mean"),
        (lambda r: _search(r)["combinations"][0]["scores"].pop(), "needs 5 scores a combination, got 4"),
        (lambda r: _search(r)["combinations"][0].update(mean=float("nan")), "finite number"),
        (lambda r: _search(r)["combinations"].pop(), "has not the 80 trials of the run"),
        (lambda r: _search(r)["combinations"][0]["settings"].pop(RATE), "has not the settings of the run"),
        (lambda r: r["search"].update(score="acuracy"), "unknown metric 'acuracy'"),
        (lambda r: r["search"].pop("num_trials"), r"search\.num_trials: Field required"),
        (lambda r: r.pop("search"), "model 'only' was searched, but the run says of no search"),
        (lambda r: r["models"][0].update(sets={}, epoch=[]), "although the search trains anew"),
    ],
)
def test_damage_is_named(change, message):
    with pytest.raises(RunFolderError, match=message):
        _read(grid(), change)


def test_a_finished_model_without_results_and_without_a_search_is_damage():
    def change(results):
        results["models"][0].update(sets={}, epoch=[])
        del results["models"][0]["search"]

    with pytest.raises(RunFolderError, match="a finished model has results on every set"):
        _read(one_setting(refit=False), change)
