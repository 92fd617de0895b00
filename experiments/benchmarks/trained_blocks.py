"""What does an epoch cost when one or two blocks train: the tail on stored features beside plain `model.fit`?

The same blocks are frozen in both. Seconds of an epoch of --images images, 224 px, batch 32, images in memory; the one
pass that the stored features cost is a column of its own.

Run: python -m experiments.benchmarks.trained_blocks [--json] [--images 128]
"""

from typing import Any

import numpy as np

from experiments.benchmarks.measuring import arguments, classifier, private_folder, random_images, seconds_of, show
from kbin.config.training import TrainingConfig
from kbin.engine.batches import Batches
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ArrayInputs
from kbin.engine.prefix import cut
from kbin.engine.runtimes import runtime_name
from kbin.progress import Progress
from kbin.training.compilation import compile_classifier


def main() -> None:
    """Measures each backbone and depth and prints a row."""
    options = arguments(__doc__, images=128)
    images, labels = random_images(options.images), np.arange(options.images) % 2
    hashes = np.array([str(index) for index in range(options.images)])
    rows: list[dict[str, Any]] = []
    for backbone in options.backbones:
        for train_blocks in (1, 2):
            engine = FeatureEngine(
                FeatureStore(private_folder(), 10**10), runtime_name("auto"), "float32", "stretch", Progress()
            )
            model = classifier(backbone, train_blocks=train_blocks)
            parts = cut(model)
            engine.runtime(parts)
            sets = {"train": HashedImages(hashes, ArrayInputs(images))}
            feature_pass = seconds_of(lambda parts=parts, engine=engine, sets=sets: engine.features(parts, sets))
            tail = _epoch(parts.tail, Batches(engine.features(parts, sets)["train"], labels, 32, seed=0))
            plain = _epoch(
                classifier(backbone, train_blocks=train_blocks), Batches(ArrayInputs(images), labels, 32, seed=0)
            )
            rows.append(
                {
                    "backbone": backbone,
                    "train_blocks": train_blocks,
                    "feature pass s": feature_pass,
                    "tail epoch s": tail,
                    "plain epoch s": plain,
                    "times faster": plain / tail,
                    "10 epochs with pass, times faster": 10 * plain / (feature_pass + 10 * tail),
                }
            )
    show(rows, options.json)


def _epoch(model: Any, batches: Batches) -> float:
    compile_classifier(model, TrainingConfig(learning_rate=1e-4), steps_per_epoch=1)
    model.train_on_batch(*batches[0])  # the first step also builds the optimizer
    return seconds_of(lambda: model.fit(batches, epochs=1, verbose=0, shuffle=False))


if __name__ == "__main__":
    main()
