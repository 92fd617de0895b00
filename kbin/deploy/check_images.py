"""The images on which an exported model is compared with Keras: given ones, the run's own, or made ones."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kbin.data.elpv import package_folder
from kbin.data.folder_walk import FolderWalk
from kbin.data.image_sources import FileImages
from kbin.data.images import RgbImages, decode_batch, decode_or_fault
from kbin.deploy.model_folder import ModelFolder
from kbin.errors import DataError, KbinError
from kbin.run_files import EXPERIMENT
from kbin.runs import RunDirectory
from kbin.yaml_text import read_yaml

_MOST_IMAGES = 64  # Keras takes six seconds for as many with ResNet50
_MADE = 16
_SETS = ("test", "validation", "train")


@dataclass(frozen=True)
class CheckImages:
    """What a model is tried on.

    Attributes:
        images: uint8, shape (n, size, size, 3).
        origin: Where they come from, in words.
        are_real: Whether they are images of somebody's, not made ones.
    """

    images: RgbImages
    origin: str
    are_real: bool = True


def check_images(folder: ModelFolder, given: Sequence[Path] = ()) -> CheckImages:
    """Returns at most 64 images, of evenly spaced places of what there is.

    Args:
        folder: The model's.
        given: Files, and folders of images.

    Raises:
        DataError: There is nothing at a given place, or no image.
        BadImagesError: A given image cannot be read.
    """
    size, resize = folder.description.input.size, folder.description.input.resize
    if given:
        files = [file for one in given for file in _files_at(one)]
        if not files:
            raise DataError(f"--images: no image is at {', '.join(map(str, given))}. Give images, or folders of them.")
        files = _evenly_spaced(files)
        return CheckImages(decode_batch(FileImages(files), np.arange(len(files)), size, resize), "given")
    for set_name in _SETS:
        source = FileImages(_evenly_spaced(_files_of_run(folder, set_name)))
        found = [decode_or_fault(source, index, size, resize) for index in range(len(source))]
        decoded = [one for one in found if not isinstance(one, str)]
        if decoded:
            return CheckImages(np.stack(decoded), f"of the run's set '{set_name}'")
    return CheckImages(_made_images(size), "made, since none of the run's are at hand (give some by --images)", False)


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(FolderWalk().files_under(path)[0])
    if path.is_file():
        return [path]
    raise DataError(f"--images: {path} does not exist. Give images, or folders of them.")


def _evenly_spaced(files: Sequence[Path]) -> list[Path]:
    if len(files) <= _MOST_IMAGES:
        return list(files)
    return [files[index] for index in np.linspace(0, len(files) - 1, _MOST_IMAGES).round().astype(int)]


def _files_of_run(folder: ModelFolder, set_name: str) -> list[Path]:
    """Returns the files of a set that are still where the run found them; none where the folder lies in no run."""
    path = folder.path.resolve()
    if len(path.parents) < 3:
        return []
    run = RunDirectory(path.parents[2])
    seed = path.name.removeprefix("seed-")
    if not (seed.isdecimal() and run.model_folder(path.parent.name, int(seed)) == path):
        return []
    with suppress(KbinError):  # a folder that lacks something, or is damaged, has no images to offer
        root = _root_of_images(run)
        paths = run.predictions(path.parent.name, int(seed), set_name, folder.description.classes).paths
        return [root / one for one in paths.tolist() if (root / one).is_file()]
    return []


def _root_of_images(run: RunDirectory) -> Path:
    """Returns the folder to which the run's image paths are relative.

    Raises:
        KbinError: The run's settings do not say.
    """
    settings = read_yaml(run.settings_text(), EXPERIMENT).value
    data = settings.get("data") if isinstance(settings, dict) else None
    source, path = (data.get("source"), data.get("path")) if isinstance(data, dict) else (None, None)
    if source == "elpv":
        return package_folder() / "data"
    if source not in ("folder", "csv") or not isinstance(path, str):
        raise DataError(f"{run.path} was not made from image files.")
    return Path(path) if source == "folder" else Path(path).parent


def _made_images(size: int) -> RgbImages:
    """Returns smooth colours with more and more noise."""
    generator = np.random.default_rng(0)
    side = -(-size // 8)
    smooth = np.kron(generator.integers(0, 256, (_MADE, 8, 8, 3)), np.ones((1, side, side, 1)))[:, :size, :size]
    noise = generator.normal(0, np.linspace(0, 60, _MADE)[:, None, None, None], smooth.shape)
    return (smooth + noise).clip(0, 255).astype(np.uint8)
