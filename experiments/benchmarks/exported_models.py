"""Do the engine and the exported files give Keras's probabilities, and how fast?

Each backbone at its own size or --size, on JPEG files of FOLDER (a folder of images at any depth), which are decoded
once and go to all alike. EfficientNetLite0 has its packaged weights; the others have random ones, whose BatchNorm is
calibrated on 32 of the images. On each is a logistic regression that was fitted to the features of 64 of the images and
the names of their folders. A random network magnifies rounding more than a trained one, so its differences are the
larger ones. Rates are of batches of 32, in one process and in turn; `times` is against Keras's `predict`, the median
over rounds; with `--rounds 0` nothing is timed.

Run: python -m experiments.benchmarks.exported_models --data FOLDER [--json] [--images 200] [--rounds 3] [--size N]

Measured, 200 images of tissue, --size 96, largest difference of a probability: onnx, openvino and torch 2e-7 (SmallCNN)
to 4.2e-5 (ResNet50), EfficientNetLite0 1.9e-6, SwinTiny (224 px) 1.3e-6; the engine in bfloat16, unwatched, .005
(SmallCNN) to .21 (ResNet50), EfficientNetLite0 .03, SwinTiny .016. Times Keras's rate (3 rounds, busy cores): ResNet50
onnx 2.7, openvino 3.2, torch 2.4; EfficientNetB0 4.9, 3.2, 3.1; EfficientNetLite0 5.1, 3.4, 3.0.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import kbin
from experiments.benchmarks.measuring import alternating, private_folder, show
from kbin.catalogue import BACKBONES, find_backbone
from kbin.data.folder_walk import FolderWalk
from kbin.data.image_sources import FileImages
from kbin.data.images import decode_batch
from kbin.deploy.captured_program import captured_program
from kbin.deploy.export_targets import TARGETS
from kbin.deploy.inference_network import inference_network
from kbin.engine.prefix import cut
from kbin.engine.runtimes import BATCH_SIZE, open_runtime
from kbin.models.classifiers import POOL, STANDARDIZE
from kbin.models.standardization import standardize_on
from kbin.progress import Progress

_PACKAGED = ("EfficientNetLite0",)


def main() -> None:
    """Measures each backbone and prints a row a target."""
    plain = [backbone.name for backbone in BACKBONES if not backbone.extra]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--backbones", nargs="+", default=plain)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, help="side of the images in pixels; by default the backbone's own")
    options = parser.parse_args()
    files = [path for path in sorted(FolderWalk().files_under(options.data)[0]) if path.suffix in (".jpg", ".jpeg")]
    chosen = [files[index] for index in np.linspace(0, len(files) - 1, options.images).round().astype(int)]
    show(
        [row for name in options.backbones for row in _measure(name, chosen, options.rounds, options.size)],
        options.json,
    )


def _measure(name: str, files: list[Path], rounds: int, size: int | None) -> list[dict[str, Any]]:
    size = size or find_backbone(name).input_size
    images = decode_batch(FileImages(files), np.arange(len(files)), size)
    folders = [path.parent.name for path in files]
    model = _fitted(name, images, np.array([one == folders[-1] for one in folders]))
    expected = model.predict(images, batch_size=BATCH_SIZE, verbose=0)
    works: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    parts, converted = cut(model), private_folder()
    for precision in ("float32", "bfloat16"):
        runtime = open_runtime(parts, "openvino", precision, converted, Progress())
        works[f"engine {precision}"] = lambda batch, runtime=runtime: np.concatenate(
            [parts.tail.predict(features, verbose=0) for features in runtime.run([batch])]
        )
    program = captured_program(inference_network(model), size)
    with tempfile.TemporaryDirectory() as folder:
        for target in TARGETS:
            path = Path(folder) / f"model{target.suffix}"
            target.write(program, path, "{}")
            works[target.name] = target.open(path)
        batches = [images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE)]
        given = {key: np.concatenate([work(batch) for batch in batches]) for key, work in works.items()}
        keras = {"Keras": lambda batch: model.predict(batch, batch_size=BATCH_SIZE, verbose=0)}
        timed = {key: lambda work=work: work(batches[0]) for key, work in (keras | works).items()}
        seconds = alternating(timed, rounds) if rounds else {}
    rows = []
    for key in works:
        row = {
            "backbone": name,
            "target": key,
            "pixels": size,
            "n": len(images),
            "largest difference": float(np.abs(given[key] - expected).max()),
            "probabilities from": float(expected.min()),
            "to": float(expected.max()),
        }
        if rounds:
            row["images/s"] = len(batches[0]) / statistics.median(seconds[key])
            row["times"] = statistics.median(a / b for a, b in zip(seconds["Keras"], seconds[key], strict=True))
        rows.append(row)
    return rows


def _fitted(name: str, images: np.ndarray, positive: np.ndarray) -> Any:
    """Returns a frozen backbone under a logistic regression of the images."""
    import keras  # after kbin, which chooses its backend

    keras.utils.set_random_seed(0)
    weights = "packaged" if name in _PACKAGED else "none"
    model = kbin.build_classifier(name, weights=weights, standardize=True, image_size=images.shape[1])
    if weights == "none":
        _calibrate(model, images[:: max(1, len(images) // 32)][:32])
    some = np.linspace(0, len(images) - 1, min(64, len(images))).round().astype(int)
    pooled = keras.Model(model.input, model.get_layer(POOL).output)
    features = pooled.predict(images[some], batch_size=BATCH_SIZE, verbose=0)
    standardize = model.get_layer(STANDARDIZE)
    standardize_on(standardize, [features])
    standardized = keras.ops.convert_to_numpy(standardize(features))
    regression = LogisticRegression(C=0.01, max_iter=1000).fit(standardized, positive[some])
    model.get_layer("head_output").set_weights([regression.coef_.T, regression.intercept_])
    return model


def _calibrate(model: Any, images: np.ndarray) -> None:
    """Gives every BatchNorm the statistics of some images, without which a random network is constant."""
    import keras

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum, layer.trainable = 0.0, True
    if norms:
        model(images.astype("float32"), training=True)
    for layer in norms:
        layer.trainable = False


if __name__ == "__main__":
    main()
