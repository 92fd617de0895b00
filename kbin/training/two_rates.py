"""Optimizers that move some weights more slowly: pretrained blocks want a lower rate than a new head.

Keras has one learning rate an optimizer. Its update of torch tensors takes a list of variables and a rate, so it is
called twice. The hooks are Keras's own for its backends, not public: `tests/training/test_two_rates.py` compares them
with parameter groups of plain torch.
"""

from collections.abc import Sequence
from typing import Any

import keras

# On torch, `keras.optimizers.SGD(...)` makes an object of a class that Keras keeps for torch.
_AdamW, _Adam, _SGD = (
    type(kind(1e-3)) for kind in (keras.optimizers.AdamW, keras.optimizers.Adam, keras.optimizers.SGD)
)


class _TwoRates:
    """Mixin of an optimizer: slow variables move at a share of the learning rate, weight decay included."""

    _slow: frozenset[int] = frozenset()
    _share = 1.0

    def set_slow_variables(self, variables: Sequence[keras.Variable], share: float) -> None:
        """Sets which variables are slow.

        Args:
            variables: Those that move more slowly.
            share: Of the learning rate, at which they move; the schedule stays the same.
        """
        self._slow, self._share = frozenset(map(id, variables)), share

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        for is_slow in (False, True):
            pairs = [
                (grad, one)
                for grad, one in zip(grads, trainable_variables, strict=True)
                if (id(one) in self._slow) == is_slow
            ]
            if pairs:
                chosen_grads, chosen = map(list, zip(*pairs, strict=True))
                super()._backend_update_step(  # type: ignore[misc]
                    chosen_grads, chosen, learning_rate * self._share if is_slow else learning_rate
                )

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        decay = self.weight_decay  # type: ignore[has-type]
        try:
            for is_slow in (False, True):
                self.weight_decay = decay * self._share if is_slow and decay is not None else decay
                chosen = [one for one in variables if (id(one) in self._slow) == is_slow]
                if any(map(self._use_weight_decay, chosen)):  # type: ignore[attr-defined]
                    super()._apply_weight_decay(chosen)  # type: ignore[misc]
        finally:
            self.weight_decay = decay


class TwoRateAdamW(_TwoRates, _AdamW):  # type: ignore[misc, valid-type]
    """AdamW whose slow variables move at a share of the learning rate."""


class TwoRateAdam(_TwoRates, _Adam):  # type: ignore[misc, valid-type]
    """Adam whose slow variables move at a share of the learning rate."""


class TwoRateSGD(_TwoRates, _SGD):  # type: ignore[misc, valid-type]
    """SGD whose slow variables move at a share of the learning rate."""
