"""Does the check `input-numbers` find images that were prepared wrongly, and does it stay silent on right ones?

Faults are planted in arrays of airplanes and automobiles (CIFAR-10), which then go kbin's own way: decoded, resized to
224 pixels, and through the first convolution of EfficientNet-Lite0 with ImageNet's weights. Every seed draws
other images. The right sets are decoded from their files.

Needs the extra `samples`, and a folder with cifar10-pair, histo-colon, pneumoniamnist and covid4-128 as
<set>/<split>/<class>/<file>.
Run: python -m experiments.benchmarks.planted_input_faults --data FOLDER [--seeds 20] [--json] (ten minutes)
Measured (20 seeds a row, 64 to 128 images each; "misfit": divergence from the first BatchNorm, nats a channel):
- found in 20 of 20: uint8 divided by 255, floats divided by 255 twice, 8, 12 and 14 bits stored as uint16 (misfit 2.37
  to 2.38, 2.38, 2.38, 1.98 to 2.07, 1.14 to 1.29; right images .19 to .26), images of one colour.
- no false alarm in 20 of 20 on floats 0 to 1, floats 0 to 255, full 16 bits, cifar10-pair and histo-colon (misfit .53
  to .57, inverted only .70 to .72 of that); pneumoniamnist, covid4-128 and elpv are called grey, which they are.
- found in 0 of 20: BGR and inverted. Their misfits are those of the right images (BGR .19 to .25, inverted .19 to .26),
  and right histology fits better inverted than any inverted photographs do the right way round. What enters the first
  convolution does not tell them, and the check does not pretend that it does.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.measuring import show
from kbin.audit.input_statistics import AS_THEY_ARE, BGR, INVERTED, InputStatistics
from kbin.data.elpv import read_elpv
from kbin.data.image_sources import ArrayImages, FileImages, ImageSource
from kbin.data.images import decode_batch
from kbin.explain.first_convolution import input_numbers
from kbin.models.builders import build_backbone

SIZE = 224
RIGHT = ("cifar10-pair", "histo-colon", "pneumoniamnist", "covid4-128")

# What is planted -> the reading that should come of it, and the arrays from uint8 images.
PLANTED: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "uint8 that was divided by 255": ("rescaled", lambda images: np.round(images / 255).astype(np.uint8)),
    "floats divided by 255 twice": ("rescaled", lambda images: images.astype(np.float32) / 255 / 255),
    "8 bits stored as uint16": ("rescaled", lambda images: images.astype(np.uint16)),
    "12 bits stored as uint16": ("rescaled", lambda images: images.astype(np.uint16) * 16),
    "14 bits stored as uint16": ("rescaled", lambda images: images.astype(np.uint16) * 64),
    "floats 0 to 1 (right)": ("usual", lambda images: images.astype(np.float32) / 255),
    "floats 0 to 255 (right)": ("usual", lambda images: images.astype(np.float32)),
    "16 bits stored as uint16 (right)": ("usual", lambda images: images.astype(np.uint16) * 257),
    "one colour": ("constant", lambda images: np.full_like(images, 128)),
    "BGR": ("bgr", lambda images: images[..., ::-1].copy()),
    "inverted": ("inverted", lambda images: 255 - images),
}


def main() -> None:
    """Prints a row a planted fault, and a row a right set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    network = build_backbone("EfficientNetLite0", image_size=SIZE)
    pair = FileImages(files_of(options.data / "cifar10-pair"))
    rows = []
    for name, (expected, plant) in PLANTED.items():
        numbers = []
        for seed in range(options.seeds):
            small = decode_batch(pair, chosen(len(pair), seed), 32)
            planted = plant(small)
            white = (1.0 if planted.max() <= 1 else 255.0) if planted.dtype.kind == "f" else None
            numbers.append(measured(network, ArrayImages(planted, name, white=white), np.arange(len(planted))))
        rows.append(row(name, expected, numbers))
    for name, images in right_sets(options.data):
        found = [measured(network, images, chosen(len(images), seed)) for seed in range(options.seeds)]
        grey = all(one.grey_share >= 0.95 for one in found)
        rows.append(row(f"{name} (right)", "grey" if grey else "usual", found))
    show(rows, options.json)


def right_sets(data: Path) -> Iterator[tuple[str, ImageSource]]:
    """Yields the real sets as they are."""
    for name in RIGHT:
        yield name, FileImages(files_of(data / name))
    yield "elpv", next(iter(read_elpv().values())).images


def files_of(folder: Path) -> list[Path]:
    """Returns the images of a set's training part."""
    return sorted(path for path in folder.glob("train/*/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def chosen(number: int, seed: int) -> np.ndarray:
    """Returns 64 to 128 places, other ones for each seed."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(number, rng.integers(64, 129), replace=False))


def measured(network: Any, images: ImageSource, indices: np.ndarray) -> InputStatistics:
    """Returns the statistics of some images, which enter in random order, as a run's sample does."""
    shuffled = np.random.default_rng(len(indices)).permutation(indices)
    return InputStatistics.from_dict(input_numbers(network, "packaged", decode_batch(images, shuffled, SIZE)))


def row(name: str, expected: str, numbers: list[InputStatistics]) -> dict[str, Any]:
    """Returns what a row prints: how often the reading was the expected one, and the misfits."""
    readings = Counter(one.reading for one in numbers)
    ratios = {
        variant: [one.discrepancies[variant] / one.discrepancies[AS_THEY_ARE] for one in numbers]
        for variant in (INVERTED, BGR)
        if all(variant in one.discrepancies for one in numbers)
    }
    shown = {variant: f"{min(ratio):.2f} to {max(ratio):.2f}" for variant, ratio in ratios.items()}
    misfits = [one.discrepancies[AS_THEY_ARE] for one in numbers]
    return {
        "images": name,
        "expected": expected,
        "read so": f"{readings[expected]} of {len(numbers)}",
        "read otherwise": ", ".join(f"{count} {one}" for one, count in readings.items() if one != expected) or "-",
        "misfit": f"{min(misfits):.2f} to {max(misfits):.2f}",
        "of it inverted": shown.get(INVERTED, "-"),
        "of it BGR": shown.get(BGR, "-"),
    }


if __name__ == "__main__":
    main()
