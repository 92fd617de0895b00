"""Are flipped labels among the first suspects, is their rate estimated, and do clean sets stay clean?

Labels of real images are flipped at random, in all sets, to any other class; features are a frozen EfficientNet-Lite0's.
Recall is the share of the flips among the 2 x k most contradicted labels of k flips, precision their share of the first
k; "held" is whether the 95 % interval of the rate holds the share that was flipped. Synthetic classes are Gaussian, as
far apart as the name says: at 1 they overlap so much that 31 % of the labels are contradicted.

Run: python -m experiments.benchmarks.planted_label_noise --data FOLDER [--seeds 20]
FOLDER holds NAME.npz files with features (n, d), labels (n,), split (n,), classes.
Measured (EfficientNet-Lite0 at 224 pixels, means over seeds):
MEASURED
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments.benchmarks.measuring import seconds_of, show
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.judged_labels import JudgedLabels
from kbin.audit.label_noise import CHECK

_RATES = (0.0, 0.02, 0.05)
_SYNTHETIC = (1.0, 2.0, 4.0)  # standard deviations between two classes
_SYNTHETIC_IMAGES = 4_000


def drawn(seed: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns features and labels of two Gaussian classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, _SYNTHETIC_IMAGES)
    features = rng.normal(size=(_SYNTHETIC_IMAGES, 40))
    features[:, 0] += distance * (labels - 0.5)
    return features.astype(np.float32), labels


def inputs_of(features: np.ndarray, labels: np.ndarray, split: np.ndarray) -> AuditInputs:
    """Returns audit inputs with features and labels only."""
    sets = {}
    for name in ("train", *sorted(set(split.tolist()) - {"train"})):
        inside = split == name
        number = int(inside.sum())
        names = np.array([f"{name}-{index}" for index in range(number)])
        miniatures = np.broadcast_to(np.zeros((1, 48, 48, 3), np.uint8), (number, 48, 48, 3))
        sets[name] = AuditedSet(
            name, names, names, labels[inside], names, names, miniatures, {}, features=features[inside]
        )
    return AuditInputs(tuple(f"class {index}" for index in range(int(labels.max()) + 1)), sets)


def trial(features: np.ndarray, truth: np.ndarray, split: np.ndarray, rate: float, seed: int) -> dict[str, float]:
    """Returns what one planting shows."""
    rng = np.random.default_rng(seed)
    num_classes = int(truth.max()) + 1
    flipped = rng.random(len(truth)) < rate
    labels = np.where(flipped, (truth + rng.integers(1, num_classes, len(truth))) % num_classes, truth)
    inputs = inputs_of(features, labels, split)
    inputs.reduced_features  # noqa: B018 - shared with other checks, so not a part of this one's time
    ended = []
    seconds = seconds_of(lambda: ended.append(CHECK.run(inputs)))
    judged = JudgedLabels(inputs, np.arange(len(truth)), np.arange(num_classes))
    in_order = np.concatenate([np.flatnonzero(split == name) for name in inputs.sets])
    ranked = flipped[in_order[judged.positions[judged.ranked(judged.disagrees)]]]
    number = int(flipped.sum())
    low, high = ended[0].values["rate_interval"]
    return {
        "recall": ranked[: 2 * number].sum() / max(1, number),
        "precision": ranked[:number].sum() / max(1, number),
        "rate": ended[0].values["rate"],
        "low": low,
        "high": high,
        "held": float(low <= flipped.mean() <= high),
        "found": float(ended[0].outcome == "found"),
        "clean": float(ended[0].outcome == "clean"),
        "seconds": seconds,
    }


def data(folder: Path, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yields name, features, labels and sets."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as arrays:
            yield path.stem, arrays["features"], arrays["labels"], arrays["split"]
    for distance in _SYNTHETIC:
        split = np.where(np.arange(_SYNTHETIC_IMAGES) % 4 == 0, "test", "train")
        yield f"Gaussian, {distance:g} apart", *drawn(seed, distance), split


def main() -> None:
    """Prints a row a data set and rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    found: dict[tuple[str, float], list[dict[str, float]]] = {}
    for seed in range(options.seeds):
        for name, features, labels, split in data(options.data, seed):
            for rate in _RATES:
                # Clean labels are what they are: only drawn ones differ from seed to seed.
                if rate or not seed or name.startswith("Gaussian"):
                    found.setdefault((name, rate), []).append(trial(features, labels, split, rate, seed))
    rows = [
        {"data": name, "flipped": f"{rate:.0%}", "trials": len(trials)}
        | {key: f"{np.mean([one[key] for one in trials]):.3f}" for key in trials[0]}
        | {"least recall": f"{min(one['recall'] for one in trials):.3f}"}
        for (name, rate), trials in found.items()
    ]
    show(rows, options.json)


if __name__ == "__main__":
    main()
