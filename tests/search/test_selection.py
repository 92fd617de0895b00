import numpy as np
import pytest

from kbin.search.selection import Combination, comparable, select


def combination(*scores, errors=()) -> Combination:
    return Combination({"training.epochs": 3}, scores, errors)


def by_order(index: int) -> tuple[float, ...]:
    """The first combination is the simplest."""
    return (index,)


def test_mean_and_spread_are_those_of_a_sample():
    one = combination(0.8, 0.9, 0.7, 0.8)
    assert one.mean == pytest.approx(0.8)
    assert one.standard_deviation == pytest.approx(np.sqrt((0.01 + 0.01) / 3))
    assert one.standard_error(4) == pytest.approx(np.sqrt(0.02 / 3) / 2)


def test_repeats_do_not_make_the_standard_error_smaller():
    assert combination(0.8, 0.9, 0.8, 0.9).standard_error(2) == pytest.approx(np.sqrt(0.01 / 3) / np.sqrt(2))


def test_one_fold_has_no_spread():
    assert combination(0.8).standard_deviation is None
    assert combination(0.8).standard_error(1) is None


def test_the_highest_mean_is_best():
    found = select(
        [combination(0.7, 0.8), combination(0.8, 0.9), combination(0.1, 0.2)], "accuracy", 2, "best", by_order
    )
    assert (found.best, found.chosen) == (1, 1)


def test_of_a_loss_the_lowest_mean_is_best():
    found = select(
        [combination(0.7, 0.8), combination(0.8, 0.9), combination(0.1, 0.2)], "log_loss", 2, "best", by_order
    )
    assert found.best == 2


def test_the_simplest_within_one_standard_error_of_the_best_is_chosen():
    # The best: mean .85, standard error .05. .80 is within it, .79 is not.
    candidates = [combination(0.79, 0.79), combination(0.80, 0.80), combination(0.82, 0.82), combination(0.80, 0.90)]
    found = select(candidates, "accuracy", 2, "one_standard_error", by_order)
    assert found.best == 3
    assert found.within == (1, 2, 3)
    assert found.chosen == 1


def test_the_same_rule_holds_for_a_loss():
    candidates = [combination(0.31, 0.31), combination(0.29, 0.29), combination(0.20, 0.30)]
    found = select(candidates, "brier", 2, "one_standard_error", by_order)
    assert (found.best, found.within, found.chosen) == (2, (1, 2), 1)


def test_of_equal_means_the_simplest_is_best():
    found = select([combination(0.8, 0.8)] * 3, "accuracy", 2, "best", lambda index: (-index,))
    assert found.best == 2


def test_a_failed_trial_takes_its_combination_out():
    found = select(
        comparable([combination(0.9, None, errors=("ValueError: x",)), combination(0.7, 0.7)]),
        "accuracy",
        2,
        "best",
        by_order,
    )
    assert found.best == 1
    assert found.within == (1,)


def test_a_score_that_only_this_combination_lacks_takes_it_out():
    first, second = comparable([combination(1.0, None), combination(0.7, 0.7)])
    assert first.mean is None
    assert first.errors == ("the score is undefined in fold 2",)
    assert second.mean == pytest.approx(0.7)


def test_a_fold_that_defines_the_score_for_nobody_counts_for_nobody():
    first, second = comparable([combination(0.9, None), combination(0.7, None)])
    assert (first.mean, second.mean) == (0.9, 0.7)


def test_nothing_is_chosen_where_everything_failed():
    assert (
        select(comparable([combination(None, None, errors=("ValueError: x",))]), "accuracy", 2, "best", by_order)
        is None
    )
