import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kbin.audit.leak_premium import CHECK, leak_premium, weighted_aucs
from tests.audit.audited import audit_inputs, audited_set


def tiles(rng, num_groups=100, size=4, noise=0.3, num_features=40):
    """Features whose groups are close together, and their groups; labels are drawn at random for each group."""
    groups = np.repeat(np.arange(num_groups), size)
    features = rng.normal(size=(num_groups, num_features))[groups]
    features += noise * rng.normal(size=features.shape)
    return features, rng.permutation(np.arange(num_groups) % 2)[groups], groups


def two_sets(features, labels, groups, is_test, **more):
    sets = [
        audited_set(name, labels[chosen], features=features[chosen])
        for name, chosen in (("train", ~is_test), ("test", is_test))
    ]
    return audit_inputs(*sets, copy_groups={"train": groups[~is_test], "test": groups[is_test]}, **more)


@pytest.mark.parametrize("seed", range(20))
def test_labels_drawn_for_each_group_are_worth_something_only_where_groups_are_torn(seed):
    rng = np.random.default_rng(seed)
    features, labels, groups = tiles(rng, num_features=80)  # so many that a linear head can know every group again
    ended = CHECK.run(two_sets(features, labels, groups, rng.random(400) < 0.3))
    assert (ended.outcome, ended.severity) == ("found", "high")
    # Nothing can be learned of a group that was not seen.
    assert ended.values["auc_grouped"] == pytest.approx(0.5, abs=0.2)
    assert ended.values["auc_plain"] > 0.8
    assert ended.values["low"] > 0


@pytest.mark.parametrize("seed", range(20))
def test_groups_that_have_nothing_in_common_are_clean(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(400, 20))
    labels = (features[:, 0] + rng.normal(size=400) > 0).astype(int)
    groups = rng.integers(0, 130, 400)
    ended = CHECK.run(two_sets(features, labels, groups, rng.random(400) < 0.3))
    assert ended.outcome == "clean"


def test_groups_that_the_split_keeps_together_are_no_fault_of_the_run():
    features, labels, groups = tiles(np.random.default_rng(1))
    ended = CHECK.run(two_sets(features, labels, groups, groups >= 70))
    assert (ended.outcome, ended.severity, ended.values["torn_images"]) == ("found", "low", 0)


def test_the_groups_of_the_data_count_as_copies_do():
    features, labels, groups = tiles(np.random.default_rng(1))
    named = np.array([f"tile {group}" for group in groups])
    train = audited_set("train", labels[::2], features=features[::2], groups=named[::2])
    test = audited_set("test", labels[1::2], features=features[1::2], groups=named[1::2])
    ended = CHECK.run(audit_inputs(train, test))
    assert (ended.outcome, ended.values["groups"], ended.values["torn_images"]) == ("found", 100, 200)


def test_more_than_two_classes_are_each_held_against_the_rest_and_a_rare_one_is_left_out():
    rng = np.random.default_rng(2)
    features, _, groups = tiles(rng, num_groups=120)
    labels = (np.arange(120) % 3)[groups]
    labels[:5] = 3
    ended = CHECK.run(two_sets(features, labels, groups, np.arange(480) % 2 == 0, classes=("a", "b", "c", "d")))
    assert ended.outcome == "found"
    assert ended.values["images"] == 475


def test_of_many_images_whole_groups_are_drawn():
    rng = np.random.default_rng(3)
    features, labels, groups = tiles(rng, num_groups=1_500, size=3, noise=1)
    ended = CHECK.run(two_sets(features[:, :4], labels, groups, rng.random(4_500) < 0.3))
    assert ended.values["images"] == 3_999
    assert ended.values["groups"] == 1_333


@pytest.mark.parametrize(
    ("labels", "groups", "reason"),
    [
        (np.arange(400) % 2, np.arange(400), "None of 400 images have a copy"),
        (np.arange(400) % 2, np.maximum(np.arange(400), 18), "Only 19 of 400 images"),
        (np.zeros(400, int), np.arange(400) // 2, "Fewer than two classes"),
        (np.arange(400) % 2, np.arange(400) // 50, "Fewer than two classes"),
    ],
)
def test_what_cannot_be_measured_says_why(labels, groups, reason):
    features = np.random.default_rng(0).normal(size=(400, 5))
    ended = CHECK.run(two_sets(features, labels, groups, np.arange(400) % 3 == 0))
    assert ended.outcome == "not_applicable"
    assert reason in ended.summary


def test_sets_without_features_give_the_runs_reason():
    ended = CHECK.run(audit_inputs(audited_set("train", np.zeros(3)), why_no_features="All blocks were trained."))
    assert (ended.outcome, ended.summary) == ("not_applicable", "All blocks were trained.")


def test_constant_features_gain_nothing():
    rng = np.random.default_rng(0)
    _, labels, groups = tiles(rng)
    premium = leak_premium(np.ones((400, 3)), labels, groups)
    assert premium is not None
    assert abs(premium.difference) < 0.1


def test_weighted_aucs_are_those_of_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    is_positive, scores, weights = rng.random(50) < 0.4, rng.integers(0, 8, 50) / 8, rng.integers(0, 3, (4, 50))
    expected = [roc_auc_score(is_positive, scores, sample_weight=one) for one in weights]
    np.testing.assert_allclose(weighted_aucs(is_positive, scores, weights), expected)
