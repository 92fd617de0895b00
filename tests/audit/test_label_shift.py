import numpy as np
import pytest
from scipy.stats import norm

from kbin.audit.label_shift import estimated_shares, shares_with_interval


def _scores(number: int, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the true probabilities at equal shares of two normal distributions 2 apart."""
    labels = (rng.random(number) < share).astype(int)
    x = rng.normal(size=number) + 2 * labels
    first, second = norm.pdf(x), norm.pdf(x - 2)
    return np.stack([first, second], axis=1) / (first + second)[:, None], labels


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_em_finds_the_share_from_probabilities_that_are_right_elsewhere(share):
    probabilities, labels = _scores(20_000, share, np.random.default_rng(0))

    shares = estimated_shares(probabilities, np.array([0.5, 0.5]))

    assert shares[1] == pytest.approx(labels.mean(), abs=0.012)
    assert shares.sum() == pytest.approx(1)


def test_one_step_of_em_is_the_mean_of_the_adjusted_probabilities_at_the_end():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    prior = np.array([0.6, 0.4])

    shares = estimated_shares(probabilities, prior)

    # A fixed point: adjusting with the estimate gives the estimate (Saerens et al., eq. 2.9).
    adjusted = probabilities * shares / prior
    np.testing.assert_allclose((adjusted / adjusted.sum(axis=1, keepdims=True)).mean(axis=0), shares, atol=1e-4)


def test_scores_that_are_too_sure_are_calibrated_first():
    rng = np.random.default_rng(1)
    known, labels = _scores(4_000, 0.5, rng)
    unknown, truth = _scores(4_000, 0.2, rng)

    def too_sure(probabilities: np.ndarray) -> np.ndarray:
        powers = probabilities**4 * np.array([1.0, 5.0])
        return powers / powers.sum(axis=1, keepdims=True)

    alone = (np.arange(4_000), np.arange(4_000))
    estimated = shares_with_interval(too_sure(known), labels, too_sure(unknown), 0, alone).shares[1]

    assert estimated == pytest.approx(truth.mean(), abs=0.025)
    assert abs(estimated_shares(too_sure(unknown), np.array([0.5, 0.5]))[1] - truth.mean()) > 0.05


def _held(seeds: range) -> int:
    count = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        known, labels = _scores(200, 0.5, rng)
        unknown, _ = _scores(300, 0.3, rng)
        one = shares_with_interval(known, labels, unknown, 100, (np.arange(200), np.arange(300)))
        assert one.low[1] < one.shares[1] < one.high[1]
        count += one.low[1] <= 0.3 <= one.high[1]
    return count


def test_the_interval_holds_the_true_share():
    assert _held(range(10)) >= 8


@pytest.mark.slow
def test_the_interval_holds_the_true_share_about_19_times_of_20():
    # 95 of 100 expected, with a deviation of 2.2; the bootstrap has too few images by a little.
    assert 88 <= _held(range(100)) <= 100


def test_images_that_belong_together_widen_the_interval():
    rng = np.random.default_rng(0)
    known, labels = _scores(400, 0.5, rng)
    few, _ = _scores(30, 0.4, rng)
    unknown = np.repeat(few, 10, axis=0)

    def width(units: np.ndarray) -> float:
        one = shares_with_interval(known, labels, unknown, 100, (np.arange(400), units))
        return float(one.high[1] - one.low[1])

    assert width(np.repeat(np.arange(30), 10)) > 1.8 * width(np.arange(300))


def test_four_classes():
    rng = np.random.default_rng(2)

    def drawn(shares: list[float]) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.choice(4, 3_000, p=shares)
        x = rng.normal(size=(3_000, 4)) + 2.5 * np.eye(4)[labels]
        densities = np.exp(2.5 * x)
        return densities / densities.sum(axis=1, keepdims=True), labels

    known, labels = drawn([0.25] * 4)
    unknown, truth = drawn([0.1, 0.2, 0.3, 0.4])

    one = shares_with_interval(known, labels, unknown, 0, (np.arange(3_000), np.arange(3_000)))

    np.testing.assert_allclose(one.shares, np.bincount(truth) / 3_000, atol=0.025)
    assert (one.errors == 0).all()
