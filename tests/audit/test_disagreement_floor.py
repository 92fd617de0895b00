"""The floor of disagreement, on margins whose share of errors is known."""

import numpy as np
import pytest
from scipy.special import expit

from kbin.audit.disagreement_floor import disagreement_floor
from kbin.audit.wrong_label_rate import wrong_label_rate


def drawn(rate: float, number: int, seed: int, slope: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Returns margins, and disagreements of labels flipped at a rate with answers that are wrong at a known one."""
    rng = np.random.default_rng(seed)
    margins = rng.gamma(2.0, 1.5, number)
    is_error = rng.random(number) < expit(-slope * margins)
    is_flipped = rng.random(number) < rate
    return margins, is_error ^ is_flipped


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.1])
def test_the_rate_of_flips_is_within_the_interval_in_most_draws(rate: float):
    held = 0
    for seed in range(10):
        margins, disagrees = drawn(rate, 3_000, seed)
        low, high = disagreement_floor(margins, disagrees, np.ones(3_000), 2).interval
        held += low <= rate <= high

    assert held >= 8  # of 10 at 95 %: fewer have a probability of 1.2 %


def test_hard_images_alone_have_no_floor():
    margins, disagrees = drawn(0.0, 4_000, 0, slope=0.6)

    found = disagreement_floor(margins, disagrees, np.ones(4_000), 2)

    assert disagrees.mean() > 0.15
    assert found.interval[0] == 0


def test_the_probability_that_a_contradicted_label_is_wrong_is_that_of_the_draw():
    rng = np.random.default_rng(0)
    margins = rng.gamma(2.0, 1.5, 40_000)
    is_error, is_flipped = rng.random(40_000) < expit(-1.5 * margins), rng.random(40_000) < 0.05
    disagrees = is_error ^ is_flipped

    wrong = disagreement_floor(margins, disagrees, np.ones(40_000), 2).wrong

    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
        inside = disagrees & (wrong >= low) & (wrong < high)
        assert wrong[inside].mean() == pytest.approx(is_flipped[inside].mean(), abs=0.05)


def test_copies_make_the_interval_no_narrower():
    margins, disagrees = drawn(0.05, 500, 1)
    alone = disagreement_floor(margins, disagrees, np.ones(500), 2)

    copied = disagreement_floor(np.repeat(margins, 4), np.repeat(disagrees, 4), np.full(2_000, 0.25), 2)

    assert copied.interval == pytest.approx(alone.interval, abs=0.01)


def test_labels_by_chance_leave_the_rate_unknown():
    rng = np.random.default_rng(0)

    low, high = disagreement_floor(rng.gamma(1.0, 0.1, 3_000), rng.random(3_000) < 0.5, np.ones(3_000), 2).interval

    assert low == 0
    assert high > 0.3


def test_flips_of_one_class_only_are_found_though_the_classifier_grows_unsure_of_that_class():
    margins, disagrees = drawn(0.1, 3_000, 0)
    # The other class's images have no flips, are surer, and would hide the floor in a common curve.
    other_margins, other_disagrees = drawn(0.0, 3_000, 1)
    looks_like = np.repeat([1, 0], 3_000)
    labels = looks_like ^ np.concatenate([disagrees, other_disagrees])

    found = wrong_label_rate(np.concatenate([margins, 2 + 2 * other_margins]), looks_like, labels, np.ones(6_000), 2)

    low, high = found.interval
    assert low < 0.05 < high
    assert high - low < 0.03
    assert found.rate == pytest.approx(0.05, abs=0.012)
    assert {one.looks_like: one.rate for one in found.by_class}[0] < 0.005


def test_rare_classes_have_one_floor_in_common():
    margins, disagrees = drawn(0.05, 1_000, 0)
    looks_like = np.arange(1_000) % 10  # 100 of a class
    labels = np.where(disagrees, (looks_like + 1) % 10, looks_like)

    found = wrong_label_rate(margins, looks_like, labels, np.ones(1_000), 10)

    assert [(one.looks_like, one.n) for one in found.by_class] == [(None, 1_000)]
