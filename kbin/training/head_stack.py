"""Several heads of one shape on the same samples: their weights stacked, their outputs, their gradients.

Layers keep their units first and samples last, so that the first layers of all heads are one matrix product, and what
belongs to one head is contiguous.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kbin.training.head_dropout import HeadDropout

# A product with fewer rows goes another way through BLAS and rounds differently: a head would depend on how many
# others there are.
_FEWEST_ROWS = 4


class Stack:
    """Numbers in the shape of the weights of several heads; in one flat tensor, for updates in few operations.

    Attributes:
        flat: shape (num_heads * parameters of a head,).
        kernels: shape (num_heads, units, entering units) for each layer; parts of `flat`.
        biases: shape (num_heads, units) for each layer; parts of `flat`.
    """

    def __init__(self, num_heads: int, layers: Sequence[tuple[int, int]], dtype: torch.dtype):
        sizes = [size for units, entering in layers for size in (num_heads * units * entering, num_heads * units)]
        self._layers, self.num_heads = tuple(layers), num_heads
        self.flat = torch.zeros(sum(sizes), dtype=dtype)
        pieces = self.flat.split(sizes)
        self.kernels = [piece.view(num_heads, *layer) for piece, layer in zip(pieces[::2], layers, strict=True)]
        self.biases = [piece.view(num_heads, units) for piece, (units, _) in zip(pieces[1::2], layers, strict=True)]

    @staticmethod
    def of_weights(heads: Sequence[Sequence[np.ndarray]], dtype: torch.dtype) -> "Stack":
        """Returns the stacked weights of heads: kernel (entering units, units) and bias (units,) of each layer."""
        stack = Stack(len(heads), [kernel.T.shape for kernel in heads[0][::2]], dtype)
        for row, weights in enumerate(heads):
            for kernel, value in zip(stack.kernels, weights[::2], strict=True):
                kernel[row] = torch.from_numpy(value.T.copy())
            for bias, value in zip(stack.biases, weights[1::2], strict=True):
                bias[row] = torch.from_numpy(value)
        return stack

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All parts, shape (num_heads, ...) each."""
        return [*self.kernels, *self.biases]

    def zeros(self) -> "Stack":
        """Returns zeros in the same shape."""
        return Stack(self.num_heads, self._layers, self.flat.dtype)

    def rows(self, rows: Sequence[int]) -> "Stack":
        """Returns a copy of some heads."""
        chosen = Stack(len(rows), self._layers, self.flat.dtype)
        for own, value in zip(chosen.tensors, self.tensors, strict=True):
            own.copy_(value[list(rows)])
        return chosen

    def set_rows(self, rows: Sequence[int], source: "Stack") -> None:
        """Takes some heads from a stack of the same shape."""
        for own, value in zip(self.tensors, source.tensors, strict=True):
            own[list(rows)] = value[list(rows)]


@dataclass(frozen=True)
class _Pass:
    """What a pass forward leaves for the way back.

    Attributes:
        blocks: Heads, and the features that enter their first layer, shape (batch, num_features) each.
        hidden: What leaves each hidden layer, dropout included, shape (num_heads, units, batch).
        factors: Those of dropout in each hidden layer, likewise; None where there is none.
        logits: shape (num_heads, num_outputs, batch).
    """

    blocks: list[tuple[slice, torch.Tensor]]
    hidden: list[torch.Tensor]
    factors: list[torch.Tensor | None]
    logits: torch.Tensor


def logits_of(weights: Stack, features: torch.Tensor) -> torch.Tensor:
    """Returns what enters the heads' output functions in inference, shape (num_heads, num_outputs, n).

    Args:
        weights: Of the heads.
        features: shape (n, num_features).
    """
    return _forward(weights, [(slice(0, weights.num_heads), features)], lambda layer, units: None).logits


def gradients_of(
    weights: Stack,
    features: torch.Tensor,
    dropout: HeadDropout,
    step: int,
    of_logits: Callable[[torch.Tensor], torch.Tensor],
    into: Stack,
) -> None:
    """Computes the gradients of a batch.

    Args:
        weights: Of the heads.
        features: shape (batch, num_features).
        dropout: Of the heads.
        step: Counted from 0, for dropout.
        of_logits: Gives the gradient by the logits, both shape (num_heads, num_outputs, batch).
        into: Where the gradients go.
    """
    batch = len(features)
    blocks = [(slice(0, weights.num_heads), features)] if len(weights.kernels) > 1 else dropout.blocks(step, features)
    made = _forward(weights, blocks, lambda layer, units: dropout.factors(step, layer, units, batch))
    gradient = of_logits(made.logits)
    for layer in range(len(made.hidden), 0, -1):
        torch.sum(gradient, 2, out=into.biases[layer])
        torch.bmm(gradient, made.hidden[layer - 1].transpose(1, 2), out=into.kernels[layer])
        gradient = torch.bmm(weights.kernels[layer].transpose(1, 2), gradient)
        factors = made.factors[layer - 1]
        if factors is not None:
            gradient.mul_(factors)
        gradient.masked_fill_(made.hidden[layer - 1] <= 0, 0.0)
    torch.sum(gradient, 2, out=into.biases[0])
    for heads, block in blocks:
        _product(gradient[heads].flatten(0, 1), block, out=into.kernels[0][heads].flatten(0, 1))


def _forward(
    weights: Stack,
    blocks: list[tuple[slice, torch.Tensor]],
    factors_of: Callable[[int, int], torch.Tensor | None],
) -> _Pass:
    first = weights.kernels[0]
    values = first.new_empty(*first.shape[:2], len(blocks[0][1]))
    for heads, features in blocks:
        _product(first[heads].flatten(0, 1), features.T, out=values[heads].flatten(0, 1))
    values.add_(weights.biases[0][:, :, None])
    hidden, factors = [], []
    for layer, (kernel, bias) in enumerate(zip(weights.kernels[1:], weights.biases[1:], strict=True)):
        factor = factors_of(layer, values.shape[1])
        values.relu_()
        if factor is not None:
            values.mul_(factor)
        hidden.append(values)
        factors.append(factor)
        values = torch.bmm(kernel, values).add_(bias[:, :, None])
    return _Pass(blocks, hidden, factors, values)


def _product(rows: torch.Tensor, columns: torch.Tensor, out: torch.Tensor) -> None:
    if len(rows) >= _FEWEST_ROWS:
        torch.mm(rows, columns, out=out)
        return
    padded = rows.new_zeros(_FEWEST_ROWS, rows.shape[1])
    padded[: len(rows)] = rows
    out.copy_((padded @ columns)[: len(rows)])
