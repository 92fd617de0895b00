"""A model's folder: model.keras, and model.json, which says how to use it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kbin.errors import ModelFileError
from kbin.model_description import DESCRIPTION, ModelDescription, read_description
from kbin.run_files import MODEL

_MOST_NAMED = 12


@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds one trained model.

    Attributes:
        path: The folder.
        description: What model.json says.
    """

    path: Path
    description: ModelDescription

    @property
    def model_path(self) -> Path:
        """The model itself."""
        return self.path / MODEL

    def inside(self, name: str) -> Path:
        """Returns a file of the folder.

        Raises:
            ModelFileError: A link leads from it to elsewhere: a stranger's folder must not have others' files read.
        """
        return _inside(self.path, name)


def open_model_folder(path: str | Path) -> ModelFolder:
    """Finds the one model that a path leads to, and reads what it is.

    Args:
        path: A model's folder, its model.keras, or a folder above that holds one model alone, such as a run's.

    Raises:
        ModelFileError: There is none or more than one, or model.json or model.keras is missing, damaged, or does not
            belong to the other.
    """
    folder = _only_model(Path(path))
    _inside(folder, DESCRIPTION)
    found = ModelFolder(folder, read_description(folder))
    if not found.inside(MODEL).is_file():
        raise ModelFileError(f"{folder} has no {MODEL}: copy the model's folder anew.")
    with found.model_path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != found.description.sha256:
            raise ModelFileError(
                f"{found.model_path} is not the model that {DESCRIPTION} beside it describes: its SHA-256 differs. "
                "Copy the model's folder anew."
            )
    return found


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    try:
        if path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, RuntimeError):  # a link to itself
        pass
    raise ModelFileError(f"{path} is a link that leads out of the model's folder: put the file itself there.")


def _only_model(path: Path) -> Path:
    if path.is_file():
        return path.parent
    if not path.is_dir():
        raise ModelFileError(f"{path} does not exist: give the folder of a model that `kbin run` has made.")
    if (path / MODEL).is_file() or (path / DESCRIPTION).is_file():
        return path
    # A run's folder, the folder of its models, or that of one model's seeds.
    below = ("models/*/seed-[0-9]*", "*/seed-[0-9]*", "seed-[0-9]*")
    models = sorted({one.parent for pattern in below for one in path.glob(f"{pattern}/{MODEL}")})
    if not models:
        raise ModelFileError(
            f"{path} holds no {MODEL}: give the folder of a model that `kbin run` has made, "
            "runs/<name>/models/<id>/seed-<n>."
        )
    if len(models) > 1:
        named = "".join(f"\n  {one}" for one in models[:_MOST_NAMED])
        more = f"\n  and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
        raise ModelFileError(f"{path} holds {len(models)} models. Give one of them:{named}{more}")
    return models[0]
