"""What are torn groups worth on histo-colon, with labels drawn at random for each group and with the true ones?

The features are those of EfficientNetLite0, frozen, with packaged weights. A group's label is drawn, so whatever a head
reaches beyond .5 is recognition of the group.

Run: python -m experiments.benchmarks.leak_premium --data FOLDER [--seeds 20] (FOLDER holds histo-colon/groups.csv)
Measured (2,000 images, 491 groups): labels drawn, 18 seeds: .71 to .77 by plain folds, .46 to .58 by
grouped ones, premium +.20 to +.30, every interval above 0; true labels: 1.000 either way, premium .000.
"""

import argparse
from pathlib import Path

import numpy as np

import kbin
from kbin.audit.copy_groups import numbered
from kbin.audit.leak_premium import leak_premium
from kbin.config.data import DataConfig
from kbin.data.sets import load_sets
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ImageInputs
from kbin.engine.prefix import cut
from kbin.progress import Progress

_SIDE = 224


def main() -> None:
    """Prints the premium for each seed and for the true labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    features, labels, groups = _histo_colon(given.data / "histo-colon")
    print(f"{len(labels)} images, {groups.max() + 1} groups")
    print("labels        plain  grouped  premium  95 % interval")
    _show("true", features, labels, groups)
    for seed in range(given.seeds):
        drawn = np.random.default_rng(seed).integers(0, 2, groups.max() + 1)[groups]
        _show(f"drawn, {seed}", features, drawn, groups)


def _show(name: str, features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> None:
    premium = leak_premium(features, labels, groups)
    if premium is None:
        print(f"{name:<12} a fold lacks a class")
        return
    print(
        f"{name:<12} {premium.plain:6.3f} {premium.grouped:8.3f} {premium.difference:+8.3f}  "
        f"{premium.low:+.3f} to {premium.high:+.3f}",
        flush=True,
    )


def _histo_colon(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    config = DataConfig(source="folder", path=folder, positive="tumour", groups=folder / "groups.csv")
    sets = load_sets(config, Progress()).sets
    parts = cut(
        kbin.build_classifier("EfficientNetLite0", weights="packaged", train_blocks=0, num_classes=2, image_size=_SIDE)
    )
    engine = FeatureEngine(FeatureStore.of_this_machine(), "openvino", "float32", "stretch", Progress())
    hashed = {
        name: HashedImages(one.content_hashes(), ImageInputs(one.images, _SIDE, "stretch", 2))
        for name, one in sets.items()
    }
    found = engine.features(parts, hashed)
    return (
        np.concatenate([found[name].take(np.arange(len(one))) for name, one in sets.items()]),
        np.concatenate([one.labels for one in sets.values()]),
        numbered(np.concatenate([one.columns["group"] for one in sets.values()])),
    )


if __name__ == "__main__":
    main()
