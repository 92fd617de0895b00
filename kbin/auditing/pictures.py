"""Pictures of the images that findings speak of, small enough for a page."""

from collections.abc import Iterable, Mapping

from PIL import Image

from kbin.audit.findings import Finding, ShownImage
from kbin.audit_files import AuditFiles
from kbin.data.datasets import Dataset
from kbin.data.image_files import pillow_as_needed
from kbin.data.images import to_rgb
from kbin.data.small_jpeg import small_jpeg
from kbin.interruption import with_safe_points

_LARGEST_SIDE = 96  # pixels
_MOST_PICTURES = 400  # of one audit


def save_pictures(
    findings: Iterable[Finding], sets: Mapping[str, Dataset], files: AuditFiles
) -> dict[tuple[str, int], str]:
    """Saves a picture of every image that findings speak of, each image once.

    Args:
        findings: Whose strips are shown.
        sets: The images by set name.
        files: The folder of the audit.

    Returns:
        (set name, index) -> the picture's place in the folder; images that cannot be read any more are left out.
    """
    shown = [image for one in findings for strip in one.ended.strips for image in strip.images]
    places: dict[tuple[str, int], str] = {}
    for image in with_safe_points(shown):
        where = (image.set_name, image.index)
        if where not in places and len(places) < _MOST_PICTURES:
            jpeg = _picture(image, sets)
            if jpeg is not None:
                # By content: a picture of an earlier audit that has the name shows the same image.
                name = str(sets[image.set_name].content_hashes()[image.index])
                places[where] = files.save_picture(name, jpeg)
    return places


def _picture(image: ShownImage, sets: Mapping[str, Dataset]) -> bytes | None:
    try:
        stored = sets[image.set_name].images.open(image.index)
        with pillow_as_needed():
            if isinstance(stored, Image.Image):
                with stored:
                    return small_jpeg(to_rgb(stored), _LARGEST_SIDE)
            return small_jpeg(to_rgb(stored), _LARGEST_SIDE)
    except Exception:  # it could be read when it was measured; without it the finding still says what it says
        return None
