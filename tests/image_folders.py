"""Folders of small images that a model can tell apart: classes differ in brightness, every image in its noise."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

LEVELS = {"dark": 70, "grey": 120, "bright": 170}


def write_images(
    root: Path, counts: Mapping[str, int], seed: int = 0, side: int = 24, levels: Mapping[str, int] = LEVELS
) -> Path:
    """Writes `{"train/dark": 12}` images; the folder's last part is the class, `levels` its brightness."""
    generator = np.random.default_rng(seed)
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        level = levels[Path(folder).name]
        for index in range(count):
            pixels = generator.normal(level, 40, (side, side, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{index}.png")
    return root
