"""What the benchmarks share: repeated timing, data to measure on, and one way to print."""

import argparse
import atexit
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import kbin


def arguments(description: str, **numbers: int) -> argparse.Namespace:
    """Returns the command's arguments: --json, --backbones, and a whole number for each name in `numbers`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--backbones", nargs="+", default=["ResNet50", "EfficientNetB0", "MobileNetV3Large"])
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def seconds_of(work: Callable[[], Any]) -> float:
    """Returns the seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Times several pieces of work in turn, A B A B, so that a drift of a shared machine meets all of them.

    The first call of each is not counted.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seconds[name].append(seconds_of(work))
    return seconds


def median_and_range(values: Sequence[float]) -> str:
    """Returns median and range as text."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def classifier(backbone: str, image_size: int = 224, **settings: Any) -> Any:
    """Returns a classifier with random weights: they are as fast as trained ones."""
    import keras

    keras.utils.set_random_seed(0)
    return kbin.build_classifier(backbone, weights="none", image_size=image_size, **settings)


def random_images(count: int, size: int = 224) -> np.ndarray:
    """Returns images of noise, shape (count, size, size, 3), uint8."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def jpeg_folder(folder: Path, count: int, size: int) -> Path:
    """Writes JPEG files of smooth colour with some noise (a size like a photograph's), half of each of two classes."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for index in range(count):
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), np.int16)
        pixels = np.clip(pixels + generator.integers(-20, 21, pixels.shape), 0, 255).astype(np.uint8)
        path = folder / "ab"[index % 2] / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=90)
    return folder


def private_folder() -> Path:
    """Returns a new empty folder for a store or files; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="kbin-benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def show(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Prints rows of the same keys as a table, or as JSON."""
    if as_json:
        print(json.dumps(list(rows), indent=1))
        return
    names = list(rows[0])
    texts = [[f"{value:,.3g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    widths = [max(len(name), *(len(row[place]) for row in texts)) for place, name in enumerate(names)]
    for row in [names, *texts]:
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))
