"""From JPEG files to stored features: which share of the network's own rate is left?

Decoding, resizing, the network and writing the store overlap; the files' hashes are taken before. The network's own
rate is measured on images in memory, before and after, in the same process.

Run: python -m experiments.benchmarks.files_to_features [--json] [--images 1024] [--size 224]
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
from kbin.data.datasets import Dataset
from kbin.data.folder import read_folder
from kbin.data.set_names import UNSPLIT
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.inputs import ImageInputs
from kbin.engine.prefix import cut
from kbin.engine.runtimes import BATCH_SIZE, runtime_name
from kbin.environment import available_cores
from kbin.progress import Progress


def main() -> None:
    """Measures each backbone and prints a row."""
    options = arguments(__doc__, images=1024, size=224)
    data = read_folder(jpeg_folder(private_folder(), options.images, options.size))[UNSPLIT]
    show([_measure(backbone, data) for backbone in options.backbones], options.json)


def _measure(backbone: str, data: Dataset) -> dict[str, Any]:
    parts = cut(classifier(backbone))
    store = FeatureStore(private_folder(), 10**10)
    engine = FeatureEngine(store, runtime_name("auto"), "float32", "stretch", Progress())
    runtime = engine.runtime(parts)
    inputs = ImageInputs(data.images, 224, "stretch", available_cores())
    hashed = HashedImages(data.content_hashes(), inputs)
    batch, num_batches = random_images(BATCH_SIZE), len(data) // BATCH_SIZE // 2

    def network_alone() -> None:
        for _ in runtime.run(batch for _ in range(num_batches)):
            pass

    network_alone()
    before = seconds_of(network_alone)
    seconds = seconds_of(lambda: engine.features(parts, {"train": hashed}))
    after = seconds_of(network_alone)
    alone = 2 * num_batches * BATCH_SIZE / (before + after)
    starts = range(0, len(data) - BATCH_SIZE + 1, BATCH_SIZE)
    decoding = seconds_of(lambda: [inputs.take(np.arange(start, start + BATCH_SIZE)) for start in starts])
    return {
        "backbone": backbone,
        "runtime": runtime.name,
        "images": len(data),
        "decoding img/s": len(starts) * BATCH_SIZE / decoding,
        "network img/s": alone,
        "files to store img/s": len(data) / seconds,
        "share": len(data) / seconds / alone,
    }


if __name__ == "__main__":
    main()
