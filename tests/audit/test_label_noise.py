"""Planted wrong labels are found, and hard images are not taken for them."""

import numpy as np
import pytest

from kbin.audit.findings import Outcome
from kbin.audit.inputs import AuditInputs
from kbin.audit.label_noise import CHECK
from tests.audit.audited import audit_inputs, audited_set

SIZES = {"train": 1_000, "validation": 200, "test": 300}


def drawn(seed: int, flips: float, distance: float = 4.0, num_classes: int = 2) -> tuple[AuditInputs, np.ndarray]:
    """Returns sets of Gaussian classes and which labels were flipped, in the order of `pooled`."""
    rng = np.random.default_rng(seed)
    sets, flipped = [], []
    for name, number in SIZES.items():
        truth = rng.integers(0, num_classes, number)
        features = rng.normal(size=(number, 30))
        features[np.arange(number), truth] += distance / np.sqrt(2)
        is_flipped = rng.random(number) < flips
        labels = np.where(is_flipped, (truth + rng.integers(1, num_classes, number)) % num_classes, truth)
        right = np.where(truth == 1, 0.9, 0.1)
        sets.append(
            audited_set(
                name,
                labels,
                features=features,
                miniatures=np.zeros((number, 48, 48, 3), np.uint8),
                probabilities={"perfect": right[None]} if num_classes == 2 else {},
            )
        )
        flipped.append(is_flipped)
    classes = ("cat", "dog", "bird", "fish")[:num_classes]
    return audit_inputs(*sets, classes=classes, thresholds={"perfect": np.array([0.5])}), np.concatenate(flipped)


def found_first(ended: Outcome, inputs: AuditInputs, flipped: np.ndarray) -> float:
    """Returns the share of the flips that is among the first 2 x as many suspects."""
    starts = dict(zip(SIZES, np.cumsum([0, *SIZES.values()])[:-1], strict=True))
    listed = [starts[one["set"]] + one["index"] for one in ended.values["suspects"]]
    return flipped[listed[: 2 * flipped.sum()]].sum() / flipped.sum()


def trials(seeds: range, flips: float, **more: float) -> list[tuple[Outcome, float]]:
    ended = []
    for seed in seeds:
        inputs, flipped = drawn(seed, flips, **more)
        outcome = CHECK.run(inputs)
        ended.append((outcome, found_first(outcome, inputs, flipped) if flips else 0.0))
    return ended


@pytest.mark.parametrize("num_classes", [2, 4])
def test_five_percent_of_flipped_labels_are_found_and_most_are_suspects(num_classes: int):
    for ended, recall in trials(range(3), 0.05, num_classes=num_classes):
        low, high = ended.values["rate_interval"]
        assert ended.outcome == "found"
        assert recall >= 0.5
        assert 0.01 < low < high < 0.09


@pytest.mark.parametrize("distance", [1.5, 2.5, 8.0])
def test_hard_images_are_not_taken_for_wrong_labels(distance: float):
    alarms = [ended.outcome for ended, _ in trials(range(4), 0.0, distance=distance)].count("found")

    assert alarms <= 1  # of 4 at 1 %; the slow form counts them over 40 seeds


def test_clean_images_that_are_not_hard_are_clean():
    ended, _ = trials(range(1), 0.0)[0]

    assert ended.outcome == "clean"
    assert "n = 1,500" in ended.summary


@pytest.mark.slow
def test_over_forty_seeds_flips_are_found_and_clean_sets_are_not():
    clean_alarms = sum(ended.outcome == "found" for ended, _ in trials(range(40), 0.0))
    hard_alarms = sum(ended.outcome == "found" for ended, _ in trials(range(40), 0.0, distance=1.5))
    planted = trials(range(40), 0.05)

    assert clean_alarms <= 2
    assert hard_alarms <= 2
    assert sum(ended.outcome == "found" for ended, _ in planted) >= 38
    assert min(recall for _, recall in planted) >= 0.5


def test_the_accuracy_of_a_model_that_knows_the_truth_rises_when_suspects_are_relabelled():
    inputs, flipped = drawn(0, 0.05)

    ended = CHECK.run(inputs)

    (row,) = ended.tables[-1].rows
    as_labelled, relabelled = row[3], row[4]
    assert as_labelled == pytest.approx(1 - flipped[-300:].mean())
    assert relabelled > as_labelled + 0.01
    assert ended.strength == pytest.approx((relabelled - as_labelled) / (1 - as_labelled))


def test_suspects_are_shown_by_set_with_what_they_look_like():
    inputs, _ = drawn(0, 0.05)

    ended = CHECK.run(inputs)

    assert [strip.title for strip in ended.strips] == [
        "Suspects of train",
        "Suspects of validation",
        "Suspects of test",
    ]
    assert all(len(strip.images) <= 12 for strip in ended.strips)
    first = ended.strips[0].images[0]
    label = inputs.train.labels[first.index]
    names = inputs.classes[label], inputs.classes[1 - label]
    assert first.caption.startswith(f"labelled {names[0]}, looks like {names[1]} (.0")


def test_labels_drawn_by_chance_cannot_be_told_from_hard_images():
    ended, _ = trials(range(1), 0.0, distance=0.0)[0]

    assert ended.outcome == "not_applicable"
    assert "cannot be told from hard images" in ended.summary


def test_without_features_there_is_a_reason():
    inputs = audit_inputs(audited_set("train", np.array([0, 1])), why_no_features="The run kept none.")

    assert CHECK.run(inputs).summary == "The run kept none."


def test_one_class_and_few_images_have_a_reason():
    def of(labels: np.ndarray) -> AuditInputs:
        features = np.random.default_rng(0).normal(size=(len(labels), 5))
        return audit_inputs(
            audited_set("train", labels, features=features), audited_set("test", [0], features=[[0.0] * 5])
        )

    assert "it is 1 class" in CHECK.run(of(np.zeros(50))).summary
    assert "cannot be told" in CHECK.run(of(np.arange(50) % 2)).summary


def test_constant_features_leave_the_rate_unknown():
    labels = np.arange(200) % 2

    ended = CHECK.run(audit_inputs(audited_set("train", labels, features=np.ones((200, 4)))))

    assert ended.outcome == "not_applicable"


def test_rare_classes_take_no_part():
    inputs, _ = drawn(0, 0.0)
    labels = inputs.train.labels.copy()
    labels[:3] = 2
    train = audited_set("train", labels, features=inputs.train.features)

    ended = CHECK.run(audit_inputs(train, classes=("cat", "dog", "bird")))

    assert ended.values["n"] == 997
    assert any("3 images of rare classes" in line for line in ended.details)
