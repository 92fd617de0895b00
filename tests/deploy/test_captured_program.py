"""What is captured computes what the network computes, whatever the batch, also where it changes tensors in place."""

import pytest
import torch

from kbin.deploy.captured_program import captured_program

IMAGES = torch.arange(5 * 4 * 4 * 3, dtype=torch.uint8).reshape(5, 4, 4, 3)


class InPlace(torch.nn.Module):
    """Reads a product of its weights, changes it in place, and reads it again."""

    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        doubled = self.weights * 2
        x = images.to(torch.float32).mean((1, 2)) * doubled
        return x * doubled.add_(1)


@pytest.mark.parametrize("count", [1, 5])
def test_a_tensor_that_is_changed_in_place_is_not_taken_for_a_constant(count):
    program = captured_program(InPlace(), 4).module()
    # Each channel's mean, times 2 w, times 2 w + 1.
    means = IMAGES[:count].to(torch.float32).mean((1, 2))
    expected = means * torch.tensor([2.0 * 3, 4.0 * 5, 6.0 * 7])

    for _ in range(2):
        torch.testing.assert_close(program(IMAGES[:count]), expected)
