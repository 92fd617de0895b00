import json

import numpy as np
import pytest

from kbin.audit.feature_drift import CHECK
from tests.audit.audited import audit_inputs, audited_set
from tests.audit.drifting import drifting_set, drifting_sets


def test_a_shifted_test_set_is_found_and_the_words_name_it():
    ended = CHECK.run(drifting_sets(0, shift=2.0))

    assert ended.outcome == "found"
    assert ended.summary.startswith("'train' and 'test' are images of different kinds")
    assert "times of 100 (50 is guessing" in ended.summary
    assert "none of 360 random splits" in ended.summary
    assert "1 more pair differs" in ended.summary
    assert "'test'" in ended.next_step
    assert 0.5 < ended.strength <= 1


def test_the_strips_show_the_images_that_are_most_typical():
    inputs = drifting_sets(0, shift=3.0)

    ended = CHECK.run(inputs)

    by_title = {strip.title: strip.images for strip in ended.strips}
    shifted = inputs.sets["test"].features[:, 2]
    shown = [one.index for one in by_title["Most typical of 'test', against 'train'"]]
    assert len(shown) == 6
    assert shifted[shown].min() > np.median(shifted)
    names = {one.caption for strip in ended.strips for one in strip.images}
    assert names <= {"cat", "dog"}


def test_it_says_which_class_differs():
    ended = CHECK.run(drifting_sets(1, number=300, shift=3.0, only_class=1))

    assert ended.outcome == "found"
    assert "differ within dog" in ended.details[0]
    assert "not within cat" in ended.details[0]


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_another_share_of_positives_alone_is_no_drift(share):
    ended = CHECK.run(drifting_sets(2, number=200, share=share))

    assert ended.outcome == "clean"
    assert any("other shares of the classes" in one for one in ended.details)


@pytest.mark.parametrize("seed", [3, 5])  # a head that may use the classes happens to tell these apart better
def test_of_equal_shares_it_is_not_said_that_they_are_others(seed):
    rng, labels = np.random.default_rng(seed), np.arange(24) % 2
    sets = [
        audited_set(name, labels, features=rng.normal(size=(24, 8)) + 3 * labels[:, None]) for name in ("train", "test")
    ]
    assert not any("other shares of the classes" in one for one in CHECK.run(audit_inputs(*sets)).details)


def _found(seeds: range, **test: object) -> int:
    return sum(CHECK.run(drifting_sets(seed, **test)).outcome == "found" for seed in seeds)


def test_random_splits_are_clean_and_shifted_ones_found():
    # A level of 1 %: more than one of 10 by chance is one case in 200.
    assert _found(range(10)) <= 1
    assert _found(range(6), shift=1.5) == 6


@pytest.mark.slow
def test_random_splits_are_clean_and_shifted_ones_found_in_19_of_20_seeds():
    assert _found(range(100)) <= 5
    assert _found(range(20), shift=1.5) >= 19
    assert _found(range(20), share=0.2) <= 1
    assert _found(range(60), number=20) <= 3


def test_a_difference_that_is_sure_but_small_is_clean():
    rng = np.random.default_rng(0)
    sets = [drifting_set(name, rng, number=2_400, shift=by) for name, by in (("train", 0.0), ("test", 0.25))]

    ended = CHECK.run(audit_inputs(*sets))

    assert ended.outcome == "clean"
    assert ended.values["pairs"][0]["corrected_p_value"] < 0.02
    assert "too little to explain a fall" in ended.summary


def test_more_than_two_classes_and_a_set_of_one_class():
    rng = np.random.default_rng(3)
    sets = []
    for name, classes in (("train", 3), ("test", 3), ("only a", 1)):
        labels = np.arange(90) % classes
        features = rng.normal(size=(90, 5)) + 2 * labels[:, None]
        features[:, 0] += 3 * (name == "only a")
        sets.append(audited_set(name, labels, features=features))

    ended = CHECK.run(audit_inputs(*sets, classes=("a", "b", "c")))

    assert ended.outcome == "found"
    found = {(one["first"], one["second"]) for one in ended.values["pairs"] if one["is_found"]}
    assert found == {("train", "only a"), ("test", "only a")}


def test_values_are_plain_json_without_nan():
    for inputs in (drifting_sets(0), drifting_sets(0, shift=2.0)):
        json.dumps(dict(CHECK.run(inputs).values), allow_nan=False)


def test_it_is_not_applicable_without_features_or_with_sets_too_small():
    bare = [audited_set(name, np.arange(40) % 2) for name in ("train", "test")]
    assert CHECK.run(audit_inputs(*bare, why_no_features="The backbone was trained.")).summary == (
        "The backbone was trained."
    )
    assert CHECK.run(audit_inputs(*bare)).outcome == "not_applicable"
    assert CHECK.run(audit_inputs(bare[0])).outcome == "not_applicable"
    rng = np.random.default_rng(0)
    small = [drifting_set("train", rng), drifting_set("test", rng, number=1)]
    ended = CHECK.run(audit_inputs(*small))
    assert ended.outcome == "not_applicable"
    assert "too few images" in ended.summary


def test_constant_features_are_clean():
    sets = [audited_set(name, np.arange(40) % 2, features=np.ones((40, 4))) for name in ("train", "test")]

    assert CHECK.run(audit_inputs(*sets)).outcome == "clean"
