import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from kbin.audit.copy_groups import groups_with_data
from kbin.audit.inputs import AuditInputs
from kbin.audit.share_of_positives import CHECK
from kbin.audit.unseen_scores import HEAD, unseen_scores
from tests.audit.audited import audit_inputs, audited_set
from tests.audit.drifting import drifting_set, drifting_sets


def _with_models(inputs: AuditInputs) -> AuditInputs:
    """A good model and one that guesses, two seeds each; on its training images the good one is sure of every label."""
    rng = np.random.default_rng(0)
    sets = {}
    for name, one in inputs.sets.items():
        good = expit(2 * one.features[:, 0] - 2 + rng.normal(0, 0.1, (2, len(one))))
        if name == "train":
            good = np.stack([one.labels, one.labels]).astype(float)
        sets[name] = replace(one, probabilities={"good": good, "guessing": rng.random((2, len(one)))})
    return replace(inputs, sets=sets)


def test_another_share_is_found_and_estimated_without_labels():
    ended = CHECK.run(_with_models(drifting_sets(0, number=400, share=0.2)))

    assert ended.outcome == "found"
    assert "'dog' is 20% of the 400 images of 'test' by their labels, but 50% of the 240 training" in ended.summary
    of = ended.values["sets"]["test"]
    assert of["low"]["dog"] < 0.2 < of["high"]["dog"]
    assert not of["disagrees"]
    assert "20% 'dog'" in ended.next_step
    assert ended.strength == pytest.approx(0.3)
    json.dumps(dict(ended.values), allow_nan=False)


def test_the_estimate_is_by_the_model_that_knows_most_and_the_others_stand_beside():
    inputs = _with_models(drifting_sets(1))
    inputs = replace(inputs, sets={name: replace(one, features=None) for name, one in inputs.sets.items()})

    values = CHECK.run(inputs).values

    assert values["estimated_by"] == "good"
    assert set(values["sets"]["test"]["by_model"]) == {"good", "guessing"}


def test_models_are_calibrated_on_validation_and_the_head_by_folds_of_train():
    inputs = _with_models(drifting_sets(2))

    scores = {one.model: one for one in unseen_scores(inputs, groups_with_data(inputs))}

    assert set(scores) == {"good", "guessing", HEAD}
    assert scores["good"].labels.tolist() == inputs.sets["validation"].labels.tolist()
    assert len(scores[HEAD].known) == len(inputs.train)


def test_the_head_did_not_see_the_training_images_that_it_scores():
    rng = np.random.default_rng(0)
    # Labels that nothing tells, and nearly as many features as images: a head knows by heart what it was fitted on.
    sets = [
        audited_set(name, rng.integers(0, 2, 150), features=rng.normal(size=(150, 100))) for name in ("train", "test")
    ]
    inputs = audit_inputs(*sets)

    (head,) = unseen_scores(inputs, groups_with_data(inputs))

    assert (head.known.argmax(axis=1) == head.labels).mean() < 0.65


def test_labels_that_disagree_with_the_images_are_said():
    inputs = drifting_sets(3, number=400)
    test = inputs.sets["test"]
    labels = test.labels.copy()
    labels[np.flatnonzero(labels == 1)[:80]] = 0  # 80 of 200 positives are labelled negative
    labels[np.flatnonzero(test.labels == 0)[:80]] = 0
    wrong = replace(inputs, sets={**inputs.sets, "test": replace(test, labels=labels)})

    ended = CHECK.run(wrong)

    assert ended.outcome == "found"
    assert ended.values["sets"]["test"]["disagrees"]
    assert any("or labels are wrong" in one for one in (ended.summary, *ended.details))
    assert not CHECK.run(inputs).values["sets"]["test"]["disagrees"]


def test_a_disagreement_alone_is_found_with_low_severity():
    # As many positives as in train by their labels, but the images of all are those of negatives.
    rng = np.random.default_rng(4)
    train = drifting_set("train", rng, number=300)
    test = drifting_set("test", rng, number=300, share=0.0)
    test = replace(test, labels=rng.permutation(np.arange(300) % 2))

    ended = CHECK.run(audit_inputs(train, test))

    assert (ended.outcome, ended.severity) == ("found", "low")
    assert "drift-features" in ended.next_step
    assert "label-noise" in ended.next_step


def _found(seeds: range, **test: object) -> int:
    return sum(CHECK.run(drifting_sets(seed, **test)).outcome == "found" for seed in seeds)


def _random_split(seed: int) -> AuditInputs:
    """Sets whose shares differ by chance, as those of a split that is not stratified."""
    rng = np.random.default_rng(seed)
    sizes = {"train": 240, "validation": 100, "test": 120}
    return audit_inputs(
        *(drifting_set(name, rng, number=n, share=rng.binomial(n, 0.4) / n) for name, n in sizes.items())
    )


def test_random_splits_are_clean_and_another_share_found():
    assert sum(CHECK.run(_random_split(seed)).outcome == "found" for seed in range(5)) == 0
    assert _found(range(5), number=200, share=0.25) == 5


@pytest.mark.slow
def test_random_splits_are_clean_and_another_share_found_in_19_of_20_seeds():
    assert sum(CHECK.run(_random_split(seed)).outcome == "found" for seed in range(60)) <= 3
    assert _found(range(20), number=200, share=0.25) >= 19


def test_without_scores_the_labels_are_compared_all_the_same():
    sets = (audited_set("train", np.arange(200) % 2), audited_set("test", np.repeat([0, 1], [180, 20])))

    ended = CHECK.run(audit_inputs(*sets))

    assert ended.outcome == "found"
    assert ended.values["sets"]["test"]["estimated"] is None
    assert "could not be estimated" in ended.summary


def test_four_classes_are_all_in_the_table():
    rng = np.random.default_rng(0)
    sets = []
    for name, weights in (("train", [1, 1, 1, 1]), ("test", [1, 1, 1, 5])):
        labels = np.repeat(np.arange(4), 50 * np.array(weights))
        features = rng.normal(size=(len(labels), 6))
        features[:, :4] += 3 * np.eye(4)[labels]
        sets.append(audited_set(name, labels, features=features))

    ended = CHECK.run(audit_inputs(*sets, classes=("a", "b", "c", "d")))

    assert ended.outcome == "found"
    assert "'d' is 62% of the 400 images of 'test'" in ended.summary
    assert [row[1] for row in ended.tables[0].rows] == ["a", "b", "c", "d"]
    assert ended.values["sets"]["test"]["estimated"]["d"] == pytest.approx(0.625, abs=0.05)


def test_a_test_set_of_one_image_and_a_training_set_of_one_class():
    rng = np.random.default_rng(0)
    train = drifting_set("train", rng, number=60)
    assert CHECK.run(audit_inputs(train, drifting_set("test", rng, number=1))).outcome == "clean"
    one_class = drifting_set("train", rng, number=60, share=0.0)
    ended = CHECK.run(audit_inputs(one_class, drifting_set("test", rng, number=30)))
    assert ended.outcome == "found"
    assert ended.values["estimated_by"] is None
    assert CHECK.run(audit_inputs(train)).outcome == "not_applicable"


def test_a_test_set_without_positives_is_to_be_filled_up_and_no_estimate_is_spoken_of():
    sets = (audited_set("train", np.arange(80) % 2), audited_set("test", np.zeros(15, np.int64)))

    ended = CHECK.run(audit_inputs(*sets))

    assert "is 0% of the 15 images of 'test'" in ended.summary
    assert ended.next_step.startswith("Add images of 'dog' to 'test'")
    assert "AUC" not in ended.next_step  # it has none


def test_what_is_said_of_the_estimate_fits_how_many_there_are():
    rng = np.random.default_rng(0)
    train = drifting_set("train", rng, number=60)
    too_small = CHECK.run(audit_inputs(train, drifting_set("test", rng, number=9)))
    assert too_small.details == ("Too small for an estimate (fewer than 20 images): 'test'.",)
    of_one = CHECK.run(audit_inputs(train, drifting_set("test", rng, number=60)))
    assert of_one.details[0].startswith("The estimate is by a linear head on the features, with a 95% interval")
