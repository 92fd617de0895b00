"""What gallery.json says of the images that one trained model's gallery shows, typed and checked."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, FiniteFloat, ValidationError

from kbin.errors import RunFolderError
from kbin.report.recorded_faults import recorded_faults
from kbin.report.recorded_sets import RecordedPart

# The folder of a set, and a number: nothing that leads out of the gallery.
_PICTURE = re.compile(r"(?P<folder>[^/\\\0]+)/[0-9]+(-cam)?\.jpg")


def _picture_name(name: str) -> str:
    found = _PICTURE.fullmatch(name)
    if found is None or found["folder"] in (".", ".."):
        raise ValueError(f"{name!r} is no name of a gallery's picture")
    return name


PictureName = Annotated[str, AfterValidator(_picture_name)]


class GalleryImage(RecordedPart):
    """One image; `score` is the probability of the positive class, of more than two classes that of the answer.

    `file` and `cam` are the image and its heat map, in the gallery's folder; `cam` is None where there is no heat map.
    """

    kind: Literal["error", "doubtful"]
    sample_id: str
    path: str
    true: str
    predicted: str
    score: FiniteFloat
    file: PictureName
    cam: PictureName | None = None


class Gallery(RecordedPart):
    """The images by set, errors first; `cam_reason` says why there are no heat maps."""

    seed: int
    threshold: FiniteFloat | None = None
    cam_reason: str | None = None
    sets: dict[str, tuple[GalleryImage, ...]]


def read_gallery(contents: Mapping[str, Any], where: str) -> Gallery:
    """Returns the contents of gallery.json, checked.

    Args:
        contents: As `RunDirectory.gallery` reads it.
        where: The model, for the message.

    Raises:
        RunFolderError: Something is missing or of another kind.
    """
    try:
        return Gallery.model_validate(contents)
    except ValidationError as error:
        raise RunFolderError(
            f"the gallery of {where} is damaged ({recorded_faults(error)}): without its folder the page leaves it out."
        ) from None
