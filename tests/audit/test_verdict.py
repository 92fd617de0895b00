"""Hand-made situations: what a good analyst would say first, and in which words."""

from collections.abc import Mapping
from typing import Any

import pytest

from kbin.audit.findings import Check, Finding, Outcome, Severity, clean, found, not_applicable
from kbin.audit.verdict import Verdict, verdict

TITLE = {"made-up": "A check of tomorrow", "exact-copies": "The same image twice"}


def ended(code: str, outcome: Outcome, severity: Severity = "medium") -> Finding:
    return Finding(Check(code, TITLE.get(code, f"Title of {code}"), severity, lambda inputs: outcome), outcome)


def something(code: str, strength: float = 0.9, severity: Severity = "medium", **values: Any) -> Finding:
    step = f"Do what {code} asks for."
    return ended(code, found(f"Found {code}.", strength=strength, next_step=step, values=values), severity)


def nothing(code: str) -> Finding:
    return ended(code, clean(f"No {code}."))


def fall(
    reference: float, accuracy: float, *, ranking: float | None, threshold: float | None, share: float, **more: Any
) -> dict[str, Any]:
    """Returns a fall as the check measures it, with an interval of 4 points on both sides."""
    size = reference - accuracy
    return {
        "model": "frozen",
        "set": "poly",
        "reference_accuracy": reference,
        "accuracy": accuracy,
        "fall": size,
        "rest": size - share,
        "ranking": ranking,
        "threshold": threshold,
        "share": share,
        "reference_auc": 0.93,
        "auc": 0.841,
        "best_accuracy": None if threshold is None else accuracy + threshold,
        "intervals": {"fall": [size - 0.04, size + 0.04]},
        **more,
    }


def measured(*falls: Mapping[str, Any], reference: str = "validation", outcome: str = "found") -> Finding:
    of = found if outcome == "found" else clean
    step = "Choose the threshold again."
    return ended(
        "ranking-or-threshold", of("Measured.", next_step=step, values={"reference": reference, "falls": falls})
    )


# 12.8 points: 7.9 the ranking, 4.1 the threshold, 0.8 the shares.
ELPV = fall(0.84, 0.712, ranking=0.079, threshold=0.041, share=0.008)
# 10 points, nearly all of them the threshold.
THRESHOLD = fall(0.9, 0.8, ranking=0.005, threshold=0.09, share=0.005, auc=0.927)


def codes(found_out: Verdict) -> list[str]:
    return [one.code for one in found_out.explanations]


def weights(found_out: Verdict) -> dict[str, str]:
    return {one.code: one.weight for one in found_out.explanations}


def sentence(found_out: Verdict, code: str) -> str:
    return next(one.sentence for one in found_out.explanations if one.code == code)


def test_on_solar_cells_of_another_kind_drift_comes_first_and_part_of_the_fall_is_the_threshold():
    drift = something("drift-features", 0.99)
    told = verdict([nothing("exact-copies"), drift, something("drift-properties"), measured(ELPV)])

    assert told.question == "Why does “poly” fall short of “validation”?"
    assert codes(told) == ["drift-features", "drift-properties", "ranking-or-threshold"]
    assert weights(told) == {"drift-features": "strong", "drift-properties": "some", "ranking-or-threshold": "some"}
    assert "is enough to explain the worse ranking (ROC AUC 0.930 to 0.841), 7.9 of the 12.8 points" in sentence(
        told, "drift-features"
    )
    # 71.2 % and 4.1 points of threshold
    assert "The threshold explains 4.1 of the 12.8 points" in sentence(told, "ranking-or-threshold")
    assert "about 75.3% there" in sentence(told, "ranking-or-threshold")
    assert told.answer == (
        "frozen is right on 71.2% of “poly” and on 84.0% of “validation”: 12.8 points less. 7.9 points are the ranking "
        "(ROC AUC 0.930 to 0.841), 4.1 points are the threshold, 0.8 points are the share of the classes. "
        "The strongest explanation is drift, images that look different."
    )
    assert told.ruled_out == ("The same image twice: No exact-copies.",)


def test_where_the_ranking_holds_the_threshold_comes_first_and_drift_explains_no_more_than_that_it_does_not_fit():
    told = verdict([something("drift-features", 0.99), measured(THRESHOLD)])

    assert codes(told) == ["ranking-or-threshold", "drift-features"]
    assert weights(told)["ranking-or-threshold"] == "strong"
    assert "does not explain a worse ranking" in sentence(told, "drift-features")
    assert "why the threshold no longer fits, 9.0 of the 10.0 points" in sentence(told, "drift-features")
    assert told.next_steps[0].sentence == "Choose the threshold again."


def test_a_threshold_that_makes_all_answers_one_is_no_help():
    lost = THRESHOLD | {"majority_accuracy": 0.88}  # 89.0 % at the best threshold
    told = verdict([measured(lost)])

    assert weights(told) == {"ranking-or-threshold": "some"}
    assert "about 89.0% there, hardly more than one answer for all images gets, 88.0%" in sentence(
        told, "ranking-or-threshold"
    )
    assert weights(verdict([measured(lost | {"majority_accuracy": 0.5})])) == {"ranking-or-threshold": "strong"}


def test_shares_that_raise_the_accuracy_take_nothing():
    told = verdict(
        [something("share-of-positives"), measured(fall(0.9, 0.8, ranking=0.1, threshold=0.01, share=-0.01))]
    )

    assert any("it takes nothing of the accuracy" in one for one in told.ruled_out)
    assert "the share of the classes gives back 1.0 point" in told.answer


def test_drift_that_a_classifier_hardly_sees_explains_only_some_of_a_great_loss():
    told = verdict([something("drift-features", 0.15), measured(ELPV)])

    # the fall's 12 points by ranking and threshold, 94 %, times 2 x .15
    assert weights(told)["drift-features"] == "some"
    assert "explains some of the worse ranking" in sentence(told, "drift-features")
    assert codes(told) == ["ranking-or-threshold", "drift-features"]


def test_drift_of_another_set_does_not_explain_this_fall():
    pairs = [
        {"first": "train", "second": "poly", "auc": 0.51, "is_found": False},
        {"first": "train", "second": "other", "auc": 0.99, "is_found": True},
    ]
    told = verdict([something("drift-features", 0.98, pairs=pairs), measured(ELPV)])

    assert "drift-features" not in codes(told)
    assert "no difference was found between “poly” and the others" in told.ruled_out[0]


def test_other_shares_of_the_classes_are_told_by_their_part_of_the_fall():
    # 8 of 10 points
    told = verdict(
        [something("share-of-positives", 0.3), measured(fall(0.9, 0.8, ranking=0.01, threshold=0.01, share=0.08))]
    )

    assert codes(told)[0] == "share-of-positives"
    assert "That explains 8.0 of the 10.0 points." in sentence(told, "share-of-positives")
    assert any(
        one == "The threshold does not explain the fall: another one gives back 1.0 point." for one in told.ruled_out
    )


def test_found_shares_that_take_nothing_are_ruled_out_with_their_points():
    told = verdict([something("share-of-positives"), measured(ELPV)])

    assert "share-of-positives" not in codes(told)
    assert told.ruled_out == (
        "Found share-of-positives. That does not explain the fall: it takes 0.8 points of the accuracy.",
    )


def test_a_faulty_input_comes_before_everything_and_a_grey_one_does_not():
    drift, shown = something("drift-features", 0.99), measured(ELPV)

    told = verdict([drift, shown, something("input-numbers", 0.5, "high")])
    assert codes(told)[0] == "input-numbers"
    assert told.next_steps[0].code == "input-numbers"
    assert "Before anything else stands an input that is not what the backbone was trained on" in told.answer

    told = verdict([drift, shown, something("input-numbers", 0.5, "medium")])
    assert codes(told)[:2] == ["input-numbers", "drift-features"]
    assert weights(told)["input-numbers"] == "some"

    told = verdict([drift, shown, something("input-numbers", 0.05, "low")])
    assert codes(told)[0] == "drift-features"
    assert "every other figure is measured through it" not in told.answer


def test_a_leak_premium_as_large_as_the_fall_is_enough_to_explain_it():
    told = verdict([something("near-copies", 0.6, "high"), something("leak-premium", 0.3, premium=0.2), measured(ELPV)])

    assert codes(told)[0] == "leak-premium"
    assert weights(told)["leak-premium"] == "strong"
    assert "enough to explain the whole fall of 12.8 points: “validation” promised too much" in sentence(
        told, "leak-premium"
    )


def test_a_smaller_leak_premium_explains_its_part_and_comes_after_drift():
    told = verdict([something("leak-premium", 0.3, premium=0.03), something("drift-features"), measured(ELPV)])

    assert codes(told)[0] == "drift-features"
    assert "explains 3.0 of the 12.8 points at most" in sentence(told, "leak-premium")


def test_copies_without_a_premium_do_not_explain_the_fall():
    told = verdict([something("near-copies", 0.9, "high"), nothing("leak-premium"), measured(ELPV)])

    assert "near-copies" not in codes(told)
    assert "split without them, the same setting does as well" in told.ruled_out[0]
    assert "near-copies" in [step.code for step in told.next_steps]


@pytest.mark.parametrize(
    ("code", "of_sets"),
    [
        (
            "exact-copies",
            lambda name: {"pairs_of_sets": [{"first": "train", "second": name}, {"first": name, "second": name}]},
        ),
        ("near-copies", lambda name: {"in_train": {"validation": 0.0, name: 0.5}}),
        ("split-groups", lambda name: {"sets": [{"set": name, "share": 0.5}]}),
        (
            "neighbouring-frames",
            lambda name: {
                "sets": [{"set": name, "p_value": 0.0}, {"set": "poly" if name == "third" else "third", "p_value": 0.9}]
            },
        ),
    ],
)
def test_only_what_the_reference_shares_with_training_makes_a_fall_too_large(code, of_sets):
    told = verdict([something(code, 0.9, "high", **of_sets("validation")), measured(ELPV)])
    assert codes(told)[0] == code
    assert "“validation” promises too much, and the fall is smaller than it looks." in sentence(told, code)

    told = verdict([something(code, 0.9, "high", **of_sets("poly")), measured(ELPV)])
    assert "“poly” look better than it is; they do not explain the fall, which is larger still" in told.ruled_out[0]

    told = verdict([something(code, 0.9, "high", **of_sets("third")), measured(ELPV)])
    assert "“validation” shares none with the training set" in told.ruled_out[0]


def test_wrong_labels_bound_what_can_be_reached_and_are_never_strong_evidence():
    told = verdict([something("label-noise", 1.0, "high"), measured(ELPV)])

    assert weights(told)["label-noise"] == "some"
    assert "bound what any model can reach" in sentence(told, "label-noise")


def test_a_shortcut_says_that_high_figures_need_not_be_about_the_objects():
    told = verdict(
        [something("shortcuts", 0.9, "high"), measured(fall(0.95, 0.6, ranking=0.3, threshold=0.04, share=0.01))]
    )

    assert codes(told)[0] == "shortcuts"
    assert "need not be about what is to be seen" in sentence(told, "shortcuts")


def test_a_fall_that_nothing_explains_is_called_so_with_what_could_not_be_looked_at():
    told = verdict(
        [
            nothing("exact-copies"),
            ended("drift-features", not_applicable("There are no features.")),
            measured(fall(0.9, 0.8, ranking=0.1, threshold=0.0, share=0.0)),
        ]
    )

    assert told.explanations == ()
    assert told.answer.endswith("Nothing that was looked at explains it (1 of 3 checks could not be made).")
    assert told.not_tested == ("Title of drift-features: There are no features.",)


def test_a_fall_within_noise_is_no_fall():
    small = fall(0.84, 0.82, ranking=0.01, threshold=0.01, share=0.0)
    told = verdict([nothing("drift-features"), measured(small, outcome="clean")])

    assert told.question == "Does a test set fall short, and can the figures be believed?"
    assert (
        "within noise: other images of the same kind could make as much (95% interval \N{MINUS SIGN}2.0 to 6.0)"
        in told.answer
    )
    assert "Nothing that was looked at speaks against the figures." in told.answer


def test_a_fall_that_its_check_calls_too_small_is_none_even_where_chance_does_not_make_it():
    told = verdict([measured(fall(0.9, 0.83, ranking=0.07, threshold=0.0, share=0.0), outcome="clean")])

    assert "That is too little to build on (95% interval 3.0 to 11.0)" in told.answer
    assert told.question.startswith("Does a test set fall short")


def test_where_nothing_falls_and_nothing_is_found_that_is_said_plainly():
    told = verdict(
        [nothing("exact-copies"), measured(fall(0.8, 0.85, ranking=0, threshold=0, share=0), outcome="clean")]
    )

    assert told.answer == (
        "No test set falls short: frozen is right on 85.0% of “poly” and on 80.0% of “validation”. Nothing that was "
        "looked at speaks against the figures."
    )
    assert (told.explanations, told.next_steps) == ((), ())


def test_without_a_fall_leaks_still_speak_against_the_figures_and_drift_is_weak():
    told = verdict([something("drift-features", 1.0), something("exact-copies", 0.4, "high"), nothing("label-noise")])

    assert codes(told) == ["exact-copies", "drift-features"]
    assert weights(told) == {"exact-copies": "some", "drift-features": "weak"}
    assert told.answer == (
        "How far a test set falls short could not be measured here. But something speaks against the figures, first of "
        "all the same images in several places."
    )


def test_checks_that_nobody_knows_yet_are_ranked_by_severity_and_strength():
    told = verdict([something("made-up", 0.9, "low"), something("made-up-too", 0.9, "high"), measured(ELPV)])

    assert codes(told) == ["made-up-too", "ranking-or-threshold", "made-up"]
    assert weights(told)["made-up"] == "some"  # .3 x .9
    assert sentence(told, "made-up") == "Found made-up."


def test_the_set_that_falls_most_is_asked_about_and_there_the_model_that_is_best_on_the_reference():
    second = ELPV | {"model": "fine-tuned", "reference_accuracy": 0.9, "accuracy": 0.8}
    other = ELPV | {"set": "winter", "accuracy": 0.78, "intervals": {"fall": [0.03, 0.09]}}
    told = verdict([measured(other, ELPV, second)])

    assert told.answer.startswith(
        "fine-tuned is right on 80.0% of “poly” and on 90.0% of “validation”: 10.0 points less."
    )
    assert "There too frozen falls by 12.8 points." in told.answer
    assert "Less so, but beyond noise too, falls “winter”." in told.answer


def test_a_larger_fall_of_a_small_set_that_chance_could_make_is_not_asked_about():
    small = ELPV | {"set": "tiny", "accuracy": 0.6, "intervals": {"fall": [-0.01, 0.49]}}
    told = verdict([measured(small, ELPV)])

    assert told.question == "Why does “poly” fall short of “validation”?"
    assert "tiny" not in told.answer


def test_of_more_than_two_classes_drift_is_held_against_what_the_shares_do_not_explain():
    several = fall(0.8, 0.7, ranking=None, threshold=None, share=0.01, reference_auc=None, auc=None)
    told = verdict([something("drift-features"), measured(several)])

    assert "is enough to explain what is lost beyond the shares of the classes, 9.0 of the 10.0 points." in sentence(
        told, "drift-features"
    )
    assert "9.0 points are what the shares of the classes do not explain" in told.answer


def test_a_fall_from_the_training_set_is_partly_what_is_known_by_heart():
    told = verdict([measured(ELPV, reference="train")])

    assert "“train” was learned from: a part of that is known by heart." in told.answer


def test_no_sentence_claims_a_cause():
    kinds = ["exact-copies", "near-copies", "split-groups", "neighbouring-frames", "leak-premium", "drift-features"]
    kinds += ["drift-properties", "share-of-positives", "label-noise", "shortcuts", "input-numbers"]
    for falls in ([ELPV], [THRESHOLD], []):
        told = verdict([*(something(code) for code in kinds), measured(*falls)])
        said = " ".join([told.answer, *(one.sentence for one in told.explanations), *told.ruled_out])
        assert "cause" not in said
        assert "because" not in said
        assert "proves" not in said
