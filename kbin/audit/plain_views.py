"""What there is to see of an image without looking at what it shows: views for classifiers that should know little."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kbin.audit.inputs import AuditedSet

FILE_FACTS = ("width", "height", "format", "mode", "jpeg_quality")
PIXEL_FACTS = ("brightness", "contrast", "red", "green", "blue", "saturation", "sharpness")
# The bytes of a compressed file say how much there is to see in it, so they may know something honestly.
SIZE_FACTS = ("bytes",)
TEXT_FACTS = ("format", "mode")
_THUMBNAIL_BLOCK = 3  # pixels of the miniature a side, which make one of the thumbnail
_BORDER_BLOCK = 4
_AT_ONCE = 4_096  # images


@dataclass(frozen=True)
class PlainView:
    """One of them.

    Attributes:
        name: As the table has it.
        sees: For sentences: "the border alone".
        columns: Returns the view of a set, shape (n, num_columns), NaN where a fact is not known.
        is_picture: Whether the columns are colours, which a linear classifier can weigh; else facts for trees.
        is_blind: Whether it should know nothing of the classes.
        matters: The ROC AUC from which on it is worth a word.
        grave: The share of the way from chance to the model from which on a blind view is grave. Backgrounds of honest
            photographs take a border far: of airplanes and automobiles to .65.
    """

    name: str
    sees: str
    columns: Callable[[AuditedSet], np.ndarray]
    is_picture: bool
    is_blind: bool
    matters: float
    grave: float = 0.5


def fact_codes(facts: Mapping[str, np.ndarray], name: str, number: int) -> np.ndarray:
    """Returns a fact as numbers, shape (n,), NaN where it is not known; text by a code that is the same in all sets."""
    values = facts.get(name)
    if values is None:
        return np.full(number, np.nan)
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    known, inverse = np.unique(values, return_inverse=True)
    # The number of a text must not depend on which others are in the set.
    codes = np.array([float(int.from_bytes(text.encode()[:6], "big")) if text else np.nan for text in known])
    return codes[inverse] if len(codes) else np.zeros(0)


def thumbnails(one: AuditedSet) -> np.ndarray:
    """Returns the images at 16 x 16 pixels in a row, shape (n, 768), float32, 0 to 255."""
    return _blocks(one.miniatures, _THUMBNAIL_BLOCK).reshape(len(one), -1)


def borders(one: AuditedSet) -> np.ndarray:
    """Returns the ring of the outer 4 pixels of the miniature in means of 4 x 4, shape (n, 132), float32, 0 to 255."""
    blocks = _blocks(one.miniatures, _BORDER_BLOCK)
    inside = np.zeros(blocks.shape[1:3], bool)
    inside[1:-1, 1:-1] = True
    return blocks[:, ~inside].reshape(len(one), -1)


def _blocks(miniatures: np.ndarray, block: int) -> np.ndarray:
    number, side = len(miniatures), miniatures.shape[1] // block
    means = np.empty((number, side, side, 3), np.float32)
    for start in range(0, number, _AT_ONCE):
        part = miniatures[start : start + _AT_ONCE].reshape(-1, side, block, side, block, 3)
        means[start : start + _AT_ONCE] = part.mean(axis=(2, 4), dtype=np.float32)
    return means


def _facts(names: tuple[str, ...]) -> Callable[[AuditedSet], np.ndarray]:
    return lambda one: np.column_stack([fact_codes(one.facts, name, len(one)) for name in names])


VIEWS = (
    PlainView(
        "file: size in pixels, format, mode, JPEG quality",
        "the properties of the file alone",
        _facts(FILE_FACTS),
        is_picture=False,
        is_blind=True,
        matters=0.55,
    ),
    PlainView(
        "border of the image",
        "the border of the image alone",
        borders,
        is_picture=True,
        is_blind=True,
        matters=0.6,
        grave=0.75,
    ),
    PlainView(
        "bytes of the file",
        "the bytes of the file alone",
        _facts(SIZE_FACTS),
        is_picture=False,
        is_blind=False,
        matters=0.6,
    ),
    PlainView(
        "brightness, contrast, colour, sharpness",
        "brightness, contrast, mean colour and sharpness alone",
        _facts(PIXEL_FACTS),
        is_picture=False,
        is_blind=False,
        matters=0.6,
    ),
    PlainView(
        "thumbnail of 16 x 16 pixels",
        "a thumbnail of 16 x 16 pixels",
        thumbnails,
        is_picture=True,
        is_blind=False,
        matters=0.6,
    ),
)
