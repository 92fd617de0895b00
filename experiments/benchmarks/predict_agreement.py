"""Does `kbin predict` say what Keras says, for each backbone, on real images?

Each backbone that installs without TensorFlow gets a head and, where none are packaged, random weights with BatchNorm's
statistics from the images. Its file is opened by Keras's own `load_model`, which predicts the decoded images; `predict`
reads the same files, on torch and on OpenVINO, in float32 and in bfloat16. Printed is the largest difference of a
probability, and how far the probabilities themselves spread: random weights magnify rounding more than trained ones do.
Where the comparison within the pass left nothing in bfloat16, the difference has "float32" beside it.

Run: python -m experiments.benchmarks.predict_agreement --data FOLDER [--json] [--images 200] [--size 128]
                                                        [--backbones NAME ...]

Measured, 200 photographs of CIFAR-10's pair, 128 px (SwinTiny 224 px): torch is Keras to the bit; OpenVINO differs by
2e-7 (SmallCNN) to 7e-5 (EfficientNetB0), packaged EfficientNetLite0 by 2e-6, SwinTiny by 4e-7. ResNet18, SmallCNN and
SwinTiny stay in bfloat16, and their probabilities move by .002 to .005; the others go over to float32.
"""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.measuring import private_folder, show
from experiments.benchmarks.untrained_models import calibrated, model_folder
from kbin.catalogue import BACKBONES
from kbin.data.image_sources import FileImages
from kbin.data.images import decode_batch
from kbin.deploy.given_images import GivenImages
from kbin.deploy.loaded_model import LoadedModel
from kbin.models.classifiers import build_classifier
from kbin.run_files import MODEL

_CALIBRATED_ON = 32
_WAYS = (("torch", "float32"), ("openvino", "float32"), ("torch", "bfloat16"), ("openvino", "bfloat16"))


def main() -> None:
    """Compares each backbone and prints a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=128)
    plain = [one.name for one in BACKBONES if not one.extra]
    parser.add_argument("--backbones", nargs="+", default=plain, help="all that come without TensorFlow, by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    files = [one.file for one in GivenImages([str(options.data)])]
    chosen = [files[place] for place in np.linspace(0, len(files) - 1, options.images).astype(int)]
    images = decode_batch(FileImages(chosen), np.arange(len(chosen)), options.size)
    folder = private_folder()
    os.environ["KBIN_STORE"] = str(folder / "store")
    show([_compared(name, chosen, images, folder / name) for name in options.backbones], options.json)
    shutil.rmtree(folder)


def _compared(name: str, files: list[Path], images: np.ndarray, folder: Path) -> dict[str, Any]:
    import keras  # late: kbin chooses its backend first

    size = images.shape[1]
    keras.utils.set_random_seed(0)
    is_packaged = name == "EfficientNetLite0"
    network = build_classifier(name, weights="packaged" if is_packaged else "none", image_size=size)
    if not is_packaged:
        calibrated(network, images[:_CALIBRATED_ON])
    model_folder(folder, network, size)
    by_keras = keras.saving.load_model(folder / MODEL).predict(images, verbose=0)[:, 0]
    row: dict[str, Any] = {"backbone": name, "images": len(images), "spread": float(np.ptp(by_keras))}
    model = LoadedModel(folder)
    for runtime, precision in _WAYS:
        table = model.predict(files, runtime=runtime, precision=precision)
        used = model.prediction_pass(runtime, precision).runtime.precision
        difference = f"{np.abs(table['probability'] - by_keras).max():.1e}"
        row[f"{runtime} {precision}"] = difference if used == precision else f"{difference} {used}"
    return row


if __name__ == "__main__":
    main()
