"""Is a test set found whose images were read as BGR, or are negatives, while the training set is as it should be?

From a folder of images 1,500 are drawn; 1,000 train, 500 test: as they are, with red and blue swapped, and inverted.

Run: python -m experiments.benchmarks.planted_colour_faults --data FOLDER [--seeds 20] [--json]

Printed here, found of 20 (as they are / red and blue swapped / inverted; which change it is was always right):
    cifar10-pair      0 /  1 / 20   photographs of sky and street are nearly as likely with red and blue swapped
    histo-colon       0 / 20 / 20
    pneumoniamnist    0 /  0 / 20   grey: red and blue are the same
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.benchmarks.measuring import show
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.swapped_colours import CHANGES, swapped_colours
from kbin.data.image_measures import MINIATURE

_TRAIN, _TEST = 1000, 500


def main() -> None:
    """Plants each change, looks for it, and prints a row a change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = sorted(path for path in options.data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    rows: list[dict[str, Any]] = [{"change": change, "found": 0, "rightly": 0} for change in ("as they are", *CHANGES)]
    for seed in range(options.seeds):
        chosen = np.random.default_rng(seed).permutation(len(files))[: _TRAIN + _TEST]
        images = np.stack([_small(files[place]) for place in chosen.tolist()])
        for row in rows:
            change = CHANGES.get(row["change"], lambda images: images)
            ended = swapped_colours(_inputs(images[:_TRAIN], change(images[_TRAIN:])))
            row["found"] += ended.outcome == "found"
            row["rightly"] += ended.values["swapped"].get("test") == row["change"]
    show(rows, options.json)


def _small(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((MINIATURE, MINIATURE), Image.Resampling.BILINEAR))


def _inputs(train: np.ndarray, test: np.ndarray) -> AuditInputs:
    return AuditInputs(("one", "other"), {name: _set(name, some) for name, some in (("train", train), ("test", test))})


def _set(name: str, images: np.ndarray) -> AuditedSet:
    ids = np.array([f"{name}/{index}" for index in range(len(images))])
    labels = np.zeros(len(images), np.int64)
    return AuditedSet(name, ids, ids, labels, ids, ids, images, {})


if __name__ == "__main__":
    main()
