import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from kbin.errors import DataError
from kbin.evaluation.curve_bands import GRID, CurveBand, precision_recall_band, roc_band


def labels_and_scores(seed: int, n: int = 120, shift: float = 1.2, decimals: int = 6):
    rng = np.random.default_rng(seed)
    y_true = (np.arange(n) % 3 == 0).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(shift * y_true, 1.0)))
    return y_true, np.round(scores, decimals)


def roc_heights(y_true, y_score):
    fpr, tpr, _ = roc_curve(y_true, y_score, drop_intermediate=False)
    return np.array([tpr[fpr <= x + 1e-12].max() if np.isclose(fpr, x).any() else np.interp(x, fpr, tpr) for x in GRID])


def precision_heights(y_true, y_score):
    """Of the thresholds that reach a recall, the highest; of recall 0, the highest that finds anything."""
    precision, recall, _ = precision_recall_curve(y_true, y_score)
    precision, recall = precision[:-1], recall[:-1]  # thresholds rise
    heights = []
    for x in GRID:
        reaching = np.flatnonzero((recall >= x - 1e-12) & (recall > 0))
        heights.append(precision[reaching[-1]])
    return np.array(heights)


def wilson(share, trials):
    """Solved from its definition: the proportions from which the observed one is 1.96 standard errors away."""
    z = 1.959963984540054
    roots = [np.roots([1 + z**2 / n, -(2 * p + z**2 / n), p**2]) for p, n in zip(share, trials, strict=True)]
    return np.sort(np.real(roots), axis=1).T


REFERENCES = [(roc_band, roc_heights), (precision_recall_band, precision_heights)]


def test_a_mean_roc_curve_worked_by_hand():
    # Seed 1 orders + - + -, seed 2 + + - -: heights .5 and 1 below a rate of .5, and 1 and 1 from there on.
    band = roc_band([1, 0, 1, 0], [[0.9, 0.8, 0.7, 0.6], [0.9, 0.2, 0.8, 0.1]], "m")
    np.testing.assert_allclose(band.mean[GRID < 0.5], 0.75)
    np.testing.assert_allclose(band.mean[GRID >= 0.5], 1.0)


def test_a_mean_precision_worked_by_hand():
    # Seed 1 orders - + + : precision 1/2 up to recall .5, 2/3 above; seed 2 + - + : 1, then 2/3.
    band = precision_recall_band([1, 0, 1], [[0.5, 0.9, 0.4], [0.9, 0.5, 0.4]], "m")
    np.testing.assert_allclose(band.mean[GRID <= 0.5], 0.75)
    np.testing.assert_allclose(band.mean[GRID > 0.5], 2 / 3)


@pytest.mark.parametrize("decimals", [6, 1])
@pytest.mark.parametrize(("band", "heights"), REFERENCES)
def test_a_single_seed_has_its_own_curve_as_mean(band, heights, decimals):
    y_true, y_score = labels_and_scores(0, decimals=decimals)
    np.testing.assert_allclose(band(y_true, [y_score], "m").mean, heights(y_true, y_score), atol=1e-7)


@pytest.mark.parametrize(("band", "heights"), REFERENCES)
def test_the_band_is_that_of_a_plain_loop_over_drawn_images(band, heights):
    y_true, first = labels_and_scores(1)
    second = labels_and_scores(2)[1]
    rng = np.random.default_rng(5)
    positive, negative = np.flatnonzero(y_true == 1), np.flatnonzero(y_true == 0)
    drawn = []
    for _ in range(500):
        picked = np.concatenate([rng.choice(positive, len(positive)), rng.choice(negative, len(negative))])
        drawn.append((heights(y_true[picked], first[picked]) + heights(y_true[picked], second[picked])) / 2)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    got = band(y_true, [first, second], "m")
    # 40 positives; a precision is a share of those that are called positive.
    trials = np.full(len(GRID), 40.0) if band is roc_band else np.maximum(1.0, 40 * GRID / got.mean)
    lowest, highest = wilson(got.mean, trials)
    low, high = np.minimum(low, lowest), np.maximum(high, highest)
    inner = slice(4, -4)
    assert np.abs(got.low - low)[inner].mean() < 0.012
    assert np.abs(got.high - high)[inner].mean() < 0.012
    assert np.abs(got.low - low)[inner].max() < 0.08  # of two bootstraps with few draws in the tails
    assert np.abs(got.high - high)[inner].max() < 0.08


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_the_mean_lies_in_the_band_nearly_everywhere_and_seeds_do_not_make_it_narrower(band):
    y_true, y_score = labels_and_scores(3)
    one = band(y_true, [y_score], "m")
    assert ((one.low <= one.mean + 1e-9) & (one.mean <= one.high + 1e-9)).mean() > 0.95
    thrice = band(y_true, [y_score] * 3, "m")
    np.testing.assert_allclose(thrice.high - thrice.low, one.high - one.low, atol=1e-9)


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_a_perfect_model_is_not_certain_to_stay_perfect(band):
    found = band([1] * 20 + [0] * 30, [np.linspace(1, 0, 50)], "m")
    np.testing.assert_array_equal(found.mean, 1.0)
    # 20 of 20: Wilson's interval begins at 20 / (20 + 1.96 ** 2).
    assert found.low[-1] == pytest.approx(20 / (20 + 1.959964**2), abs=1e-4)
    assert found.high.max() == 1.0


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_more_images_make_it_narrower(band):
    def width(n: int) -> float:
        found = band(*(lambda y, s: (y, [s]))(*labels_and_scores(4, n)), "m")
        return float((found.high - found.low).mean())

    # Four times as many images: about half as wide.
    assert 0.4 < width(1200) / width(300) < 0.65


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_the_same_predictions_give_the_same_band(band):
    y_true, y_score = labels_and_scores(6)
    np.testing.assert_array_equal(band(y_true, [y_score], "m").low, band(y_true, [y_score], "m").low)


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_few_images_of_a_class_have_a_mean_and_no_band(band):
    y_true = np.array([1] * 9 + [0] * 30)
    found = band(y_true, [np.linspace(0.9, 0.1, 39)], "m")
    assert isinstance(found, CurveBand)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_a_band_that_is_not_asked_for_is_not_made(band):
    y_true, y_score = labels_and_scores(6)
    assert band(y_true, [y_score], "m", banded=False).low is None


@pytest.mark.parametrize("band", [roc_band, precision_recall_band])
def test_a_set_with_one_class_has_no_curve(band):
    assert band([1, 1], [[0.1, 0.2]], "m") is None


def test_scores_of_another_set_are_refused():
    with pytest.raises(DataError, match="same length"):
        roc_band([0, 1], [[0.5]], "m")
