"""Keras's losses of several heads at once, clipping included.

A loss on logits would train differently: Keras clips probabilities, so that a badly wrong sample has gradient 0.
"""

from dataclasses import dataclass

import keras
import torch
from torch.nn import functional


@dataclass(frozen=True)
class HeadLoss:
    """The loss of heads with one kind of output.

    Attributes:
        name: "cross_entropy", "focal" or "squared_error".
        gamma: Of the focal loss.
        output: "sigmoid" or "softmax".
    """

    name: str
    gamma: float
    output: str

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Returns what the heads answer, shape (num_heads, num_outputs, batch) like `logits`."""
        return torch.sigmoid(logits) if self.output == "sigmoid" else torch.softmax(logits, 1)

    def of_samples(self, probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Returns the loss of each head on each sample, shape (num_heads, batch).

        Args:
            probabilities: shape (num_heads, num_outputs, batch).
            targets: shape (num_outputs, batch), the share of each class, or of the second where there is one output.

        Source:
            The functions of the same names in Keras 3.15, `losses/losses.py`; the focal ones after Lin et al. 2017
            (arXiv 1708.02002), equation 4.
        """
        if self.name == "squared_error":
            return (targets - probabilities).square().mean(1)
        smallest = keras.config.epsilon()
        if self.output == "sigmoid":
            clipped = probabilities.clamp(smallest, 1 - smallest)
            losses = functional.binary_cross_entropy(clipped, targets.expand_as(clipped), reduction="none")
            if self.name == "focal":
                of_truth = targets * probabilities + (1 - targets) * (1 - probabilities)
                losses = (1 - of_truth).pow(self.gamma) * losses
            return losses.mean(1)
        clipped = (probabilities / probabilities.sum(1, keepdim=True)).clamp(smallest, 1 - smallest)
        losses = -targets * clipped.log()
        if self.name == "focal":
            losses = (1 - clipped).pow(self.gamma) * losses
        return losses.sum(1)

    def gradient(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """Returns the gradient of each head's loss on a batch by its logits, shape (num_heads, num_outputs, batch).

        Args:
            logits: shape (num_heads, num_outputs, batch).
            targets: shape (num_outputs, batch).
            weights: Of each sample for each head, shape (num_heads, batch); None where all weigh the same.
        """
        if self.name == "cross_entropy":
            gradient = _of_cross_entropy(self.probabilities(logits), targets)
            return (gradient if weights is None else gradient.mul_(weights[:, None])).div_(logits.shape[2])
        logits = logits.detach().requires_grad_()
        with torch.enable_grad():
            losses = self.of_samples(self.probabilities(logits), targets)
            if weights is not None:
                losses = losses * weights
            # Keras divides by the number of samples, whatever they weigh.
            return torch.autograd.grad(losses.sum() / losses.shape[1], logits)[0]


def _of_cross_entropy(probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Returns the gradient by the logits without autograd, which takes as long as all else in a step of a few heads.

    For both outputs it is the probability less the target; where the probability that counts is clipped it is 0. One
    output has two probabilities, of which either is clipped where the other is.
    """
    smallest = keras.config.epsilon()
    counts = probabilities.clamp(smallest, 1 - smallest) == probabilities
    if len(targets) > 1:
        counts = (counts * targets).sum(1, keepdim=True)  # the share of the classes whose probability is not clipped
    return (probabilities - targets).mul_(counts)
