import math

import pytest

from kbin.config.search import SearchConfig
from kbin.search.combinations import combinations, settings_text


def test_a_grid_is_every_combination_once():
    search = SearchConfig(grid={"training.learning_rate": [1e-4, 1e-3], "training.epochs": [3, 5, 7]})
    found = combinations(search)
    assert len(found) == 6
    assert {(one["training.learning_rate"], one["training.epochs"]) for one in found} == {
        (rate, epochs) for rate in (1e-4, 1e-3) for epochs in (3, 5, 7)
    }
    assert all(list(one) == ["training.learning_rate", "training.epochs"] for one in found)


def test_without_settings_the_file_is_cross_validated_as_it_is():
    assert combinations(SearchConfig()) == [{}]


def test_random_numbers_lie_in_their_range_and_rates_are_drawn_by_their_logarithm():
    space = {
        "training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
        "head.dropout": {"low": 0.1, "high": 0.5},
    }
    found = combinations(SearchConfig(random=space, num_combinations=400))
    rates = [one["training.learning_rate"] for one in found]
    assert len(found) == 400
    assert all(1e-5 <= rate <= 1e-1 for rate in rates)
    assert all(0.1 <= one["head.dropout"] <= 0.5 for one in found)
    # Half of the logarithms are below the middle of 1e-5 ... 1e-1: 200 of 400, by a standard deviation of 10.
    assert abs(sum(rate < 1e-3 for rate in rates) - 200) < 50


def test_whole_ends_give_whole_numbers_both_ends_included():
    search = SearchConfig(random={"training.epochs": {"low": 3, "high": 5}}, num_combinations=60)
    assert sorted(one["training.epochs"] for one in combinations(search)) == [3, 4, 5]


def test_whole_numbers_by_logarithm_stay_in_their_range():
    search = SearchConfig(random={"training.batch_size": {"low": 1, "high": 256, "log": True}}, num_combinations=300)
    drawn = [one["training.batch_size"] for one in combinations(search)]
    assert min(drawn) == 1
    assert max(drawn) <= 256
    assert all(isinstance(size, int) for size in drawn)


def test_the_same_seed_draws_the_same():
    space = {"training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}
    first, again, other = (combinations(SearchConfig(random=space, seed=seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_no_more_are_drawn_from_lists_than_there_are():
    search = SearchConfig(random={"training.epochs": [3, 5]}, num_combinations=20)
    assert sorted(one["training.epochs"] for one in combinations(search)) == [3, 5]


def test_a_drawn_number_is_short_enough_to_write_down():
    space = {"training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}
    for one in combinations(SearchConfig(random=space)):
        rate = one["training.learning_rate"]
        assert rate == float(f"{rate:.4g}")
        assert math.isfinite(rate)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "as configured"),
        ({"training.learning_rate": 1e-4, "training.epochs": 9}, "learning_rate 0.0001, epochs 9"),
        ({"head.hidden_units": [256, 64], "training.class_weight": None}, "hidden_units 256+64, class_weight none"),
        ({"training.learning_rate": 1e-5, "head.standardize": True}, "learning_rate 1e-5, standardize true"),
        ({"training.early_stopping": {"patience": 3}}, "early_stopping patience 3"),
    ],
)
def test_settings_read_as_people_write_them(settings, text):
    assert settings_text(settings) == text
