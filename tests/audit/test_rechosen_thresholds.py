import numpy as np
import pytest
from scipy.special import expit

from kbin.audit.rechosen_thresholds import NUM_FOLDS, best_threshold, divisions, rechosen_hits


class TestBestThreshold:
    def test_it_lies_where_most_images_are_right(self):
        labels, scores = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.8, 0.9])
        assert best_threshold(labels, scores, 0.4) == pytest.approx(0.7)

    def test_it_weighs_the_classes_by_the_share_that_is_asked_for(self):
        # One positive of four lies among the negatives: worth it where positives are common.
        labels, scores = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0.1, 0.1, 0.4, 0.4, 0.3, 0.8, 0.8, 0.8])
        assert best_threshold(labels, scores, 0.1) == pytest.approx(0.6)
        assert best_threshold(labels, scores, 0.9) == pytest.approx(0.2)

    def test_of_one_class_it_is_a_half(self):
        assert best_threshold(np.zeros(4, np.int64), np.linspace(0, 1, 4), 0.5) == 0.5

    def test_of_many_images_a_sample_of_each_class_is_enough(self):
        rng = np.random.default_rng(0)
        labels = (rng.random(60_000) < 0.02).astype(np.int64)
        scores = expit(rng.normal(0, 0.3, 60_000) + 2 * labels)
        assert best_threshold(labels, scores, 0.5) == pytest.approx(expit(1.0), abs=0.03)


class TestDivisions:
    def test_each_holds_every_image_out_once_and_keeps_groups_together(self):
        labels, groups = np.repeat([0, 1], 30), np.repeat(np.arange(20), 3).astype(str)
        found = divisions(labels, groups)
        assert found is not None
        for folds in found:
            assert sorted(set(folds.tolist())) == list(range(NUM_FOLDS))
            assert all(len(set(folds[groups == name].tolist())) == 1 for name in groups)

    def test_a_class_of_fewer_images_or_groups_than_folds_has_none(self):
        assert divisions(np.array([0] * 30 + [1] * 4)) is None
        assert divisions(np.zeros(30, np.int64)) is None
        assert divisions(np.repeat([0, 1], 30), np.repeat(np.arange(6), 10)) is None


class TestRechosenHits:
    def test_scores_without_meaning_get_no_more_than_chance(self):
        # Chosen and judged on the same 40 images, the best threshold is right on about 60 %.
        shares = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            labels, scores = np.repeat([0, 1], 20), rng.random(40)
            folds = divisions(labels)
            assert folds is not None
            shares.append(rechosen_hits(labels, scores, folds, 0.5).mean())
        assert np.mean(shares) == pytest.approx(0.5, abs=0.04)

    def test_images_that_a_threshold_parts_are_all_right(self):
        labels, scores = np.repeat([0, 1], 20), np.repeat([0.05, 0.11], 20)
        folds = divisions(labels)
        assert folds is not None
        assert rechosen_hits(labels, scores, folds, 0.5).tolist() == [1.0] * 40
