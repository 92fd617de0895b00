"""The whole story of one export: a model's folder -> one file for another runtime, checked before it is there."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kbin.deploy.captured_program import captured_program
from kbin.deploy.check_images import CheckImages, check_images
from kbin.deploy.export_targets import Predict, Target, find_target
from kbin.deploy.exported_model import ExportedModel
from kbin.deploy.inference_network import inference_network
from kbin.deploy.model_folder import ModelFolder, open_model_folder
from kbin.errors import IntegrityError, KbinError, ModelFileError
from kbin.files import make_folder, write_whole
from kbin.interruption import safe_point
from kbin.model_description import ModelDescription
from kbin.models.model_files import load_model
from kbin.progress import Progress
from kbin.storage_faults import refuse_full_disk, writing

LARGEST_DIFFERENCE = 1e-4  # of a probability
_BATCH_SIZE = 16


def export_model(
    model: str | Path,
    format: str = "onnx",
    out: str | Path | None = None,
    *,
    images: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> ExportedModel:
    """Writes a trained model as one file for another runtime, with its preprocessing inside.

    The file takes uint8 RGB images, shape (batch, size, size, 3), a batch of any size, and gives the probabilities of
    the Keras model, shape (batch, 1) or (batch, num_classes). It is compared with Keras, image by image alone and in
    batches, by the format's own runtime, before it is there under its name.

    Args:
        model: The folder of a model, or one above that holds one model alone.
        format: "onnx" (onnxruntime), "openvino" or "torch" (`torch.export`).
        out: The file, or a folder to put it in; `model` with the format's suffix where one stands by default. What is
            there already is replaced.
        images: Files and folders to compare on; by default images of the run, where they are still there.
        progress: Where the steps are announced.

    Raises:
        KbinError: There is no such format, or the file's name has another suffix.
        ModelFileError: There is no model, or it is not what its description says.
        MissingExtraError: The format's packages are not installed.
        DataError: The given images cannot be read.
        IntegrityError: The file does not give Keras's probabilities; it is not kept.
        StorageError: The file cannot be written.
    """
    said = progress or Progress()
    target = find_target(format)
    folder = open_model_folder(model)
    path = _place(target, out)
    target.check_installed()
    with keras.device("cpu"):  # the file must not ask for a GPU
        network = load_model(folder.model_path)
        _check_shapes(network, folder)
        safe_point()
        tried = check_images(folder, [Path(one) for one in images])
        said.say(f"{folder.model_path}: exporting to {target.name}")
        with _converting(target, path):
            program = captured_program(inference_network(network), folder.description.input.size)
        safe_point()
        expected = network.predict(tried.images, batch_size=_BATCH_SIZE, verbose=0)
    with writing(path):
        make_folder(path.parent)
        aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            return _write_checked(target, program, folder.description, tried, expected, aside, path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _write_checked(
    target: Target,
    program: Any,
    description: ModelDescription,
    tried: CheckImages,
    expected: np.ndarray,
    aside: Path,
    path: Path,
) -> ExportedModel:
    written = aside / path.name
    with _converting(target, path):
        target.write(program, written, description.as_text())
        safe_point()
        difference = largest_difference(target.open(written), tried.images, expected)
    if not difference <= LARGEST_DIFFERENCE:
        raise IntegrityError(
            f"the {target.name} file gives other probabilities than Keras: they differ by up to {difference:.2g} on "
            f"{len(tried.images)} images ({tried.origin}); allowed is {LARGEST_DIFFERENCE:g}. Nothing was written; "
            "another format may do."
        )
    exported = ExportedModel(
        path=path,
        description_path=path.with_name(f"{path.name}.json"),
        format=target.name,
        num_images=len(tried.images),
        images=tried.origin,
        are_real=tried.are_real,
        largest_difference=difference,
        lowest=float(expected.min()),
        highest=float(expected.max()),
    )
    safe_point()
    for suffix in target.companions:
        _put(written.with_suffix(suffix), path.with_suffix(suffix))
    write_whole(exported.description_path, exported.description_text(description, written))
    _put(written, path)
    return exported


@contextmanager
def _converting(target: Target, path: Path) -> Iterator[None]:
    """Puts into words that torch, a converter or a runtime gives up: they raise nearly anything."""
    try:
        yield
    except (OSError, KbinError):
        raise
    except Exception as error:
        refuse_full_disk(error, path)
        reason = (str(error).splitlines() or [""])[0][:200]
        raise IntegrityError(
            f"{target.name} cannot take this model ({type(error).__name__}: {reason}). Nothing was written; another "
            "format may do."
        ) from error


def largest_difference(predict: Predict, images: np.ndarray, expected: np.ndarray) -> float:
    """Returns by how much probabilities differ from expected ones, for one image alone and in batches; NaN is kept.

    Args:
        predict: Takes uint8 images.
        images: shape (n, size, size, 3), one or more.
        expected: shape (n, 1) or (n, num_classes).
    """
    alone = predict(images[:1])
    together = np.concatenate([predict(images[i : i + _BATCH_SIZE]) for i in range(0, len(images), _BATCH_SIZE)])
    if alone.shape != expected[:1].shape or together.shape != expected.shape:
        return float("nan")
    return float(max(np.abs(alone - expected[:1]).max(), np.abs(together - expected).max()))


def _place(target: Target, out: str | Path | None) -> Path:
    path = Path("." if out is None else out)
    if path.is_dir():
        return path / f"model{target.suffix}"
    if path.suffix != target.suffix:
        raise KbinError(
            f"--out {path}: a file for {target.name} ends in {target.suffix}. Give such a name, or a folder."
        )
    return path


def _check_shapes(network: keras.Model, folder: ModelFolder) -> None:
    """Makes sure that a model is what its description says, whoever wrote either."""
    size, classes = folder.description.input.size, len(folder.description.classes)
    wanted = (None, size, size, 3), (None, 1 if folder.description.output == "sigmoid" else classes)
    given = (network.input_shape, network.output_shape)
    if given != wanted:
        raise ModelFileError(
            f"{folder.model_path} takes {given[0]} and gives {given[1]}; by its description it takes {wanted[0]} and "
            f"gives {wanted[1]}. Copy the model's folder anew."
        )


def _put(written: Path, place: Path) -> None:
    with written.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(written, place)
