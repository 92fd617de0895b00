"""How much faster do many heads train as one problem than one after the other?

The grid of study 1 on the solar cells (2,624 images, EfficientNetLite0 fixed): learning rate 1e-4 to 1e-1 times 3, 5,
7 and 9 epochs times 5 folds, 80 heads in all, by `train_heads` and by a `fit` each, on the same stored features in the
same process. With --memory: 1,000 random heads times 5 folds on 10,000 synthetic features of 1,280, as a search gives
them to `train_heads`, call by call.

Run: python -m experiments.benchmarks.many_heads [--json] [--memory] [--heads 1000] [--features 10000]

Measured on two cores: .94 to 1.06 s against 93 to 108 s, 88 to 116 times faster (3 runs, one thread each); predictions
differ by at most 4.1e-6 up to rate 1e-2, and by 3.8e-4 at 1e-1. 1,000 heads times 5 folds: 83 s, with at most .46 GiB
of anonymous memory (1 run). Several calls in threads take as long as one after the other: they wait for Python's lock.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import kbin
from experiments.benchmarks.measuring import private_folder, seconds_of, show
from experiments.benchmarks.million_features import PeakAnonymousMemory
from kbin.config.training import TrainingConfig
from kbin.data.elpv import read_elpv
from kbin.data.set_names import UNSPLIT
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ArrayInputs, Chosen, ImageInputs, Inputs
from kbin.engine.prefix import cut
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores
from kbin.models.classifiers import build_head
from kbin.progress import Progress
from kbin.training.heads import HeadData, HeadOutcome, HeadSettings, HeadShape, heads_at_once, together_key, train_heads
from kbin.training.trainer import Labelled, train

RATES, EPOCHS, NUM_FOLDS = (1e-4, 1e-3, 1e-2, 1e-1), (3, 5, 7, 9), 5
SHAPE = HeadShape((), "sigmoid", 2, standardize=False)
CLASSES = ("functional", "defective")


def main() -> None:
    """Measures one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--memory", action="store_true", help="measure 1,000 random heads, time and memory")
    parser.add_argument("--heads", type=int, default=1000)
    parser.add_argument("--features", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)  # for `fit`, too: steps this small are no faster on two
    rows = _random_heads(options.heads, options.features) if options.memory else _grid()
    show(rows, options.json)


def _grid() -> list[dict[str, Any]]:
    features, labels = _solar_cells()
    parts = _folds(len(labels))
    heads = [
        HeadSettings(TrainingConfig(learning_rate=rate, epochs=epochs))
        for rate, epochs in itertools.product(RATES, EPOCHS)
    ]
    # The first fit and the first call pay for what Keras and torch set up once.
    _by_fit(features, labels, heads[0], parts[0])
    train_heads(features, labels, CLASSES, SHAPE, heads[:1], parts[:1])
    together: list[list[HeadOutcome]] = []
    alone: list[list[np.ndarray]] = []
    seconds = seconds_of(lambda: together.extend(train_heads(features, labels, CLASSES, SHAPE, heads, parts)))
    seconds_alone = seconds_of(
        lambda: alone.extend([[_by_fit(features, labels, head, part) for head in heads] for part in parts])
    )
    return [
        {
            "rate": f"{rate:g}",
            "heads": len(EPOCHS) * NUM_FOLDS,
            "largest difference": max(
                float(np.abs(together[part][head].held_out - alone[part][head]).max())
                for part in range(NUM_FOLDS)
                for head in range(len(heads))
                if heads[head].training.learning_rate == rate
            ),
            "all together s": seconds,
            "all by fit s": seconds_alone,
            "times faster": seconds_alone / seconds,
        }
        for rate in RATES
    ]


def _by_fit(features: Inputs, labels: np.ndarray, head: HeadSettings, part: HeadData) -> np.ndarray:
    model = build_head(1280, seed=part.seed)
    train(
        model,
        Labelled(Chosen(features, part.train), labels[part.train]),
        None,
        head.training,
        seed=part.seed,
        progress=Progress(),
    )
    return np.asarray(model.predict_on_batch(features.take(part.held_out)))[:, 0]


def _solar_cells() -> tuple[Inputs, np.ndarray]:
    data = read_elpv()[UNSPLIT]
    import keras  # late: after kbin has chosen the backend

    keras.utils.set_random_seed(0)
    parts = cut(kbin.build_classifier("EfficientNetLite0", weights="packaged"))
    store = FeatureStore(private_folder(), 10**10)
    engine = FeatureEngine(store, runtime_name("auto"), "float32", "stretch", Progress())
    images = ImageInputs(data.images, 224, "stretch", available_cores())
    return engine.features(parts, {"all": HashedImages(data.content_hashes(), images)})["all"], data.labels


def _folds(count: int) -> list[HeadData]:
    order = np.random.default_rng(0).permutation(count)
    folds = np.array_split(order, NUM_FOLDS)
    return [HeadData(np.setdiff1d(order, fold), fold, None, seed=0) for fold in folds]


def _random_heads(num_heads: int, num_features: int) -> list[dict[str, Any]]:
    generator = np.random.default_rng(0)
    features = ArrayInputs(generator.standard_normal((num_features, 1280), np.float32))
    labels = generator.integers(0, 2, num_features)
    parts = _folds(num_features)
    shape = HeadShape((), "sigmoid", 2, standardize=True)
    chunks = _chunks(_drawn(num_heads, generator), heads_at_once(shape, 1280, NUM_FOLDS))
    num_outcomes = 0

    def advance(count: int) -> None:
        nonlocal num_outcomes
        num_outcomes += count

    def call_by_call() -> None:
        for chunk in chunks:
            train_heads(features, labels, CLASSES, shape, chunk, parts, advance=advance)

    peak = PeakAnonymousMemory()
    seconds = seconds_of(call_by_call)
    peak.stop()
    return [
        {
            "heads": num_heads,
            "folds": NUM_FOLDS,
            "features": num_features,
            "calls": len(chunks),
            "outcomes": num_outcomes,
            "seconds": seconds,
            "peak RssAnon GiB": peak.bytes / 2**30,
        }
    ]


def _drawn(count: int, generator: np.random.Generator) -> list[HeadSettings]:
    return [
        HeadSettings(
            TrainingConfig(
                learning_rate=float(10 ** generator.uniform(-4, -1)),
                weight_decay=float(10 ** generator.uniform(-5, -2)),
                epochs=int(generator.integers(3, 11)),
                optimizer=str(generator.choice(["adamw", "sgd"])),
                schedule=str(generator.choice(["constant", "cosine"])),
                batch_size=int(generator.choice([32, 64])),
                class_weight="balanced" if generator.random() < 0.5 else None,
            ),
            dropout=float(generator.choice([0.0, 0.2, 0.5])),
        )
        for _ in range(count)
    ]


def _chunks(heads: Sequence[HeadSettings], size: int) -> list[list[HeadSettings]]:
    """Returns what single calls are given: heads that can train together, at most `size` of them."""
    groups: dict[Any, list[HeadSettings]] = {}
    for head in heads:
        groups.setdefault(together_key(head), []).append(head)
    return [group[start : start + size] for group in groups.values() for start in range(0, len(group), size)]


if __name__ == "__main__":
    main()
