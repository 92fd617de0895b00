"""What does study 1's grid cost from nothing, as a multiple of one feature pass?

The experiment of `experiments/solar_cells_grid.yaml` (16 combinations x 5 folds on 2,624 images) is run with an empty
store, once to the end of the search and once with the best refitted, plots and page included; between the runs the
feature pass is measured alone. Imports and the conversion of the network, which is kept, are done before.

Run: python -m experiments.benchmarks.grid_from_nothing [--json] [--rounds 3]

Measured on two cores, medians of 3 rounds, twice: the pass 20.5 and 20.2 s, the search 24.9 and 25.3 s (1.21 and 1.25
passes), with refit 27.5 and 28.8 s (1.34 and 1.43).
"""

import os
import shutil
import statistics
from pathlib import Path
from typing import Any

from experiments.benchmarks.measuring import arguments, private_folder, seconds_of, show
from kbin.data.sets import load_sets
from kbin.engine.feature_store import NETWORKS, FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.prefix import cut
from kbin.engine.runtimes import runtime_name
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.experiment_inputs import images_of_sets
from kbin.model_run import build_configured
from kbin.progress import Progress

_EXPERIMENT = Path(__file__).parents[1] / "solar_cells_grid.yaml"


def main() -> None:
    """Measures in turn and prints a row."""
    options = arguments(__doc__, rounds=3)
    config = load_experiment(_EXPERIMENT)
    loaded = load_sets(config.data)
    train = images_of_sets(loaded, config)["train"]
    parts = cut(build_configured(config.models[0], 2, config.data.image_size, 0))
    hashed = {"train": HashedImages(train.data.content_hashes(), train.images)}
    networks = private_folder() / NETWORKS

    def engine(store: Path) -> FeatureEngine:
        if networks.is_dir():
            shutil.copytree(networks, store / NETWORKS)
        return FeatureEngine(FeatureStore(store, 10**10), runtime_name("auto"), "float32", "stretch", Progress())

    first = private_folder()
    engine(first).features(parts, hashed)
    shutil.copytree(first / NETWORKS, networks)

    def passed() -> float:
        fresh = engine(private_folder())
        fresh.runtime(parts)
        return seconds_of(lambda: fresh.features(parts, hashed))

    def run(*overrides: str) -> float:
        store = private_folder()
        shutil.copytree(networks, store / NETWORKS)
        os.environ["KBIN_STORE"] = str(store)
        chosen = load_experiment(_EXPERIMENT, overrides)
        return seconds_of(lambda: run_experiment(chosen, private_folder() / "run", Progress()))

    rows: dict[str, list[float]] = {"pass": [], "search": [], "with refit": []}
    for _ in range(options.rounds):
        rows["pass"].append(passed())
        rows["search"].append(run("search.refit=false"))
        rows["with refit"].append(run("search.refit=true"))
    show([_row(rows)], options.json)


def _row(seconds: dict[str, list[float]]) -> dict[str, Any]:
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        **{f"{name} s": value for name, value in medians.items()},
        "search / pass": medians["search"] / medians["pass"],
        "with refit / pass": medians["with refit"] / medians["pass"],
        "rounds": len(seconds["pass"]),
    }


if __name__ == "__main__":
    main()
