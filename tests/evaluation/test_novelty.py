"""What is unlike training is marked, and what is like it is marked as seldom as is said."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from kbin.evaluation.novelty import NoveltyMeasure, conformal_limit, fit_novelty

ALONE = np.arange(1_000)


def drawn(count: int, seed: int, num_features: int = 40, towards: float = 0.0) -> np.ndarray:
    """Returns features around one direction, which `towards` turns away."""
    generator = np.random.default_rng(seed)
    features = generator.normal(0, 0.3, (count, num_features)) + 1
    features[:, : num_features // 2] -= towards
    return features.astype(np.float32)


def fitted(training: np.ndarray, validation: np.ndarray | None = None, is_fitted: bool = False) -> NoveltyMeasure:
    measure = fit_novelty(training, ALONE[: len(training)], validation, is_fitted=is_fitted)
    assert measure is not None
    return measure


def test_the_distance_is_that_to_the_tenth_nearest_in_direction():
    training, others = drawn(60, 0), drawn(5, 1)

    measure = fitted(training, drawn(99, 2))

    length = np.linalg.norm
    nearest = NearestNeighbors(n_neighbors=10).fit(training / length(training, axis=1, keepdims=True))
    expected = nearest.kneighbors(others / length(others, axis=1, keepdims=True))[0][:, 9]
    np.testing.assert_allclose(measure.ratios(others) * measure.limit, expected, rtol=1e-3)
    np.testing.assert_allclose(measure.ratios(others * 7), measure.ratios(others), rtol=1e-5)


@pytest.mark.parametrize(
    ("count", "place", "rate"),
    [
        (99, 99, 1 / 100),  # 100 * .99
        (100, 100, 1 / 101),  # 101 * .99 = 99.99
        (199, 198, 2 / 200),
        (394, 392, 3 / 395),  # 395 * .99 = 391.05
        (10, 10, 1 / 11),  # too few for 1 %
        (1, 1, 1 / 2),
    ],
)
def test_the_limit_is_the_conformal_quantile(count, place, rate):
    limit, stated = conformal_limit(np.random.default_rng(0).permutation(np.arange(1.0, count + 1)), 0.01)

    assert limit == place
    assert stated == pytest.approx(rate)


@pytest.mark.parametrize("held_out", [20, 150])
def test_images_like_those_of_training_are_marked_as_often_as_is_said(held_out):
    marked, stated = [], []
    for seed in range(40):
        measure = fitted(drawn(50, 3 * seed), drawn(held_out, 3 * seed + 1))
        marked.append((measure.ratios(drawn(500, 3 * seed + 2)) > 1).mean())
        stated.append(measure.false_alarm_rate)

    error = np.std(marked) / np.sqrt(len(marked))
    assert np.mean(marked) == pytest.approx(np.mean(stated), abs=3 * error + 1e-4)


def test_training_images_that_are_held_out_of_themselves_serve_as_well():
    marked = [(fitted(drawn(150, 2 * seed)).ratios(drawn(500, 2 * seed + 1)) > 1).mean() for seed in range(40)]

    assert fitted(drawn(150, 0)).false_alarm_rate == pytest.approx(1 / 151)
    assert np.mean(marked) == pytest.approx(1 / 151, abs=3 * np.std(marked) / np.sqrt(len(marked)))


def test_images_from_elsewhere_are_marked():
    measure = fitted(drawn(100, 0), drawn(99, 1))

    assert (measure.ratios(drawn(200, 2, towards=1.0)) > 1).mean() > 0.99


def test_copies_and_members_of_a_group_are_not_compared_with_each_other():
    own = drawn(30, 0)
    copies = np.concatenate([own] * 12)  # more than there are neighbours

    apart = fit_novelty(copies, np.tile(np.arange(30), 12), None, is_fitted=False)
    alone = fitted(copies)

    assert alone.limit < 0.01  # each finds its copies
    assert apart is not None
    assert apart.limit > 0.2


@pytest.mark.parametrize(
    ("validation", "is_fitted", "held_out", "number"),
    [
        (99, False, "validation", 99),
        (98, False, "training", 148),  # both
        (98, True, "validation", 98),
        (0, True, "training", 50),
        (1, True, "validation", 1),
    ],
)
def test_where_the_limit_comes_from(validation, is_fitted, held_out, number):
    measure = fitted(drawn(50, 0), drawn(validation, 1) if validation else None, is_fitted)

    assert (measure.held_out, measure.num_held_out) == (held_out, number)


@pytest.mark.parametrize("count", [2, 3, 12])
def test_a_few_images_are_enough(count):
    measure = fitted(drawn(count, 0))

    assert measure.neighbours == min(10, count - 1)
    assert measure.false_alarm_rate == pytest.approx(1 / (count + 1))
    assert np.isfinite(measure.ratios(drawn(4, 1))).all()


def test_one_image_or_one_group_says_nothing():
    assert fit_novelty(drawn(1, 0), ALONE[:1], drawn(99, 1), is_fitted=False) is None
    assert fit_novelty(drawn(9, 0), np.zeros(9), None, is_fitted=False) is None


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_features_that_never_change_mark_nothing_but_what_differs(value):
    constant = np.full((50, 8), value, np.float32)
    measure = fitted(constant)

    assert not (measure.ratios(constant * np.float32(1 + 1e-6)) > 1).any()
    assert (measure.ratios(drawn(20, 1, 8)) > 1).all()


def test_features_that_are_no_numbers_are_like_nothing():
    features = drawn(3, 1)
    features[1, 0] = np.nan
    features[2, 0] = np.inf

    ratios = fitted(drawn(50, 0)).ratios(features)

    assert np.isfinite(ratios[0])
    assert (ratios[1:] == np.inf).all()
