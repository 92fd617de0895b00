import json
import re
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit

from kbin.audit.findings import Outcome
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.ranking_or_threshold import CHECK
from kbin.evaluation.thresholds import choose_threshold
from tests.audit.audited import audit_inputs, audited_set

CLEAN_SEEDS = 20


@dataclass(frozen=True)
class Drawn:
    """A set whose scores are drawn: two normal distributions, `apart` from each other and moved by `shift`."""

    name: str
    n: int
    share: float = 0.4
    apart: float = 2.5
    shift: float = 0.0

    def draw(self, rng: np.random.Generator, models: int = 1, seeds: int = 3) -> AuditedSet:
        labels = (np.arange(self.n) < round(self.share * self.n)).astype(np.int64)
        shared = rng.normal(0, 0.8, self.n) + self.apart * (labels - 0.5) + self.shift
        probabilities = {
            f"model-{model}": expit(1.5 * (shared + rng.normal(0, 0.6, (seeds, self.n)))) for model in range(models)
        }
        return audited_set(self.name, labels, probabilities=probabilities, miniatures=np.zeros((self.n, 1, 1, 3)))


def drawn(seed: int, *sets: Drawn, models: int = 1) -> AuditInputs:
    """Returns inputs whose thresholds are Youden's on the validation set, as a run's are."""
    rng = np.random.default_rng(seed)
    made = [one.draw(rng, models) for one in (Drawn("train", 30), *sets)]
    reference = next((one for one in made if one.name == "validation"), made[0])
    thresholds = {
        model_id: np.array([choose_threshold(reference.labels, scores).threshold for scores in seeds])
        for model_id, seeds in reference.probabilities.items()
    }
    return audit_inputs(*made, thresholds=thresholds)


def only_fall(outcome: Outcome) -> dict[str, float]:
    (fall,) = outcome.values["falls"]
    return fall


def test_where_nothing_changed_it_is_clean_and_a_given_threshold_takes_nothing():
    outcomes, parts = [], []
    for seed in range(CLEAN_SEEDS):
        rng = np.random.default_rng(seed)
        sets = [one.draw(rng) for one in (Drawn("train", 30), Drawn("validation", 200), Drawn("test", 400))]
        # Near the best threshold of these distributions, and chosen on none of the images.
        outcome = CHECK.run(audit_inputs(*sets, thresholds={"model-0": np.full(3, 0.55)}))
        outcomes.append(outcome.outcome)
        parts.append([only_fall(outcome)[name] for name in ("threshold", "share", "ranking")])
    assert outcomes.count("clean") >= 0.95 * CLEAN_SEEDS
    # With 20 seeds the mean of a part is known to .002 (threshold) and .004 (ranking).
    assert np.mean(parts, axis=0) == pytest.approx([0, 0, 0], abs=0.012)


def test_what_a_threshold_owes_to_the_images_that_it_was_chosen_on_is_its_own_part_and_no_finding():
    outcomes, parts = [], []
    for seed in range(CLEAN_SEEDS):
        outcome = CHECK.run(drawn(seed, Drawn("validation", 200), Drawn("test", 400)))
        outcomes.append(outcome.outcome)
        parts.append([only_fall(outcome)[name] for name in ("fall", "threshold", "ranking")])
    fall, threshold, ranking = np.mean(parts, axis=0)
    assert outcomes.count("clean") >= 0.95 * CLEAN_SEEDS
    assert threshold == pytest.approx(fall, abs=0.01)
    assert ranking == pytest.approx(0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("validation", "test"), [(60, 40), (160, 270), (2000, 3000)])
def test_where_nothing_changed_it_is_clean_in_57_of_60_seeds(validation, test):
    sets = (Drawn("validation", validation), Drawn("test", test), Drawn("other", test))
    outcomes = [CHECK.run(drawn(seed, *sets, models=2)).outcome for seed in range(60)]
    assert outcomes.count("clean") >= 57


@pytest.mark.parametrize("seed", range(4))
def test_scores_that_moved_are_the_threshold(seed):
    outcome = CHECK.run(drawn(seed, Drawn("validation", 400), Drawn("test", 800, shift=2)))
    fall = only_fall(outcome)
    assert outcome.outcome == "found"
    assert fall["fall"] > 0.15
    assert fall["threshold"] == pytest.approx(fall["fall"], abs=0.06)
    assert "Choose the threshold of model-0 again" in outcome.next_step


@pytest.mark.parametrize("seed", range(4))
def test_images_that_are_harder_are_the_ranking(seed):
    outcome = CHECK.run(drawn(seed, Drawn("validation", 400), Drawn("test", 800, apart=1)))
    fall = only_fall(outcome)
    assert outcome.outcome == "found"
    assert fall["ranking"] == pytest.approx(fall["fall"], abs=0.06)
    assert "Label images of the kind of test" in outcome.next_step


@pytest.mark.parametrize("seed", range(4))
def test_other_shares_alone_are_the_share(seed):
    rng = np.random.default_rng(seed)
    # A threshold at which .98 of the negatives and about .7 of the positives are right.
    made = [
        Drawn(name, n, share).draw(rng)
        for name, n, share in (("train", 30, 0.4), ("validation", 800, 0.1), ("test", 800, 0.9))
    ]
    outcome = CHECK.run(audit_inputs(*made, thresholds={"model-0": np.full(3, 0.75)}))
    fall = only_fall(outcome)
    assert outcome.outcome == "found"
    assert fall["fall"] > 0.1
    assert fall["share"] == pytest.approx(fall["fall"], abs=0.06)
    assert "balanced accuracy" in outcome.next_step


def test_a_threshold_that_only_finds_the_commonest_class_is_no_way_out():
    # All scores of the test set are high and say nothing of its classes: one answer for all is the best.
    rng = np.random.default_rng(0)
    made = [Drawn("train", 30).draw(rng), Drawn("validation", 300).draw(rng), Drawn("test", 600, 0.25, 0, 3).draw(rng)]
    outcome = CHECK.run(audit_inputs(*made, thresholds={"model-0": np.full(3, 0.5)}))
    assert "always answering “cat” gets 0.750." in outcome.summary
    assert only_fall(outcome)["threshold"] > only_fall(outcome)["ranking"]
    assert outcome.next_step.startswith("Label images of the kind of test")


def test_the_points_of_the_summary_add_up():
    outcome = CHECK.run(drawn(0, Drawn("validation", 400), Drawn("test", 800, 0.2, apart=1.5, shift=1)))
    said = re.search(
        r"by (\d+) points: (-?\d+) of them are the threshold, (-?\d+) the share of positives, (-?\d+) the ranking",
        outcome.summary,
    )
    assert said is not None
    fall, *named = map(int, said.groups())
    assert sum(named) == fall


def test_a_set_of_one_class_has_no_threshold_part():
    inputs = drawn(0, Drawn("validation", 400), Drawn("test", 100, share=1, shift=-3))
    fall = only_fall(CHECK.run(inputs))
    assert (fall["threshold"], fall["ranking"], fall["auc"]) == (None, None, None)
    assert fall["share"] + fall["rest"] == pytest.approx(fall["fall"])
    json.dumps(fall, allow_nan=False)


@pytest.mark.parametrize(("n", "is_said"), [(200, True), (1500, False)])
def test_what_a_threshold_owes_to_few_images_is_said(n, is_said):
    details = CHECK.run(drawn(0, Drawn("validation", n), Drawn("test", 400))).details
    assert any(f"chosen on validation ({n} images)" in sentence for sentence in details) == is_said


def test_without_validation_the_training_set_is_compared_and_the_ranking_alone_is_no_finding():
    rng = np.random.default_rng(0)
    known_by_heart = Drawn("train", 400, apart=8).draw(rng)
    inputs = audit_inputs(known_by_heart, Drawn("test", 400).draw(rng), thresholds={"model-0": np.full(3, 0.5)})
    outcome = CHECK.run(inputs)
    assert outcome.outcome == "clean"
    assert only_fall(outcome)["fall"] > 0.05
    assert any("no validation set" in sentence for sentence in outcome.details)


def test_of_three_classes_a_fall_has_two_parts():
    rng = np.random.default_rng(0)
    sets = []
    for name, n, right in (("train", 30, 1), ("validation", 300, 0.9), ("test", 300, 0.6)):
        labels = np.arange(n) % 3
        answers = np.where(rng.random(n) < right, labels, (labels + 1) % 3)
        sets.append(audited_set(name, labels, probabilities={"a": np.eye(3)[answers][None] * 0.7 + 0.1}))
    outcome = CHECK.run(audit_inputs(*sets, classes=("a", "b", "c")))
    fall = only_fall(outcome)
    assert outcome.outcome == "found"
    assert fall["share"] == pytest.approx(0, abs=1e-9)  # the shares are the same
    assert fall["rest"] == pytest.approx(fall["fall"])


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        ((Drawn("validation", 100),), "No test set has 20 images"),
        ((Drawn("validation", 10), Drawn("test", 100)), "validation, has 10 images"),
        ((Drawn("validation", 100), Drawn("test", 1)), "No test set has 20 images"),
        (
            (Drawn("validation", 100, share=0), Drawn("test", 100)),
            "a class of which validation has fewer than 5 images",
        ),
    ],
)
def test_what_is_too_small_is_not_judged(sets, reason):
    rng = np.random.default_rng(0)
    made = [Drawn("train", 30).draw(rng), *(one.draw(rng) for one in sets)]
    outcome = CHECK.run(audit_inputs(*made, thresholds={"model-0": np.full(3, 0.5)}))
    assert outcome.outcome == "not_applicable"
    assert reason in outcome.summary


def test_without_predictions_there_is_nothing_to_say():
    outcome = CHECK.run(audit_inputs(audited_set("train", np.array([0, 1]))))
    assert outcome.outcome == "not_applicable"
