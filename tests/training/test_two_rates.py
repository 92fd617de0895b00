"""Slow variables beside fast ones, against parameter groups of plain torch."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import torch

from kbin.training.two_rates import TwoRateAdam, TwoRateAdamW, TwoRateSGD

RATE, SHARE, DECAY = 0.1, 0.25, 0.2
START = [np.array([1.0, -2.0, 3.0], np.float32), np.array([[0.5, -0.5]], np.float32)]
# Gradients of three steps for the fast and the slow variable.
GRADIENTS = [
    [np.random.default_rng(step).normal(size=value.shape).astype(np.float32) for value in START] for step in range(3)
]

Groups = list[dict]


def of_torch(kind: Callable[[Groups], torch.optim.Optimizer]) -> list[np.ndarray]:
    values = [torch.nn.Parameter(torch.tensor(value)) for value in START]
    optimizer = kind([{"params": values[:1], "lr": RATE}, {"params": values[1:], "lr": RATE * SHARE}])
    for gradients in GRADIENTS:
        for value, gradient in zip(values, gradients, strict=True):
            value.grad = torch.tensor(gradient)
        optimizer.step()
    return [value.detach().numpy() for value in values]


def of_kbin(optimizer: keras.Optimizer) -> list[np.ndarray]:
    values = [keras.Variable(value) for value in START]
    optimizer.set_slow_variables(values[1:], SHARE)
    for gradients in GRADIENTS:
        optimizer.apply([torch.tensor(gradient) for gradient in gradients], values)
    return [keras.ops.convert_to_numpy(value) for value in values]


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [
        # Keras adds epsilon before it corrects the bias, torch after: with a tiny one both are the same.
        (
            lambda: TwoRateAdamW(RATE, weight_decay=DECAY, epsilon=1e-12),
            lambda groups: torch.optim.AdamW(groups, weight_decay=DECAY, eps=1e-12),
        ),
        (lambda: TwoRateAdam(RATE, epsilon=1e-12), lambda groups: torch.optim.Adam(groups, eps=1e-12)),
        (lambda: TwoRateSGD(RATE, momentum=0.9), lambda groups: torch.optim.SGD(groups, momentum=0.9)),
    ],
    ids=["adamw", "adam", "sgd"],
)
def test_slow_variables_move_as_a_parameter_group_of_torch_with_a_lower_rate(optimizer, kind):
    for value, expected in zip(of_kbin(optimizer()), of_torch(kind), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_weight_decay_passes_over_excluded_variables_where_all_slow_ones_are_excluded():
    values = [keras.Variable(value) for value in START]
    optimizer = TwoRateAdamW(RATE, weight_decay=DECAY)
    optimizer.set_slow_variables(values[1:], SHARE)
    optimizer.exclude_from_weight_decay(var_list=values[1:])
    optimizer.apply([torch.zeros(value.shape) for value in values], values)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(values[0]), START[0] * (1 - RATE * DECAY), rtol=1e-6)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(values[1]), START[1])
    assert optimizer.weight_decay == DECAY
