import re
from pathlib import Path

import pytest

from kbin.config.search import with_settings
from kbin.errors import ConfigError
from kbin.experiment_file import dump_experiment
from tests.experiment_texts import SMALLEST, Load, loader


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loader(tmp_path)


def searching(settings: str) -> str:
    return f"{SMALLEST}search: {settings}\n"


def test_there_is_no_search_unless_one_is_asked_for(load):
    assert load().search is None


def test_a_search_has_defaults_for_everything(load):
    search = load(searching("{}")).search
    assert (search.folds, search.repeats, search.score, search.select, search.refit) == (5, 1, "accuracy", "best", True)


def test_the_grid_of_the_design_is_read(load):
    search = load(
        searching("{folds: 5, score: accuracy, grid: {training.learning_rate: [1e-4, 1e-3], training.epochs: [3, 5]}}")
    ).search
    assert search.keys == ("training.learning_rate", "training.epochs")
    assert search.grid["training.learning_rate"] == (0.0001, 0.001)


def test_what_is_written_is_read_again_as_the_same(load, tmp_path):
    text = searching(
        "{random: {training.learning_rate: {low: 1e-5, high: 0.1, log: true}, head.hidden_units: [[], [64]],"
        " training.class_weight: [null, balanced], training.early_stopping: [null, 3]}, num_combinations: 7}"
    )
    config = load(text)
    assert load(dump_experiment(config)).search == config.search


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{grid: {training.learning_rat: [1]}}", "unknown setting to search 'training.learning_rat'. Did you mean"),
        ("{grid: {training.seeds: [1]}}", "unknown setting to search 'training.seeds'"),
        ("{grid: {training.learning_rate: 1e-3}}", "give a list of values, got 0.001"),
        (
            "{grid: {training.learning_rate: [-1]}}",
            "training.learning_rate: -1 is not allowed: Input should be greater",
        ),
        ("{grid: {training.epochs: [3, 3]}}", "training.epochs: 3 is given twice"),
        ("{grid: {head.hidden_units: [64]}}", "write a list of lists"),
        ("{grid: {train_blocks: [0, 99]}}", "train_blocks: 99 does not go with EfficientNetLite0-searched"),
        ("{grid: {train_blocks: [0], train_from: [top]}}", "search `train_blocks` or `train_from`, not both"),
        ("{grid: {training.epochs: [3]}, random: {training.epochs: [3]}}", "give `grid` or `random`, not both"),
        ("{num_combinations: 3}", "`num_combinations` belongs to `random`"),
        ("{random: {training.learning_rate: {low: 1, high: 1}}}", "low must be below high, got 1 and 1"),
        ("{random: {head.dropout: {low: 0, high: 0.5, log: true}}}", "log: true needs a low above 0, got 0"),
        ("{random: {head.dropout: {low: 0.5, high: 1.5}}}", "head.dropout: 1.5 is not allowed"),
        ("{score: majority_accuracy}", "unknown metric 'majority_accuracy'"),
        ("{random: {training.epochs: {low: 1, high: 100000000000000}}}", "search.random.training.epochs.high"),
        ("{random: {training.epochs: {low: true, high: 3}}}", "search.random.training.epochs.low"),
        ("{grid: {training.epochs: [null, 3]}}", "training.epochs: null would change nothing"),
        ("{folds: 1}", "search.folds"),
        ("{select: simplest}", "search.select"),
    ],
)
def test_a_fault_says_what_is_allowed(load, settings, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(searching(settings))


def test_a_setting_that_a_stage_has_fixed_cannot_be_searched(load):
    text = SMALLEST + "    id: gradual\n    stages: [{train_blocks: 0, epochs: 2}, {train_blocks: 1}]\n"
    with pytest.raises(ConfigError, match=r"training.epochs is searched, but a stage of gradual sets it"):
        load(f"{text}search: {{grid: {{training.epochs: [3, 5]}}}}\n")


def test_a_combination_takes_the_place_of_the_models_own_settings(load):
    model = load(SMALLEST + "    training: {learning_rate: 1e-2, epochs: 4}\n    head: {dropout: 0.3}\n").models[0]
    changed = with_settings(model, {"training.learning_rate": 1e-4, "head.hidden_units": [64], "train_blocks": 1})
    assert (changed.training.learning_rate, changed.training.epochs) == (1e-4, 4)
    assert (changed.head.hidden_units, changed.head.dropout) == ((64,), 0.3)
    assert changed.train_blocks == 1
    assert changed.id == model.id


def test_a_searched_depth_takes_the_place_of_a_cut_point(load):
    model = load(SMALLEST + "    train_from: block7\n").models[0]
    assert with_settings(model, {"train_blocks": 2}).trained_part == 2
    assert with_settings(model, {"train_from": "top"}).trained_part == "top"


def test_a_default_id_does_not_name_a_depth_that_is_searched(load):
    assert load(searching("{grid: {train_blocks: [0, 1]}}")).models[0].id == "EfficientNetLite0-searched"
    assert load(searching("{grid: {training.epochs: [3]}}")).models[0].id == "EfficientNetLite0-fixed"
    assert load(SMALLEST + "    id: mine\n" + "search: {grid: {train_blocks: [0, 1]}}\n").models[0].id == "mine"


def test_a_search_of_no_model_is_refused(load):
    with pytest.raises(ConfigError, match="every model says `search: false`"):
        load(SMALLEST + "    search: false\nsearch: {}\n")


def test_an_experiment_without_a_search_is_written_as_before_there_were_searches(load):
    assert "search" not in dump_experiment(load())
    assert "search: false" in dump_experiment(
        load(SMALLEST + "    search: false\n  - backbone: ResNet18\n    weights: none\nsearch: {}\n")
    )


def test_a_quick_run_leaves_no_warm_up_to_epochs_that_are_few(load):
    grid = "{grid: {training.warmup_epochs: [1, 2], training.early_stopping: [null, 3]}}"
    assert load(searching(grid)).quick().search.keys == ("training.early_stopping",)


def test_a_quick_run_searches_little(load):
    grid = "{grid: {training.learning_rate: [1e-4, 1e-3, 1e-2], training.epochs: [1, 5, 9]}}"
    search = load(searching(grid)).quick().search
    assert (search.folds, search.grid["training.learning_rate"]) == (2, (0.0001, 0.001))
    assert search.grid["training.epochs"] == (1, 2)
