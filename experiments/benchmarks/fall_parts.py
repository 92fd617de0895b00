"""What does a model's fall in accuracy consist of? On a finished run, and on drawn scores of which the answer is known.

Run: python -m experiments.benchmarks.fall_parts [--run FOLDER] [--seeds 100] [--images 100000] [--json]
FOLDER is a finished run with two classes, such as that of experiments/solar_cells_shift.yaml.
Measured on the run of solar_cells_shift.yaml (161 validation images, 3 seeds), parts in accuracy [95 % interval]:
- fixed, poly (1,550): fall .502 [.453, .551] = threshold .382 [.352, .412] + share -.007 + ranking .128 [.085, .170];
  at its best threshold .726, where always answering "functional" gets .708. top-block: .565 = .452 - .007 + .119; .746.
- mono test set (268): falls of .034 [-.030, .099] and .028 [-.033, .089], not beyond chance.
Drawn scores, 100 seeds (200 validation and 400 test images), found and mean parts (fall = threshold + share + ranking):
- nothing changed: 3 of 100; .018 = .016 + .000 + .001: the threshold fits the images that it was chosen on.
- scores moved: 100 of 100; .270 = .268 + .000 + .002. Harder images: 100 of 100; .186 = .025 + .000 + .161.
- moved and harder: 100 of 100; .405 = .243 + .000 + .161. Other shares at a threshold that suits both: 4 of 100.
75,000 images (25,000 validation, 50,000 test), 4 models of 3 seeds: 3.2 s on one thread.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from experiments.benchmarks.measuring import seconds_of, show
from kbin.audit.findings import Outcome
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.audit.ranking_or_threshold import CHECK
from kbin.evaluation.thresholds import choose_threshold
from kbin.runs import RunDirectory

CLASSES = ("negative", "positive")


@dataclass(frozen=True)
class Drawn:
    """A set whose scores are two normal distributions, `apart` from each other and moved by `shift`."""

    name: str
    n: int
    share: float = 0.4
    apart: float = 2.5
    shift: float = 0.0


CHANGES = {
    "nothing": Drawn("test", 400),
    "scores moved": Drawn("test", 400, shift=1.5),
    "share of positives .4 -> .1": Drawn("test", 400, share=0.1),
    "harder images": Drawn("test", 400, apart=1.2),
    "moved and harder": Drawn("test", 400, apart=1.2, shift=1.5),
}


def main() -> None:
    """Prints a table of the run's falls, one of planted changes, and the seconds of a large set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    if options.run is not None:
        outcome = CHECK.run(inputs_of(RunDirectory(options.run)))
        print(outcome.summary, *outcome.details, outcome.next_step, sep="\n")
        show(fall_rows(outcome), options.json)
    show([planted_row(name, changed, options.seeds) for name, changed in CHANGES.items()], options.json)
    large = drawn(0, [Drawn("validation", options.images // 4), Drawn("test", options.images // 2, shift=1)], models=4)
    seconds = seconds_of(lambda: CHECK.run(large))
    show([{"images": 3 * options.images // 4, "models": 4, "seeds": 3, "seconds": seconds}], options.json)


def planted_row(name: str, changed: Drawn, num_seeds: int) -> dict[str, Any]:
    """Returns how often a change is found, and the mean parts."""
    outcomes = [CHECK.run(drawn(seed, [Drawn("validation", 200), changed])) for seed in range(num_seeds)]
    falls = [outcome.values["falls"][0] for outcome in outcomes]
    found = sum(outcome.outcome == "found" for outcome in outcomes)
    means = {
        part: f"{np.mean([fall[part] for fall in falls]):+.3f}" for part in ("fall", "threshold", "share", "ranking")
    }
    return {"what changed": name, "found": f"{found} of {num_seeds}", **means}


def fall_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """Returns each model's fall on each set with its parts and their intervals."""
    parts = ("fall", "threshold", "share", "ranking")
    return [
        {
            "set": fall["set"],
            "model": fall["model"],
            **{
                part: f"{fall[part]:+.3f} [{fall['intervals'][part][0]:+.3f}, {fall['intervals'][part][1]:+.3f}]"
                for part in parts
            },
        }
        for fall in outcome.values["falls"]
        if fall["threshold"] is not None
    ]


def drawn(seed: int, sets: list[Drawn], models: int = 1) -> AuditInputs:
    """Returns inputs with three seeds a model, whose thresholds are Youden's on the validation set."""
    rng = np.random.default_rng(seed)
    made = {one.name: _scored(one, rng, models) for one in (Drawn("train", 30), *sets)}
    validation = made["validation"]
    thresholds = {
        name: np.array([choose_threshold(validation.labels, scores).threshold for scores in seeds])
        for name, seeds in validation.probabilities.items()
    }
    return AuditInputs(CLASSES, made, thresholds)


def inputs_of(run: RunDirectory) -> AuditInputs:
    """Returns labels, probabilities and thresholds of a finished run with two classes."""
    results = run.results()
    done = [model for model in results["models"] if model["status"] == "done"]
    classes = tuple(results["classes"])
    sets = {}
    for name in done[0]["sets"]:
        read = {
            model["id"]: [run.predictions(model["id"], one["seed"], name, classes) for one in _seeds(model)]
            for model in done
        }
        labels = np.array([classes.index(label) for label in read[done[0]["id"]][0].y_true])
        sets[name] = _bare(name, labels, {key: np.stack([one.y_score for one in seeds]) for key, seeds in read.items()})
    thresholds = {model["id"]: np.array([one["threshold"] for one in _seeds(model)]) for model in done}
    return AuditInputs(classes, sets, thresholds)


def _seeds(model: dict[str, Any]) -> list[dict[str, Any]]:
    return list(model["sets"]["train"]["per_seed"])


def _scored(one: Drawn, rng: np.random.Generator, models: int) -> AuditedSet:
    labels = (np.arange(one.n) < round(one.share * one.n)).astype(np.int64)
    shared = rng.normal(0, 0.8, one.n) + one.apart * (labels - 0.5) + one.shift
    scores = {f"model-{k}": expit(1.5 * (shared + rng.normal(0, 0.6, (3, one.n)))) for k in range(models)}
    return _bare(one.name, labels, scores)


def _bare(name: str, labels: np.ndarray, probabilities: dict[str, np.ndarray]) -> AuditedSet:
    names = np.array([f"{name}-{place}" for place in range(len(labels))])
    no_images = np.zeros((len(labels), 1, 1, 3), np.uint8)
    return AuditedSet(name, names, names, labels, names, names, no_images, {}, probabilities=probabilities)


if __name__ == "__main__":
    main()
