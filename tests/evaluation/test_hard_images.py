import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.hard_images import DOUBTFUL, ERROR, HardImage, hard_images


def indices(found: list[HardImage], kind: str) -> list[int]:
    return [one.index for one in found if one.kind == kind]


def test_the_surest_wrong_answers_come_first_and_false_alarms_and_misses_share_the_places():
    # Wrong at .5, and how far beyond it: 0 (miss, .4), 2 (alarm, .45), 3 (miss, .05), 5 (alarm, .1).
    y_true = [1, 1, 0, 1, 0, 0]
    y_score = [0.1, 0.9, 0.95, 0.45, 0.2, 0.6]
    found = hard_images(y_true, y_score, 2, most_errors=3, most_doubtful=0)
    assert indices(found, ERROR) == [2, 0, 5]
    assert found[0] == HardImage(ERROR, 2, true=0, predicted=1, score=0.95)
    assert found[1] == HardImage(ERROR, 0, true=1, predicted=0, score=0.1)


def test_how_sure_an_answer_is_counts_from_the_threshold_to_the_end_of_its_side():
    # Threshold .2: an alarm at .6 is half the way from .2 to 1, a miss at .05 three quarters of that from .2 to 0.
    found = hard_images([0, 1], [0.6, 0.05], 2, threshold=0.2, most_doubtful=0)
    assert indices(found, ERROR) == [1, 0]


def test_a_score_at_the_threshold_is_answered_with_the_positive_class():
    (only,) = hard_images([0], [0.3], 2, threshold=0.3)
    assert (only.kind, only.predicted) == (ERROR, 1)


def test_the_doubtful_images_are_nearest_to_the_threshold_and_are_no_errors_already_shown():
    # Distances from .4: .01, .05, .02, .3; the first is wrong, and takes the only place for errors.
    y_true, y_score = [0, 1, 0, 1], [0.41, 0.45, 0.38, 0.7]
    found = hard_images(y_true, y_score, 2, threshold=0.4, most_errors=1, most_doubtful=2)
    assert indices(found, ERROR) == [0]
    assert indices(found, DOUBTFUL) == [2, 1]


def test_an_error_that_finds_no_place_may_be_doubtful():
    found = hard_images([0, 0], [0.9, 0.51], 2, most_errors=1, most_doubtful=1)
    assert [(one.kind, one.index) for one in found] == [(ERROR, 0), (DOUBTFUL, 1)]


def test_of_equal_images_the_first_comes_first():
    found = hard_images([0] * 5, [1.0] * 5, 2, most_errors=3, most_doubtful=1)
    assert [one.index for one in found] == [0, 1, 2, 3]


@pytest.mark.parametrize("threshold", [0.0, 1.0, 1.0000000000000002])
def test_a_threshold_at_an_end_is_no_fault(threshold):
    assert len(hard_images([0, 1], [1.0, 0.0], 2, threshold=threshold)) == 2


def test_more_classes_rank_errors_by_the_answer_and_doubt_by_the_margin():
    rows = [
        [0.5, 0.4, 0.1],  # true 0, margin .1
        [0.1, 0.7, 0.2],  # true 0: wrong at .7
        [0.0, 0.1, 0.9],  # true 1: wrong at .9
        [0.3, 0.33, 0.37],  # true 2, margin .04
        [0.9, 0.05, 0.05],  # true 0
    ]
    found = hard_images([0, 0, 1, 2, 0], rows, 3, most_doubtful=2)
    assert [(one.kind, one.index) for one in found] == [(ERROR, 2), (ERROR, 1), (DOUBTFUL, 3), (DOUBTFUL, 0)]
    assert [(one.predicted, one.score) for one in found] == [(2, 0.9), (1, 0.7), (2, 0.37), (0, 0.5)]


def test_two_columns_are_read_like_the_scores_of_the_positive_class():
    scores = np.array([0.2, 0.7, 0.55])
    rows = np.stack([1 - scores, scores], axis=1)
    assert hard_images([1, 0, 0], rows, 2, 0.6) == hard_images([1, 0, 0], scores, 2, 0.6)


def test_a_set_without_errors_has_doubtful_images_only():
    assert {one.kind for one in hard_images([0, 1], [0.1, 0.9], 2)} == {DOUBTFUL}


def test_scores_of_another_set_are_refused():
    with pytest.raises(DataError, match="same length, got 2 and 1"):
        hard_images([0, 1], [0.5], 2)
