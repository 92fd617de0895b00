"""Are images unlike anything in training marked, and those like it as seldom as is said?

The solar-cell experiment is run, and each of its two models with each seed predicts its own validation, training and
test images and real photographs of airplanes and automobiles, from files, as `kbin predict` does. Counted is what is
marked: mean, least and most over the seeds.

Run: python -m experiments.benchmarks.unlike_training --data FOLDER [--json] [--seeds 5]
FOLDER holds folders of images (the CIFAR-10 pair as files, say); all images in each of them are predicted.

Printed here (394 held-out images state .76 %; what tells unlike images is frozen, so it is the same for all seeds):
    backbone frozen      marked of its own test images .30 % (of 656), training .51 % (of 1,574); airplanes and
                         automobiles 100 % (of 2,000), tissue 100 % (of 418), chest X-rays 100 % (of 624); 5 seeds
    top block trained    .15 %, .44 %; airplanes and automobiles 100 %; 1 seed. By what enters the head, which was
                         trained, it had been 93.9 % [88.5, 97.4] over 5 seeds: training moves other images nearer
With the features of the audit's trials, a Mahalanobis distance with few principal components marked 12 % of solar cells
of another kind (1,550 poly cells, training on mono cells alone), the tenth nearest neighbour 92 %; chest X-rays among
airplanes and automobiles 20 % and 82 %.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.measuring import private_folder, show
from kbin.data.sets import load_sets
from kbin.deploy.given_images import GivenImages
from kbin.deploy.loaded_model import LoadedModel
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress

_EXPERIMENT = Path(__file__).parents[1] / "solar_cells.yaml"


def main() -> None:
    """Trains, predicts, and prints a row for each model and set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    options = parser.parse_args()
    seeds = list(range(options.seeds))
    config = load_experiment(_EXPERIMENT, [f"training.seeds={seeds}"])
    out = private_folder() / "run"
    run_experiment(config, out, Progress())
    sets: dict[str, Sequence[Any]] = {}
    for name, data in load_sets(config.data, Progress()).sets.items():
        sets[name] = [data.images.location(index) for index in range(len(data))]
    for folder in sorted(one for one in options.data.iterdir() if one.is_dir()):
        sets[folder.name] = [one.path for one in GivenImages([str(folder)])]
    rows = []
    for one in config.models:
        models = [LoadedModel(out / "models" / str(one.id) / f"seed-{seed}") for seed in seeds]
        rows += [_row(str(one.id), models, name, files) for name, files in sets.items()]
    show(rows, options.json)


def _row(model_id: str, models: Sequence[LoadedModel], name: str, files: Sequence[Any]) -> dict[str, Any]:
    tables = [model.predict(files) for model in models]
    marked = [100 * float(table["unlike_training"].mean()) for table in tables]
    stated = [100 * model.novelty.false_alarm_rate for model in models if model.novelty is not None]
    return {
        "model": model_id,
        "set": name,
        "images": len(files),
        "seeds": len(models),
        "stated %": statistics.mean(stated),
        "marked %": statistics.mean(marked),
        "least": min(marked),
        "most": max(marked),
        "median distance": statistics.median(float(table["training_distance"].median()) for table in tables),
    }


if __name__ == "__main__":
    main()
