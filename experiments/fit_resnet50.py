"""Does an ImageNet ResNet50 with a new sigmoid head tell the two classes of a folder of images apart?

Plain `model.fit`: kbin builds the model, and two of its callbacks log metrics and draw the ROC curve of the validation
images: `metrics.csv`, `roc.png` and `roc.svg` in the folder `--out`, beside the trained `model.keras`.

Data: your own folders for training and for validation, both laid out as `class/file`; of the two classes, in
alphabetical order, the second is the positive one. With `--synthetic`, images made on the spot.
Run: python experiments/fit_resnet50.py --train photos/train --validation photos/validation
     python experiments/fit_resnet50.py --synthetic
Expected: with `--synthetic` (random weights, 32 pixels) a validation AUC of .77 after 3 epochs, in 20 seconds on two
cores. Without it the weights are ImageNet's, a download of 95 MB.
"""

import argparse
from pathlib import Path

import kbin  # before Keras, whose backend it selects

# isort: split
import keras
import numpy as np

from kbin.data.folder import UNSPLIT, read_folder
from kbin.engine.batches import Batches
from kbin.engine.inputs import ArrayInputs, ImageInputs


def main() -> None:
    """Builds, trains and saves one model."""
    options = parse_arguments()
    keras.utils.set_random_seed(0)
    if options.synthetic:
        images, labels = synthetic_images(160, seed=0)
        train = Batches(ArrayInputs(images), labels, batch_size=32, seed=0)
        validation, positive = synthetic_images(64, seed=1), "red"
        model = kbin.build_classifier("ResNet50", weights="none", image_size=32)
        calibrate(model, images)
    else:
        train, validation, positive = folder_batches(options.train, options.validation)
        model = kbin.build_classifier("ResNet50", weights=options.weights)
    print(kbin.parameter_table(model))

    model.compile(optimizer=keras.optimizers.AdamW(3e-3), loss="binary_crossentropy")
    model.fit(
        train,
        epochs=options.epochs,
        shuffle=False,  # the batches do it themselves
        verbose=2,
        callbacks=[
            kbin.MetricLogger(*validation, path=options.out / "metrics.csv"),
            kbin.RocPlot(*validation, path=options.out / "roc.png", positive=positive),
        ],
    )
    model.save(options.out / "model.keras")


def folder_batches(train: Path, validation: Path) -> tuple[Batches, tuple[Batches], str]:
    """Returns the batches of both folders, and the name of the positive class."""
    train_set = read_folder(train)[UNSPLIT]
    validation_set = read_folder(validation, train_set.classes)[UNSPLIT]
    train_batches, validation_batches = (
        Batches(ImageInputs(data.images, 224, resize="stretch"), data.labels, batch_size=32, seed=seed)
        for data, seed in ((train_set, 0), (validation_set, None))  # without a seed the order stays
    )
    return train_batches, (validation_batches,), train_set.classes[1]


def synthetic_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of 4 x 4 random tiles, shape (count, 32, 32, 3), in turn blue (0) and red (1), and the labels."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    tiles = generator.integers(0, 60, (count, 4, 4, 3))
    tiles[labels == 0, :, :, 2] += 180
    tiles[labels == 1, :, :, 0] += 180
    return np.kron(tiles, np.ones((1, 8, 8, 1))).astype(np.uint8), labels


def calibrate(model: keras.Model, images: np.ndarray) -> None:
    """Fits BatchNorm's statistics to images: with random weights alone a network says the same of every image."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum, layer.trainable = 0.0, True
    model(images.astype(np.float32), training=True)
    for layer in norms:
        layer.momentum, layer.trainable = 0.99, False


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="folder of class folders with the training images")
    parser.add_argument("--validation", type=Path, help="folder with the same class folders for validation")
    parser.add_argument("--synthetic", action="store_true", help="synthetic images and random weights instead")
    parser.add_argument("--weights", default="imagenet", help="imagenet (default), none, or a file")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/fit-resnet50"))
    options = parser.parse_args()
    if not options.synthetic and not (options.train and options.validation):
        parser.error("give --train and --validation, or --synthetic")
    return options


if __name__ == "__main__":
    main()
