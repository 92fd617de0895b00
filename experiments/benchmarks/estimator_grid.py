"""What does a grid search over heads cost in scikit-learn, with stored features and without?

`GridSearchCV` of `kbin.ImageClassifier` over 6 heads (2 learning rates x 3 sizes of the hidden layer) x 5 folds, 5
epochs, on solar cells with EfficientNetLite0 fixed, in turn:

- stored: the features are in the store, as in any search after the first;
- from nothing: the store is empty when the search begins, of converted networks too;
- anew in each fit: the features are removed before each of the 30 fits;
- uncut: `store=False`, the whole network in every epoch, as a plain wrapper of `model.fit` would;
- heads alone: the same 30 heads trained by kbin's trainer on arrays of features, with nothing around them.

Run: python -m experiments.benchmarks.estimator_grid [--images 160] [--size 96] [--rounds 3] [--leave-out WAY ...]

Measured on two cores of which others used most (so that seconds of the processor say more than those that passed), one
thread, 160 images of 96 px, 3 rounds, median and range: stored 4.6 s of processor (4.4-4.7), 1.13 of heads alone, 4.1 s
(3.7-4.3); from nothing 10.6 s (10.3-11.3). Passed: 16.7, 15.0 and 50 s. 60 images, 1 round: anew in each
fit 33.8 s of processor, stored 2.9 s (88 and 8 s passed); uncut was not measured to its end (over 120 s passed).
"""

import argparse
import os
import shutil
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import kbin
from experiments.benchmarks.measuring import median_and_range, private_folder, seconds_of, show
from kbin.config.training import TrainingConfig
from kbin.data.elpv import read_elpv
from kbin.data.images import decode_batch
from kbin.data.set_names import UNSPLIT
from kbin.engine.feature_store import PLACE, FeatureStore
from kbin.engine.features import predict_inputs
from kbin.engine.inputs import ArrayInputs
from kbin.engine.prefix import cut
from kbin.models.classifiers import build_head
from kbin.progress import Progress
from kbin.training.trainer import Labelled, train

RATES, HIDDEN, NUM_FOLDS, EPOCHS = (1e-3, 1e-2), ((), (64,), (256,)), 5, 5


class AnewInEachFit(kbin.ImageClassifier):
    """Forgets every feature before it is fitted."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "AnewInEachFit":
        """Removes the stored features and fits."""
        store = FeatureStore.of_this_machine()
        for entry in store.entries():
            store.clear(entry.name)  # clearing all would remove the converted network too
        return super().fit(X, y, sample_weight)


def main() -> None:
    """Times the ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leave-out", nargs="*", default=[])
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="__array__ implementation")
    images, labels = solar_cells(options.images, options.size)
    store = private_folder()
    os.environ[PLACE] = str(store)
    works = {name: work for name, work in _works(images, labels, options.size).items() if name not in options.leave_out}
    _one_fit(images, labels, options.size)  # what Keras, torch and OpenVINO set up once
    seconds: dict[str, list[float]] = {name: [] for name in works}
    processor: dict[str, list[float]] = {name: [] for name in works}
    scores: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, work in works.items():
            if name in ("from nothing", "anew in each fit"):
                FeatureStore.of_this_machine().clear()
            elif name == "stored":
                _one_fit(images, labels, options.size)  # the way before it may have emptied the store
            start = time.process_time()
            seconds[name].append(seconds_of(lambda work=work, name=name: scores.update({name: work()})))
            processor[name].append(time.process_time() - start)
            print(f"{name}: {seconds[name][-1]:.1f} s, {processor[name][-1]:.1f} s of processor", file=sys.stderr)
    shutil.rmtree(store)
    stored = statistics.median(processor["stored"])
    rows = [
        {
            "way": name,
            "passed s": median_and_range(seconds[name]),
            "processor s": median_and_range(values),
            "times stored (processor)": statistics.median(values) / stored,
            "best accuracy": scores[name],
        }
        for name, values in processor.items()
    ]
    show(rows, options.json)


def solar_cells(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns `count` solar cells, drawn with a fixed seed, and their labels, 0 or 1."""
    data = read_elpv()[UNSPLIT]
    chosen = np.random.default_rng(0).permutation(len(data))[:count]
    return decode_batch(data.images, chosen, size), data.labels[chosen]


def _works(images: np.ndarray, labels: np.ndarray, size: int) -> dict[str, Callable[[], float]]:
    from sklearn.model_selection import GridSearchCV

    def search(estimator: kbin.ImageClassifier) -> float:
        grid = {"learning_rate": RATES, "hidden_units": HIDDEN}
        return float(GridSearchCV(estimator, grid, cv=NUM_FOLDS, refit=False).fit(images, labels).best_score_)

    settings: dict[str, Any] = {"image_size": size, "epochs": EPOCHS, "random_state": 0}
    return {
        "stored": lambda: search(kbin.ImageClassifier(**settings)),
        "heads alone": _heads_alone(images, labels, size),
        "from nothing": lambda: search(kbin.ImageClassifier(**settings)),
        "anew in each fit": lambda: search(AnewInEachFit(**settings)),
        "uncut": lambda: search(kbin.ImageClassifier(**settings, store=False)),
    }


def _one_fit(images: np.ndarray, labels: np.ndarray, size: int) -> None:
    kbin.ImageClassifier(image_size=size, epochs=1, random_state=0).fit(images, labels)


def _heads_alone(images: np.ndarray, labels: np.ndarray, size: int) -> Callable[[], float]:
    from sklearn.model_selection import StratifiedKFold

    parts = cut(kbin.build_classifier("EfficientNetLite0", image_size=size))
    features = predict_inputs(parts.prefix, ArrayInputs(images), 32)
    folds = list(StratifiedKFold(NUM_FOLDS).split(features, labels))

    def run() -> float:
        scores = []
        for rate in RATES:
            for hidden in HIDDEN:
                right = 0
                for train_places, held_out in folds:
                    head = build_head(features.shape[1], seed=0, hidden_units=hidden)
                    settings = TrainingConfig(learning_rate=rate, epochs=EPOCHS)
                    data = Labelled(ArrayInputs(features[train_places]), labels[train_places])
                    train(head, data, None, settings, seed=0, progress=Progress())
                    outputs = predict_inputs(head, ArrayInputs(features[held_out]), 128)[:, 0]
                    right += int(((outputs > 0.5) == labels[held_out]).sum())
                scores.append(right / len(labels))
        return max(scores)

    return run


if __name__ == "__main__":
    main()
