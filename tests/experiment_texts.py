"""Experiment files for tests."""

from collections.abc import Callable, Sequence
from pathlib import Path

from kbin.config.experiment import ExperimentConfig
from kbin.experiment_file import load_experiment

SMALLEST = """\
name: cells
data:
  source: elpv
  classes: [functional, defective]
  positive: defective
models:
  - backbone: EfficientNetLite0
"""

# For images that `write_images` makes.
SHADES = """\
name: shades
data:
  source: folder
  path: images
  classes: [dark, bright]
  positive: bright
  image_size: 32
"""

Load = Callable[..., ExperimentConfig]


def loader(folder: Path) -> Load:
    """Returns a function that writes a text to `experiment.yaml` and loads it."""

    def load(text: str | bytes = SMALLEST, overrides: Sequence[str] = ()) -> ExperimentConfig:
        path = folder / "experiment.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_experiment(path, overrides)

    return load
