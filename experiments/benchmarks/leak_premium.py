"""What are torn groups worth on histo-colon, with labels drawn at random for each group and with the true ones?

The features are those of EfficientNetLite0, frozen, with packaged weights. A group's label is drawn, so whatever a head
reaches beyond .5 is recognition of the group.

Beside the groups that the data name, those that near copies make are tried: what kbin finds without groups.csv.

Run: python -m experiments.benchmarks.leak_premium --data FOLDER [--seeds 20] (FOLDER holds histo-colon/groups.csv)
Measured (2,000 images, 491 groups; 614 found, adjusted Rand index .936; 20 seeds): labels drawn: .71 to .77 by plain
folds; .46 to .58 by the told groups and by those found, premium +.20 to +.30, every interval above 0; true labels:
1.000 either way, premium .000.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

import kbin
from kbin.audit.copy_groups import numbered
from kbin.audit.copy_pairs import find_near_copies
from kbin.audit.leak_premium import leak_premium
from kbin.audit.near_copies import copied_together
from kbin.audit.reduction import reduced
from kbin.config.data import DataConfig
from kbin.data.datasets import Dataset
from kbin.data.image_measures import measure, unpacked
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
    sets = _sets(given.data / "histo-colon")
    features = _features(sets)
    labels = np.concatenate([one.labels for one in sets.values()])
    groups = numbered(np.concatenate([one.columns["group"] for one in sets.values()]))
    found = _found_groups(sets, features)
    print(f"{len(labels)} images, {groups.max() + 1} groups; found without being told: {found.max() + 1}")
    print(f"adjusted Rand index of those found and those told: {adjusted_rand_score(groups, found):.3f}")
    print("labels        groups    plain  grouped  premium  95 % interval")
    _show("true", features, labels, {"told": groups, "found": found})
    for seed in range(given.seeds):
        drawn = np.random.default_rng(seed).integers(0, 2, groups.max() + 1)[groups]
        _show(f"drawn, {seed}", features, drawn, {"told": groups, "found": found})


def _show(name: str, features: np.ndarray, labels: np.ndarray, groupings: dict[str, np.ndarray]) -> None:
    for kind, groups in groupings.items():
        premium = leak_premium(features, labels, groups)
        if premium is None:
            print(f"{name:<12}  {kind:<6}  a fold lacks a class")
            continue
        print(
            f"{name:<12}  {kind:<6} {premium.plain:8.3f} {premium.grouped:8.3f} {premium.difference:+8.3f}  "
            f"{premium.low:+.3f} to {premium.high:+.3f}",
            flush=True,
        )


def _sets(folder: Path) -> dict[str, Dataset]:
    config = DataConfig(source="folder", path=folder, positive="tumour", groups=folder / "groups.csv")
    return dict(load_sets(config, Progress()).sets)


def _found_groups(sets: dict[str, Dataset], features: np.ndarray) -> np.ndarray:
    """Returns the group of each image as the check `near-copies` makes them, shape (n,)."""
    miniatures = np.concatenate([unpacked(measure(one.images, range(len(one)))).miniatures for one in sets.values()])
    pairs = find_near_copies(miniatures, reduced({"all": features})["all"])
    return copied_together(pairs, len(miniatures))


def _features(sets: dict[str, Dataset]) -> np.ndarray:
    parts = cut(
        kbin.build_classifier("EfficientNetLite0", weights="packaged", train_blocks=0, num_classes=2, image_size=_SIDE)
    )
    engine = FeatureEngine(FeatureStore.of_this_machine(), "openvino", "float32", "stretch", Progress())
    hashed = {
        name: HashedImages(one.content_hashes(), ImageInputs(one.images, _SIDE, "stretch", 2))
        for name, one in sets.items()
    }
    found = engine.features(parts, hashed)
    return np.concatenate([found[name].take(np.arange(len(one))) for name, one in sets.items()])


if __name__ == "__main__":
    main()
