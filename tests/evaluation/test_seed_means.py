import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.metrics import binary_metrics
from kbin.evaluation.seed_means import mean_metrics, metric_spread

CLASSES = ("functional", "defective")
Y_TRUE = [0, 0, 1, 1]


def of_scores(*y_score, y_true=Y_TRUE):
    return binary_metrics(y_true, y_score, CLASSES)


def test_means_are_taken_value_by_value():
    # Accuracies 1, 3/4 and 1/2; AUCs 1, 3/4 and 1/2.
    seeds = [of_scores(0.1, 0.2, 0.8, 0.9), of_scores(0.1, 0.85, 0.8, 0.9), of_scores(0.1, 0.95, 0.2, 0.9)]
    mean = mean_metrics(seeds)
    assert mean.values["accuracy"] == pytest.approx(0.75)
    assert mean.values["roc_auc"] == pytest.approx((1 + 0.75 + 0.5) / 3)
    assert mean.values["majority_accuracy"] == 0.5
    assert mean.per_class["defective"].recall == pytest.approx((1 + 1 + 0.5) / 3)
    assert mean.per_class["defective"].roc_auc == pytest.approx((1 + 0.75 + 0.5) / 3)
    assert mean.per_class["defective"].n == 2
    np.testing.assert_allclose(mean.confusion, [[4 / 3, 2 / 3], [1 / 3, 5 / 3]])
    assert (mean.n, mean.positives) == (4, 2)
    assert mean.undefined == {}
    assert metric_spread(seeds)["accuracy"] == pytest.approx(0.25)


def test_a_metric_that_one_seed_leaves_undefined_has_no_mean():
    seeds = [of_scores(0.1, 0.2, 0.8, 0.9), of_scores(0.1, 0.2, 0.3, 0.4)]
    mean = mean_metrics(seeds)
    assert mean.values["precision"] is None
    assert mean.undefined == {"precision": "no image was predicted 'defective' (1 of 2 seeds)"}
    assert mean.per_class["defective"].precision is None
    assert mean.per_class["defective"].recall == 0.5
    assert metric_spread(seeds)["precision"] is None


def test_a_reason_of_every_seed_is_given_as_it_is():
    mean = mean_metrics([of_scores(0.1, 0.2, y_true=[0, 0])] * 2)
    assert mean.undefined["roc_auc"] == "no image of this set is 'defective'"


def test_one_seed_is_its_own_mean_and_has_no_spread():
    seed = of_scores(0.1, 0.2, 0.8, 0.9)
    assert mean_metrics([seed]) == seed
    assert set(metric_spread([seed]).values()) == {None}


def test_no_seed_has_neither_mean_nor_spread():
    with pytest.raises(DataError, match="a mean over seeds needs at least one seed"):
        mean_metrics([])
    with pytest.raises(DataError, match="a spread over seeds needs at least one seed"):
        metric_spread([])


def test_seeds_on_different_images_are_refused():
    with pytest.raises(DataError, match="needs the same images for every seed, got sets of 4, 2 images"):
        mean_metrics([of_scores(0.1, 0.2, 0.8, 0.9), of_scores(0.1, 0.9, y_true=[0, 1])])
