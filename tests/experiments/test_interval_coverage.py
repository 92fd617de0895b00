"""A small version of the simulation: bounds are wide, because a few hundred sets know a share to a point or two.

200 sets know a coverage of 95 % to 1.5 points: three of them below are 90 %.
"""

import numpy as np
import pytest

from experiments.benchmarks.interval_coverage import Sets, coverage, false_alarms, settings, true_values

NUM_SETS = 200


@pytest.mark.parametrize("sets", [Sets(200, 0.5), Sets(200, 0.1), Sets(400, 0.5, group_size=4)], ids=str)
def test_intervals_of_accuracy_f1_and_auc_hold_the_true_value(sets):
    found = coverage(sets, NUM_SETS)
    assert 0.9 < found["accuracy"] <= 0.995
    assert 0.9 < found["f1"] <= 0.995
    # With 20 positives it is too narrow, and the note says so.
    assert (0.9 if sets.num_images * sets.share >= 50 else 0.86) < found["roc_auc"] <= 0.995


@pytest.mark.parametrize("sets", [Sets(200, 0.1), Sets(200, 0.5, num_seeds=2)], ids=str)
def test_equally_good_models_are_seldom_called_different(sets):
    found = false_alarms(sets, NUM_SETS)
    assert found["differ"] > 0.03
    for name in ("accuracy", "roc_auc", "f1", "average_precision", "brier"):
        # Three standard errors above 5 % are 9.6 %.
        assert 0.005 < found[name] < 0.1, name


def test_the_true_values_are_those_of_two_normal_distributions():
    # An AUC of .9 is a distance of 1.812: at the middle both classes are right in Phi(.906) of the cases.
    values = true_values(0.1, 0.9, is_half=False)
    right = 0.81757
    assert values["recall"] == pytest.approx(right, abs=0.004)
    assert values["accuracy"] == pytest.approx(right, abs=0.002)
    assert values["precision"] == pytest.approx(0.1 * right / (0.1 * right + 0.9 * (1 - right)), abs=0.004)


def test_labels_are_drawn_where_counts_are_not_fixed_and_groups_have_one_class():
    rng = np.random.default_rng(0)
    assert {Sets(100, 0.1).drawn(rng)[0].sum() for _ in range(5)} == {10}
    assert len({Sets(100, 0.1, is_stratified=False).drawn(rng)[0].sum() for _ in range(20)}) > 3
    y_true, groups, models = Sets(100, 0.5, group_size=5, num_seeds=2).drawn(rng, 2)
    assert all(len(set(y_true[groups == group])) == 1 for group in range(20))
    assert [len(one.probabilities) for one in models] == [2, 2]


def test_the_table_has_what_the_claims_are_about():
    kinds = {(one.num_images, one.share, one.is_stratified) for one in settings()}
    assert {(n, share, fixed) for n in (200, 2000) for share in (0.5, 0.1) for fixed in (True, False)} <= kinds
