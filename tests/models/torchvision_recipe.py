"""Weights and an image that anyone can make again, for which torchvision's features are known."""

import numpy as np
import torch


def reference_tensor(index: int, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Returns entry number `index` of a state dict."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    values = np.random.Generator(np.random.PCG64(index)).standard_normal(shape)
    if name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(values)
    elif len(shape) == 1:
        values = 0.1 * values + (1 if name.endswith(".weight") else 0)
    else:
        values = values / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32))


def reference_image() -> np.ndarray:
    """What stands for a standardised image: the reference was computed without preprocessing."""
    place = np.arange(224) / 224
    channels = [np.sin(6 * place[:, None] + channel) * np.cos(5 * place[None] - channel) for channel in range(3)]
    return np.stack(channels, axis=-1)[None].astype(np.float32)
