import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from kbin.errors import DataError
from kbin.evaluation.temperature import LARGEST, fit_temperature, with_temperature

RNG = np.random.default_rng(5)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def binary(number=20_000):
    """Logits and labels that were drawn with their probabilities."""
    logits = RNG.normal(0, 1.5, number)
    return logits, (RNG.random(number) < sigmoid(logits)).astype(int)


def with_lbfgs(logits, labels):
    """The temperature by another optimiser and another library's loss."""
    rows = torch.tensor(logits, dtype=torch.float64)
    truth = torch.tensor(labels)
    log_temperature = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_temperature], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(rows / log_temperature.exp(), truth)
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(log_temperature.detach().exp())


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_it_finds_the_factor_by_which_logits_were_multiplied(factor):
    logits, labels = binary()
    # The standard error of the factor is about 1 % with 20,000 images.
    assert fit_temperature(labels, sigmoid(factor * logits)).value == pytest.approx(factor, rel=0.05)


def test_it_is_what_lbfgs_finds():
    logits, labels = binary(500)
    columns = np.stack([np.zeros(500), 2.5 * logits], axis=1)
    expected = with_lbfgs(columns, labels)
    assert fit_temperature(labels, sigmoid(2.5 * logits)).value == pytest.approx(expected, rel=1e-4)
    assert fit_temperature(labels, softmax(columns)).value == pytest.approx(expected, rel=1e-4)


def test_of_three_classes_it_is_what_lbfgs_finds():
    logits = RNG.normal(0, 1, (600, 3))
    labels = np.array([RNG.choice(3, p=row) for row in softmax(logits)])
    assert fit_temperature(labels, softmax(2 * logits)).value == pytest.approx(with_lbfgs(2 * logits, labels), rel=1e-4)


def test_no_other_temperature_has_less_log_loss():
    logits, labels = binary(300)
    scores = sigmoid(2 * logits)
    best = fit_temperature(labels, scores).value
    losses = [log_loss(labels, with_temperature(scores, best * factor)) for factor in (0.97, 1.0, 1.03)]
    assert losses[1] == min(losses)


def test_dividing_logits_by_the_factor_gives_the_probabilities_back_and_keeps_the_order():
    logits, _ = binary(100)
    rows = RNG.normal(0, 1, (50, 4))
    assert with_temperature(sigmoid(3 * logits), 3.0) == pytest.approx(sigmoid(logits))
    assert with_temperature(softmax(3 * rows), 3.0) == pytest.approx(softmax(rows))
    assert (np.argsort(with_temperature(sigmoid(logits), 7.0)) == np.argsort(logits)).all()


def test_columns_of_one_keep_their_shape():
    assert with_temperature(np.array([[0.2], [0.7]]), 2.0).shape == (2, 1)


def test_exact_zeros_and_ones_are_taken_as_nearly_so():
    logits, labels = binary(500)
    scores = sigmoid(2 * logits)
    scores[:10], labels[:10] = 1.0, 1
    labels[0] = 0
    fitted = fit_temperature(labels, scores)
    assert np.isfinite(fitted.value)
    assert with_temperature(np.array([0.0, 1.0]), 1.0) == pytest.approx([1e-7, 1 - 1e-7])


class TestOutcomes:
    def test_images_that_are_told_apart_without_an_error_give_none(self):
        fitted = fit_temperature([0, 0, 1, 1], np.array([0.1, 0.4, 0.6, 0.9]))
        assert (fitted.value, "told apart without an error" in fitted.note) == (None, True)

    def test_one_class_gives_none(self):
        fitted = fit_temperature([1, 1], np.array([0.3, 0.6]))
        assert (fitted.value, "of one class" in fitted.note) == (None, True)

    def test_a_reversed_order_ends_at_the_limit_and_says_so(self):
        fitted = fit_temperature([1, 1, 0, 0], np.array([0.1, 0.4, 0.6, 0.9]))
        assert (fitted.value, "at its limit" in fitted.note) == (LARGEST, True)

    def test_what_is_no_probability_is_refused(self):
        with pytest.raises(DataError, match="probabilities from 0 to 1"):
            fit_temperature([0, 1], np.array([-1.0, 2.0]))
