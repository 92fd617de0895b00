import json

import numpy as np
import pytest

from kbin.audit.findings import Outcome
from kbin.audit.image_properties import image_properties, property_matrix
from kbin.audit.property_drift import CHECK
from tests.audit.audited import audit_inputs, audited_set
from tests.audit.drifting import drifting_set, drifting_sets, facts_of


def _told(ended: Outcome, first: str, second: str) -> dict[str, dict[str, object]]:
    rows = ended.values["properties"]
    return {
        f"{one['property']} {one['level'] or ''}".strip(): one
        for one in rows
        if (one["first"], one["second"]) == (first, second)
    }


def test_a_darker_test_set_is_named_with_both_medians():
    inputs = drifting_sets(0, darker=0.7)

    ended = CHECK.run(inputs)

    assert ended.outcome == "found"
    told = _told(ended, "train", "test")
    assert list(told) == ["brightness"]
    # Both sets have half of each class, so the medians are those of the sets.
    medians = [np.median(inputs.sets[name].facts["brightness"]) for name in ("train", "test")]
    assert told["brightness"]["median_first"] == pytest.approx(medians[0], abs=2)
    assert told["brightness"]["median_second"] == pytest.approx(medians[1], abs=2)
    assert "are darker (median brightness" in ended.summary
    assert f"{told['brightness']['median_second']:.0f} against" in ended.summary


def test_another_share_of_positives_alone_is_no_difference_though_positives_are_brighter():
    inputs = drifting_sets(1, number=200, share=0.95)
    means = [inputs.sets[name].facts["brightness"].mean() for name in ("train", "test")]
    assert means[1] > means[0] + 4

    assert CHECK.run(inputs).outcome == "clean"


def test_another_format_is_named_with_both_shares():
    rng = np.random.default_rng(0)
    sets = []
    for name, kinds in (("train", ["JPEG"]), ("test", ["JPEG", "PNG"])):
        labels = np.arange(120) % 2
        facts = facts_of(labels, rng)
        facts["format"] = np.resize(np.repeat(kinds, 2), 120)
        facts["jpeg_quality"] = np.where(facts["format"] == "JPEG", 90.0, np.nan)
        sets.append(audited_set(name, labels, facts=facts))

    ended = CHECK.run(audit_inputs(*sets))

    assert ended.outcome == "found"
    told = _told(ended, "train", "test")
    assert set(told) == {"format JPEG", "format PNG"}
    assert (told["format PNG"]["median_first"], told["format PNG"]["median_second"]) == (0.0, 0.5)
    assert "more often format PNG (50% against 0%)" in ended.summary or "less often format JPEG" in ended.summary
    # A quality that is the same wherever it is known is no difference.
    assert "JPEG quality" not in ended.summary


def _found(seeds: range, **test: object) -> int:
    return sum(CHECK.run(drifting_sets(seed, **test)).outcome == "found" for seed in seeds)


def test_random_splits_are_clean_and_darker_ones_found():
    # A level of 1 %: more than one of 10 by chance is one case in 200.
    assert _found(range(10)) <= 1
    assert _found(range(6), darker=0.8) == 6


@pytest.mark.slow
def test_random_splits_are_clean_and_darker_ones_found_in_19_of_20_seeds():
    assert _found(range(100)) <= 5
    assert _found(range(20), darker=0.8) >= 19
    assert _found(range(60), number=20) <= 3


def test_constant_and_unknown_facts_are_left_out():
    labels = np.arange(40) % 2
    facts = {"width": np.full(40, 64.0), "bytes": np.full(40, np.nan), "format": np.full(40, "array")}

    assert image_properties(facts) == []
    sets = [audited_set(name, labels, facts=facts) for name in ("train", "test")]
    ended = CHECK.run(audit_inputs(*sets))
    assert ended.outcome == "clean"
    json.dumps(dict(ended.values), allow_nan=False)


def test_a_fact_that_is_known_on_one_side_only_does_not_break_it():
    rng = np.random.default_rng(0)
    sets = []
    for name in ("train", "test"):
        labels = np.arange(60) % 2
        facts = facts_of(labels, rng)
        if name == "test":
            facts["bytes"] = np.full(60, np.nan)
        sets.append(audited_set(name, labels, facts=facts))

    ended = CHECK.run(audit_inputs(*sets))

    assert ended.outcome == "found"
    assert ended.values["pairs"][0]["auc"] > 0.95
    json.dumps(dict(ended.values), allow_nan=False)


def test_proportions_tell_upright_from_lying_images():
    properties = image_properties({"width": np.array([30.0, 40, 60]), "height": np.array([40.0, 30, 60])})

    assert {one.name: one.values.tolist() for one in properties}["proportions"] == [0.75, 40 / 30, 1.0]


def test_the_matrix_has_columns_of_variance_one():
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 2, 200)
    values[:20] = np.nan
    matrix = property_matrix(image_properties({"bytes": values, "format": np.resize(["JPEG", "PNG"], 200)}), 200)

    assert matrix.shape == (200, 5)  # scores, squares, unknown, two formats
    np.testing.assert_allclose(matrix.std(axis=0), 1)
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-9)


def test_medians_are_those_of_an_equal_mix_of_the_classes():
    # Class 0 has brightness 100, class 1 200, in both sets; a shift of 40 in test. Without the mix the medians would
    # be 100 and 240, as most of train is of class 0 and most of test of class 1.
    rng = np.random.default_rng(0)
    sets = []
    for name, num_first, by in (("train", 80, 0.0), ("test", 40, 40.0)):
        labels = (np.arange(120) >= num_first).astype(int)
        sets.append(audited_set(name, labels, facts={"brightness": 100.0 + 100 * labels + by + rng.normal(0, 5, 120)}))

    told = _told(CHECK.run(audit_inputs(*sets)), "train", "test")["brightness"]

    # Both together have as many of either class: the mean of 100 and 200, and of 140 and 240.
    assert told["median_first"] == pytest.approx(150, abs=3)
    assert told["median_second"] == pytest.approx(190, abs=3)


def test_the_medians_move_as_both_classes_do():
    # Each class is brighter by some 20 in test, but a median of both classes in one would fall from 200 to 95.
    spread = np.concatenate([np.arange(20), np.arange(20)])
    train = 60.0 + 140 * np.repeat([0, 1], 20) + spread
    test = 88.0 + 140 * np.repeat([0, 1], 8) + np.tile(np.arange(8), 2)
    labels = (np.repeat([0, 1], 20), np.repeat([0, 1], 8))
    sets = [
        audited_set(name, of, facts={"brightness": values})
        for name, of, values in zip(("train", "test"), labels, (train, test), strict=True)
    ]

    ended = CHECK.run(audit_inputs(*sets))

    # The medians within the classes are 69.5 and 209.5 in train, 91.5 and 231.5 in test.
    assert "'test' are brighter (median brightness 162 against 140)" in ended.summary


def test_it_is_not_applicable_without_facts_or_a_second_set():
    bare = [audited_set(name, np.arange(40) % 2) for name in ("train", "test")]
    assert "No properties" in CHECK.run(audit_inputs(*bare)).summary
    assert CHECK.run(audit_inputs(bare[0])).outcome == "not_applicable"
    rng = np.random.default_rng(0)
    small = [drifting_set("train", rng), drifting_set("test", rng, number=1)]
    assert CHECK.run(audit_inputs(*small)).outcome == "not_applicable"
