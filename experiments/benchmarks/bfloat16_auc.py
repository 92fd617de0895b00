"""Does the frozen part in bfloat16 change the AUC? Solar cells, EfficientNetLite0, three seeds, both precisions.

Needs the extra `samples`. Run: python -m experiments.benchmarks.bfloat16_auc [--json]
"""

from pathlib import Path

from experiments.benchmarks.measuring import arguments, private_folder, show
from kbin.experiment import run_experiment
from kbin.experiment_file import load_experiment
from kbin.progress import Progress
from kbin.runs import RunDirectory

EXPERIMENT = Path(__file__).parents[1] / "solar_cells.yaml"


def main() -> None:
    """Runs the experiment in both precisions and prints a row a set."""
    options = arguments(__doc__)
    auc = {}
    for precision in ("float32", "bfloat16"):
        config = load_experiment(EXPERIMENT, [f"engine.precision={precision}"])
        fixed = config.model_copy(update={"models": config.models[:1]})
        folder = private_folder() / "run"
        run_experiment(fixed, folder, Progress())
        sets = RunDirectory(folder).results()["models"][0]["sets"]
        auc[precision] = {name: one["metrics"]["roc_auc"] for name, one in sets.items()}
    rows = [
        {
            "set": name,
            "float32 AUC": f"{exact:.5f}",
            "bfloat16 AUC": f"{rough:.5f}",
            "difference": f"{rough - exact:+.5f}",
        }
        for (name, exact), rough in zip(auc["float32"].items(), auc["bfloat16"].values(), strict=True)
    ]
    show(rows, options.json)


if __name__ == "__main__":
    main()
