"""Labels drawn at random, one for all copies of a tile: what do plain folds say of a head, and what grouped ones?

There is nothing to learn, so an honest AUC is .5. Plain folds hold out copies of tiles that they trained on.

Data: a folder of images with a `groups.csv` (file, group), such as the tiles of `colon_tiles.yaml`.
Run: python experiments/random_labels.py <folder> [--draws 8]
Measured on 2,000 images of colon tissue, copies of 491 tiles (8 draws of the labels; mean AUC, standard error): plain
folds .730, .003; grouped ones .494, .006.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np

from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress
from kbin.runs import RunDirectory

EXPERIMENT = """\
name: random-labels
data:
  source: csv
  path: labels.csv
  classes: [a, b]
  positive: b
  split: {test: 0, validation: 0}
models: [{id: head, backbone: EfficientNetLite0, weights: packaged, head: {standardize: true}}]
training: {learning_rate: 1e-3, epochs: 10, seeds: [0]}
search: {folds: 5, score: roc_auc, refit: false}
"""


def main() -> None:
    """Draws labels, cross-validates with both kinds of folds, and prints a line a draw and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    areas: dict[str, list[float]] = {"plain": [], "grouped": []}
    for draw in range(options.draws):
        with tempfile.TemporaryDirectory() as work:
            _write_labels(options.folder, Path(work), draw)
            for kind, group in (("plain", "null"), ("grouped", "group")):
                areas[kind].append(_cross_validated_area(Path(work), kind, group))
        print(f"draw {draw}: plain {areas['plain'][-1]:.3f}, grouped {areas['grouped'][-1]:.3f}", flush=True)
    for kind, values in areas.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        print(f"{kind}: mean AUC {np.mean(values):.3f}, standard error {error:.3f}, {len(values)} draws")


def _write_labels(images: Path, work: Path, draw: int) -> None:
    with (images / "groups.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    groups = sorted({row["group"] for row in rows})
    labels = dict(zip(groups, np.random.default_rng(draw).permutation(np.arange(len(groups)) % 2), strict=True))
    with (work / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "group"])
        writer.writerows([(images / row["file"]).resolve(), "ab"[labels[row["group"]]], row["group"]] for row in rows)
    (work / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")


def _cross_validated_area(work: Path, kind: str, group: str) -> float:
    config = load_experiment(work / "experiment.yaml", [f"data.split.group={group}"])
    run_experiment(config, work / kind, Progress())
    return float(RunDirectory(work / kind).results()["models"][0]["search"]["combinations"][0]["mean"])


if __name__ == "__main__":
    main()
