import numpy as np
import pytest

from kbin.audit.accuracy_falls import AccuracyFall, JudgedSet, accuracy_fall
from kbin.evaluation.resampling import resampled_weights


def of_counts(*classes: tuple[int, int, int], groups: np.ndarray | None = None) -> JudgedSet:
    """Returns a set from (images, right at the threshold in force, right at the best one) of each class."""
    labels = np.concatenate([np.full(number, label) for label, (number, _, _) in enumerate(classes)])
    hits = np.concatenate([np.arange(number) < right for number, right, _ in classes]).astype(float)
    best = np.concatenate([np.arange(number) < right for number, _, right in classes]).astype(float)
    return JudgedSet(labels, hits, best, groups)


def parts(fall: AccuracyFall) -> tuple[float, ...]:
    assert fall.threshold is not None
    assert fall.ranking is not None
    return fall.fall.value, fall.share.value, fall.threshold.value, fall.ranking.value


class TestParts:
    def test_they_are_those_worked_out_by_hand(self):
        # Reference: 100 negatives, 90 right (92 at the best threshold); 100 positives, 80 right (84): accuracy .85.
        # Other: 40 negatives, 20 right (32); 10 positives, 9 right (6): accuracy .58. Its shares: .8 and .2.
        # Reference at those shares: .8 x .9 + .2 x .8 = .88, at its best threshold .8 x .92 + .2 x .84 = .904.
        # Other at its best threshold: (32 + 6) / 50 = .76.
        fall = accuracy_fall(of_counts((100, 90, 92), (100, 80, 84)), of_counts((40, 20, 32), (10, 9, 6)), 2)
        assert fall is not None
        assert (fall.reference_accuracy, fall.accuracy, fall.best_accuracy) == pytest.approx((0.85, 0.58, 0.76))
        # share: .85 - .88; threshold: (.76 - .58) - (.904 - .88); ranking: .904 - .76.
        assert parts(fall) == pytest.approx((0.27, -0.03, 0.156, 0.144))
        assert fall.rest.value == pytest.approx(0.3)

    @pytest.mark.parametrize("seed", range(20))
    def test_they_add_up_to_the_fall_whatever_the_numbers_are(self, seed):
        rng = np.random.default_rng(seed)
        sets = [
            of_counts(*((number, *rng.integers(0, number + 1, 2)) for number in rng.integers(1, 60, 2)))
            for _ in range(2)
        ]
        fall = accuracy_fall(*sets, 2)
        assert fall is not None
        whole, share, threshold, ranking = parts(fall)
        assert whole == pytest.approx(fall.reference_accuracy - fall.accuracy, abs=1e-12)
        assert share + threshold + ranking == pytest.approx(whole, abs=1e-12)
        assert share + fall.rest.value == pytest.approx(whole, abs=1e-12)

    def test_where_only_the_shares_differ_all_of_the_fall_is_the_share(self):
        # Recalls .9 and .6 in both: accuracy .84 with 20 % positives, .66 with 80 %.
        fall = accuracy_fall(of_counts((80, 72, 72), (20, 12, 12)), of_counts((20, 18, 18), (80, 48, 48)), 2)
        assert fall is not None
        assert parts(fall) == pytest.approx((0.18, 0.18, 0, 0))

    def test_where_the_best_threshold_gets_as_much_as_before_all_of_the_fall_is_the_threshold(self):
        fall = accuracy_fall(of_counts((50, 45, 45), (50, 45, 45)), of_counts((50, 10, 45), (50, 50, 45)), 2)
        assert fall is not None
        assert parts(fall) == pytest.approx((0.3, 0, 0.3, 0))

    def test_where_no_threshold_is_better_all_of_the_fall_is_the_ranking(self):
        fall = accuracy_fall(of_counts((50, 45, 45), (50, 45, 45)), of_counts((50, 30, 30), (50, 30, 30)), 2)
        assert fall is not None
        assert parts(fall) == pytest.approx((0.3, 0, 0, 0.3))

    def test_of_three_classes_there_are_the_share_and_the_rest(self):
        # Recalls 1, .5, .5 -> accuracy .75 at shares .5, .25, .25; at shares .25, .25, .5 it would be .625.
        reference = JudgedSet(np.repeat([0, 1, 2], [20, 10, 10]), np.repeat([1.0, 1, 0, 1, 0], [20, 5, 5, 5, 5]))
        other = JudgedSet(np.repeat([0, 1, 2], [10, 10, 20]), np.repeat([1.0, 0, 1, 0], [10, 10, 5, 15]))
        fall = accuracy_fall(reference, other, 3)
        assert fall is not None
        assert (fall.fall.value, fall.share.value, fall.rest.value) == pytest.approx((0.375, 0.125, 0.25))
        assert fall.threshold is None
        assert fall.ranking is None

    def test_a_class_that_the_reference_lacks_leaves_nothing_to_say(self):
        reference = JudgedSet(np.zeros(5, np.int64), np.ones(5))
        other = JudgedSet(np.array([0, 1]), np.ones(2))
        assert accuracy_fall(reference, other, 2) is None
        assert accuracy_fall(other, reference, 2) is not None


class TestErrors:
    def test_that_of_a_fall_follows_from_the_recalls(self):
        # Variance of a class mean p of m images: p (1 - p) / (m - 1).
        fall = accuracy_fall(of_counts((100, 90, 90), (100, 80, 80)), of_counts((40, 20, 20), (10, 9, 9)), 2)
        assert fall is not None
        variance = 0.25 * (0.09 / 99 + 0.16 / 99) + 0.64 * 0.25 / 39 + 0.04 * 0.09 / 9
        assert fall.fall.error == pytest.approx(variance**0.5)

    @pytest.mark.parametrize("grouped", [False, True])
    def test_they_are_those_of_the_stratified_bootstrap(self, grouped):
        rng = np.random.default_rng(0)
        labels = np.repeat([0, 1], [90, 60])
        groups = np.repeat(np.arange(30), 5) if grouped else None
        hits = np.repeat(rng.random(30), 5) if grouped else rng.random(150)
        best = np.clip(hits + 0.2 * rng.random(150), 0, 1)
        exact = JudgedSet(labels, np.ones(150), np.ones(150))  # no error of its own
        other = JudgedSet(labels, hits, best, groups)
        fall = accuracy_fall(exact, other, 2)
        assert fall is not None
        assert fall.threshold is not None
        weights = np.concatenate(list(resampled_weights(labels, groups, 4000)), axis=1)
        for part, values in ((fall.fall, hits), (fall.threshold, best - hits)):
            drawn = values @ weights / len(labels)
            # A standard error from 4,000 resamples is known to 1.1 %.
            assert part.error == pytest.approx(drawn.std(ddof=1), rel=0.045)
