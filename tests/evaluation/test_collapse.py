from dataclasses import replace

import numpy as np
import pytest

from kbin.evaluation.collapse import beats_majority, collapse_sentence, has_collapsed
from kbin.evaluation.metrics import classification_metrics

CLASSES = ("functional", "defective")


def of_counts(true_negatives, false_positives, false_negatives, true_positives):
    """Metrics at .5 of a model with these counts; the scores are .1 and .9."""
    y_true = np.repeat([0, 0, 1, 1], [true_negatives, false_positives, false_negatives, true_positives])
    answers = np.repeat([0, 1, 0, 1], [true_negatives, false_positives, false_negatives, true_positives])
    return classification_metrics(y_true, np.where(answers, 0.9, 0.1), CLASSES)


@pytest.mark.parametrize(
    ("counts", "collapsed"),
    [
        ((50, 0, 0, 50), False),
        ((0, 50, 0, 50), True),
        # Both classes are answered, but 60 of 100 is what one answer for all gets too; 61 is more.
        ((40, 20, 20, 20), True),
        ((41, 19, 20, 20), False),
        # 1 of 100 defects found: .901 beats .900, and still nearly every answer is the same.
        ((900, 0, 99, 1), True),
        # 20 of 1,000 answers are the rarer class.
        ((900, 0, 80, 20), False),
        # A set that is nearly all of one class itself: a perfect model answers so too, and one that finds 3 of 5.
        ((995, 0, 0, 5), False),
        ((995, 0, 2, 3), False),
        ((995, 0, 3, 2), True),
    ],
)
def test_a_collapse_is_an_accuracy_or_answers_like_those_of_one_class_for_all(counts, collapsed):
    assert has_collapsed(of_counts(*counts)) is collapsed


@pytest.mark.parametrize("counts", [(10, 0, 0, 0), (0, 10, 0, 0), (0, 0, 3, 7), (0, 0, 0, 9)])
def test_a_set_with_one_class_cannot_collapse(counts):
    metrics = of_counts(*counts)
    assert not has_collapsed(metrics)
    assert collapse_sentence(metrics) is None


def test_a_sound_model_has_no_sentence():
    assert collapse_sentence(of_counts(50, 5, 5, 40)) is None


def test_a_moved_threshold_with_the_order_kept_is_told():
    # Every score lies above .5, all defective ones above all others.
    metrics = classification_metrics([0] * 7 + [1] * 3, [0.6] * 7 + [0.9] * 3, CLASSES)
    assert collapse_sentence(metrics) == (
        "accuracy 0.300 is not above 0.700, which always answering 'functional' gets; every answer is 'defective'; "
        "its ROC AUC is 1.000: the order is kept, the threshold does not fit this set"
    )


def test_scores_that_say_nothing_have_lost_the_order_too():
    metrics = classification_metrics([0] * 7 + [1] * 3, [0.25] * 10, CLASSES)
    assert collapse_sentence(metrics, (0.5, 0.5)) == (
        "accuracy 0.700 is not above 0.700, which always answering 'functional' gets; every answer is 'functional'; "
        "its ROC AUC is 0.500 (95% interval 0.500 to 0.500): the order is lost too"
    )


def test_the_share_of_the_commonest_answer_is_told():
    # 97 of 100 answers are "defective", 32 of them and 2 of the other three are right.
    assert "accuracy 0.340 is not above 0.670" in collapse_sentence(of_counts(2, 65, 1, 32))
    assert "97.0% of the answers are 'defective'" in collapse_sentence(of_counts(2, 65, 1, 32))


def test_answers_of_one_class_above_the_baseline_are_not_said_to_be_below_it():
    assert "accuracy 0.901 is only slightly above 0.900" in collapse_sentence(of_counts(900, 0, 99, 1))


@pytest.mark.parametrize(
    ("auc", "interval", "verdict"),
    [
        (0.91, (0.85, 0.95), "the order is kept, the threshold does not fit this set"),
        (0.70, (0.51, 0.84), "the order is kept, the threshold does not fit this set"),
        (0.62, (0.55, 0.69), "the order is weak, though better than guessing"),
        (0.80, (0.45, 0.95), "too few images to tell whether the order is kept"),
        (0.52, (0.41, 0.63), "the order is lost too"),
        (0.20, (0.10, 0.35), "the order is reversed"),
        (0.90, None, "the order is kept, the threshold does not fit this set"),
        (0.69, None, "the order is lost too"),
    ],
)
def test_the_auc_and_its_interval_say_what_became_of_the_order(auc, interval, verdict):
    metrics = of_counts(0, 50, 0, 50)
    metrics = replace(metrics, values=metrics.values | {"roc_auc": auc})
    assert collapse_sentence(metrics, interval).endswith(f": {verdict}")


def test_a_model_that_finds_rare_positives_has_not_collapsed_though_the_majority_is_more_often_right():
    # Recalls 70 of 90 and 8 of 10: balanced accuracy .789, accuracy .78 under .9.
    metrics = of_counts(70, 20, 2, 8)
    assert not beats_majority(metrics)
    assert not has_collapsed(metrics)


def test_of_several_classes_the_answer_and_not_a_threshold_is_to_blame():
    # Each class's own probability orders the images rightly, yet "a" is the most probable everywhere.
    rows = [[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.5, 0.1, 0.4]]
    metrics = classification_metrics([0, 1, 2], rows, ("a", "b", "c"))
    assert collapse_sentence(metrics) == (
        "accuracy 0.333 is not above 0.333, which always answering 'a' gets; every answer is 'a'; "
        "its ROC AUC is 1.000: the order is kept, but the most probable class is not the right answer on this set"
    )


def test_an_undefined_auc_leaves_the_order_open():
    rows = [[0.8, 0.1, 0.1], [0.5, 0.4, 0.1]]
    metrics = classification_metrics([0, 1], rows, ("a", "b", "c"))
    assert collapse_sentence(metrics).endswith("its ROC AUC is undefined, so whether the order is kept cannot be told")
