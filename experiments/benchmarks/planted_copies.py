"""Are changed copies found among real images, and are different images left alone?

From a folder of classes (or sets with classes), 3,000 images are drawn, and 25 copies of each kind are planted among
them: re-encoded (JPEG, quality 50 to 95), resized (to 50 to 200 %), mirrored, turned by a quarter, turned by 3 to 25
degrees (black corners, or cut off and enlarged), cropped (up to 6 % of each side), brightened (brightness and contrast
times .7 to 1.3), and mirrored, brightened and re-encoded in one. Found is a copy that is a near copy of its original.
"others" counts the pairs that no one planted: the data's own copies, or mistakes; look at them with --pairs FILE, which
draws them side by side.

Run: python -m experiments.benchmarks.planted_copies --data FOLDER [--seeds 20] [--images 3000] [--pairs FILE]
Measured, 20 seeds, 500 copies of each kind: CIFAR-10's airplanes and automobiles: each kind between .984 (resized,
cropped) and 1; tissue (2,000 images): between .994 and 1.
"""

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from experiments.benchmarks.measuring import show
from kbin.audit.copy_pairs import CopyPairs, find_near_copies
from kbin.data.image_measures import MINIATURE

_EACH = 25  # planted copies of each kind


def _again(image: Image.Image, rng: np.random.Generator, least: int = 50) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(least, 96)))
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def _resized(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2))))
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    return image.resize(size, filters[rng.integers(3)])


def _mirrored(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image) if rng.integers(2) else ImageOps.flip(image)


def _quarter(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return image.transpose(turns[rng.integers(3)])


def _turned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.rotate(rng.uniform(3, 25) * rng.choice([-1, 1]), Image.Resampling.BICUBIC)


def _turned_and_cut(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    degrees = rng.uniform(3, 25)
    turned = image.rotate(degrees * rng.choice([-1, 1]), Image.Resampling.BICUBIC)
    share = 1 / (np.cos(np.radians(degrees)) + np.sin(np.radians(degrees)))
    x, y = image.width * (1 - share) / 2, image.height * (1 - share) / 2
    return turned.resize(image.size, Image.Resampling.BICUBIC, box=(x, y, image.width - x, image.height - y))


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    left, top, right, bottom = rng.uniform(0, 0.06, 4)
    width, height = image.size
    return image.crop((left * width, top * height, (1 - right) * width, (1 - bottom) * height))


def _brightened(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    brighter = ImageEnhance.Brightness(image).enhance(rng.uniform(0.7, 1.3))
    return ImageEnhance.Contrast(brighter).enhance(rng.uniform(0.7, 1.3))


def _several(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return _again(_brightened(_mirrored(image, rng), rng), rng, 70)


KINDS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "re-encoded": _again,
    "resized": _resized,
    "mirrored": _mirrored,
    "quarter turn": _quarter,
    "turned": _turned,
    "turned and cut": _turned_and_cut,
    "cropped": _cropped,
    "brightened": _brightened,
    "several": _several,
}


def main() -> None:
    """Plants copies, looks for them, and prints a row a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = sorted(path for path in options.data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    others: list[int] = []
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(files), min(options.images, len(files)), replace=False)
        miniatures, originals = _with_planted([files[place] for place in chosen], rng)
        pairs = find_near_copies(miniatures)
        found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        number = len(chosen)
        for place, kind in enumerate(KINDS):
            copies = range(place * _EACH, (place + 1) * _EACH)
            shares[kind].append(float(np.mean([(int(originals[one]), number + one) in found for one in copies])))
        others.append(int(((pairs.first < number) & (pairs.second < number)).sum()))
        if options.pairs and seed == 0:
            _draw(pairs, miniatures, number, options.pairs)
        print(f"seed {seed}", file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {"kind": kind, "copies": _EACH * len(found_shares), "found": f"{np.mean(found_shares):.3f}"}
        for kind, found_shares in shares.items()
    ]
    rows.append({"kind": "others", "copies": f"{number} images", "found": f"{min(others)}-{max(others)} pairs"})
    show(rows, options.json)


def _with_planted(files: list[Path], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns the miniatures of images and of their copies behind them, and whose copies these are."""
    originals = np.concatenate([rng.choice(len(files), _EACH, replace=False) for _ in KINDS])
    small = [_small(_opened(path)) for path in files]
    for kind, original in zip(np.repeat(list(KINDS), _EACH).tolist(), originals.tolist(), strict=True):
        small.append(_small(KINDS[kind](_opened(files[original]), rng)))
    return np.stack(small), originals


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((MINIATURE, MINIATURE), Image.Resampling.BILINEAR))


def _draw(pairs: CopyPairs, miniatures: np.ndarray, number: int, path: Path) -> None:
    """Draws the pairs that nobody planted, the least alike first, 20 in a row."""
    order = [one for one in np.argsort(pairs.strength) if pairs.second[one] < number]
    step = MINIATURE + 4
    sheet = Image.new("RGB", (20 * step, max(1, -(-len(order) // 20)) * 2 * step), "white")
    for place, pair in enumerate(order):
        x, y = place % 20 * step, place // 20 * 2 * step
        sheet.paste(Image.fromarray(miniatures[pairs.first[pair]]), (x, y))
        sheet.paste(Image.fromarray(miniatures[pairs.second[pair]]), (x, y + MINIATURE))
    sheet.save(path)


if __name__ == "__main__":
    main()
