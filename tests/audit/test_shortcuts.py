"""Files and borders that give the class away are found; clean sets are clean."""

from collections.abc import Mapping

import numpy as np
import pytest

from kbin.audit.findings import Outcome
from kbin.audit.inputs import AuditInputs
from kbin.audit.shortcuts import CHECK
from tests.audit.audited import audit_inputs, audited_set

SIZES = {"train": 400, "validation": 60, "test": 200}


def facts_of(labels: np.ndarray, rng: np.random.Generator, png: tuple[float, float]) -> Mapping[str, np.ndarray]:
    """Returns facts of files; `png` is the share of that format in each class."""
    number = len(labels)
    is_png = rng.random(number) < np.array(png)[np.minimum(labels, 1)]
    return {
        "width": rng.choice([200.0, 300.0, 400.0], number),
        "height": rng.choice([200.0, 300.0], number),
        "bytes": rng.normal(9_000, 500, number),
        "format": np.where(is_png, "PNG", "JPEG"),
        "mode": np.full(number, "RGB"),
        "jpeg_quality": np.where(is_png, np.nan, rng.choice([75.0, 90.0], number)),
        **{name: rng.normal(100, 10, number) for name in ("brightness", "contrast", "red", "green", "blue")},
        "saturation": rng.normal(20, 3, number),
        "sharpness": rng.normal(10, 2, number),
    }


def drawn(
    seed: int,
    png: tuple[float, float] = (0.5, 0.5),
    *,
    frame: int = 0,
    everywhere: int = 0,
    num_classes: int = 2,
    model_auc: bool = True,
) -> AuditInputs:
    """Returns sets of noise; `frame` brightens the border of positives, `everywhere` their whole image."""
    rng = np.random.default_rng(seed)
    sets = []
    for name, number in SIZES.items():
        labels = rng.integers(0, num_classes, number)
        miniatures = rng.integers(60, 120, (number, 48, 48, 3), np.uint8)
        miniatures[labels == 1] += np.uint8(everywhere)
        ring = np.ones((48, 48), bool)
        ring[4:-4, 4:-4] = False
        places = np.flatnonzero(labels == 1)
        miniatures[places] += (ring * frame).astype(np.uint8)[None, :, :, None]
        scores = np.clip((labels == 1) * 0.3 + 0.35 + rng.normal(0, 0.12, number), 0, 1)
        sets.append(
            audited_set(
                name,
                labels,
                miniatures=miniatures,
                facts=facts_of(labels, rng, png),
                probabilities={"ResNet": scores[None]} if num_classes == 2 and model_auc else {},
            )
        )
    return audit_inputs(*sets, classes=("cat", "dog", "cow")[:num_classes], thresholds={"ResNet": np.array([0.5])})


def run(inputs: AuditInputs) -> Outcome:
    return CHECK.run(inputs)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_clean_sets_are_clean(num_classes: int):
    assert [run(drawn(seed, num_classes=num_classes)).outcome for seed in range(3)] == ["clean"] * 3


def test_a_format_that_gives_the_class_away_is_found_and_named():
    ended = run(drawn(0, (0.02, 1.0)))

    assert ended.outcome == "found"
    assert ended.severity == "high"
    assert "format: PNG for 100% of dog, JPEG for 99% of cat" in ended.summary
    assert "ResNet reaches" in ended.summary
    assert "one format" in ended.next_step


def test_a_format_that_says_a_little_is_grave_only_beside_the_model():
    ended = run(drawn(0, (0.36, 0.64)))

    # Right for 64 % of both classes: an AUC of .64; the model's is .96, and .14 is less than half of .46.
    assert ended.outcome == "found"
    assert ended.severity == "low"


def test_without_models_a_perfect_shortcut_is_still_found():
    ended = run(drawn(0, (0.0, 1.0), model_auc=False))

    assert ended.severity == "medium"
    assert "reaches" in ended.summary


def test_a_border_that_goes_with_the_class_is_found_with_its_images():
    ended = run(drawn(0, frame=40))

    assert ended.outcome == "found"
    assert "border" in ended.summary
    assert len(ended.strips[0].images) == 12
    assert "crop or mask" in ended.next_step


def test_a_thumbnail_as_good_as_the_model_is_context_of_low_severity():
    inputs = drawn(0, everywhere=0)
    rng = np.random.default_rng(1)
    sets = []
    for one in inputs.sets.values():
        miniatures = one.miniatures.copy()
        miniatures[one.labels == 1, 12:36, 12:36] += 40
        weak = np.clip(0.5 + rng.normal(0, 0.2, len(one)) + 0.1 * one.labels, 0, 1)
        more = {"facts": one.facts, "miniatures": miniatures, "probabilities": {"ResNet": weak[None]}}
        sets.append(audited_set(one.name, one.labels, **more))

    ended = run(audit_inputs(*sets, thresholds=inputs.thresholds))

    assert (ended.outcome, ended.severity) == ("found", "low")
    assert "thumbnail of 16 x 16" in ended.summary


@pytest.mark.slow
def test_over_forty_seeds_a_telling_format_is_found_and_clean_sets_are_clean():
    assert sum(run(drawn(seed, (0.02, 0.98))).outcome == "found" for seed in range(40)) >= 38
    assert sum(run(drawn(seed)).outcome == "clean" for seed in range(40)) >= 38


def test_the_table_has_a_row_for_nothing_each_view_and_each_model():
    table = run(drawn(0)).tables[0]

    assert table.rows[0][0] == "nothing: the most frequent class"
    assert table.rows[-1][0] == "the image: ResNet"
    assert len(table.rows) == 7


def test_copies_of_test_images_are_not_learned_from():
    inputs = drawn(0)
    # A train set of which all positives are copies of one test image.
    numbers = {"train": np.where(inputs.train.labels == 1, 0, 1 + np.arange(400)), "validation": 1_000 + np.arange(60)}
    numbers["test"] = np.concatenate([[0], 2_000 + np.arange(199)])

    ended = run(audit_inputs(*inputs.sets.values(), thresholds=inputs.thresholds, copy_groups=numbers))

    assert ended.outcome == "not_applicable"
    assert "copies of test images" in ended.summary


def test_one_class_sets_have_a_reason():
    train = audited_set("train", np.zeros(20))

    assert "training set has fewer" in run(audit_inputs(train)).summary
    assert "No test set" in run(audit_inputs(audited_set("train", np.arange(20) % 2), audited_set("test", [1]))).summary


def test_images_without_facts_are_judged_by_their_pixels():
    labels = np.arange(60) % 2

    ended = run(audit_inputs(audited_set("train", labels), audited_set("test", labels)))

    assert ended.outcome == "clean"
    assert any("not known: bytes" in line for line in ended.details)
