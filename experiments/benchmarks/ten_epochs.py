"""What do ten epochs on a fixed backbone cost, feature pass included?

Files of noise-and-colour JPEGs are decoded, their features stored, and a head trained for ten epochs by `fit`; then
another head at another learning rate, which finds the features stored. Imports and conversion are not counted. Plain
`model.fit` pays for the backbone in every epoch: one step of it is timed on the same model and scaled to all steps.

Run: python -m experiments.benchmarks.ten_epochs [--json] [--images 12000] [--backbones EfficientNetB0]
"""

from typing import Any

import numpy as np

from experiments.benchmarks.measuring import (
    arguments,
    classifier,
    jpeg_folder,
    private_folder,
    random_images,
    seconds_of,
    show,
)
from kbin.config.training import TrainingConfig
from kbin.data.folder import read_folder
from kbin.data.set_names import UNSPLIT
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ImageInputs
from kbin.engine.prefix import cut
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores
from kbin.progress import Progress
from kbin.training.compilation import compile_classifier
from kbin.training.trainer import Labelled, train

SETTINGS = TrainingConfig(epochs=10, seeds=(0,))


def main() -> None:
    """Measures each backbone and prints a row."""
    options = arguments(__doc__, images=12_000, size=224, steps=4)
    data = read_folder(jpeg_folder(private_folder(), options.images, options.size))[UNSPLIT]
    hashes = data.content_hashes()
    rows: list[dict[str, Any]] = []
    for backbone in options.backbones:
        engine = FeatureEngine(
            FeatureStore(private_folder(), 10**10), runtime_name("auto"), "float32", "stretch", Progress()
        )
        model = classifier(backbone)
        engine.runtime(cut(model))
        images = ImageInputs(data.images, 224, "stretch", available_cores())
        sets = {"train": HashedImages(hashes, images)}

        def ten_epochs(rate: float, model: Any = model, engine: Any = engine, sets: Any = sets) -> None:
            parts = cut(model)
            features = engine.features(parts, sets)["train"]
            settings = SETTINGS.model_copy(update={"learning_rate": rate})
            train(parts.tail, Labelled(features, data.labels), None, settings, seed=0)

        feature_pass = seconds_of(lambda model=model, engine=engine, sets=sets: engine.features(cut(model), sets))
        training = seconds_of(lambda: ten_epochs(1e-3))
        again = seconds_of(lambda: ten_epochs(1e-4))
        steps = -(-options.images // SETTINGS.batch_size) * SETTINGS.epochs
        plain = _plain_step(backbone, options.steps) * steps
        rows.append(
            {
                "backbone": backbone,
                "images": options.images,
                "feature pass s": feature_pass,
                "pass + 10 epochs s": feature_pass + training,
                "of the pass": (feature_pass + training) / feature_pass,
                "another head s": again,
                "plain fit s (scaled)": plain,
                "times faster": plain / (feature_pass + training),
                "another head, times faster": plain / again,
            }
        )
    show(rows, options.json)


def _plain_step(backbone: str, num_steps: int) -> float:
    """Returns the seconds of one step of plain `fit`, the backbone in the loop."""
    model = classifier(backbone)
    compile_classifier(model, SETTINGS, steps_per_epoch=1)
    images, labels = random_images(32 * num_steps), np.arange(32 * num_steps) % 2
    model.fit(images[:32], labels[:32], batch_size=32, verbose=0)
    return seconds_of(lambda: model.fit(images, labels, batch_size=32, verbose=0)) / num_steps


if __name__ == "__main__":
    main()
