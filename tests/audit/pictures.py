"""Random pictures, and what is done to a copy of one."""

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from tests.audit.audited import SIDE


def shapes(rng: np.random.Generator) -> Image.Image:
    """A picture of a dozen coloured ellipses and lines, 64 pixels a side."""
    picture = Image.new("RGB", (64, 64), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, w, h = rng.integers(0, 56), rng.integers(0, 56), rng.integers(4, 30), rng.integers(4, 30)
        draw.ellipse((x, y, x + w, y + h), fill=tuple(rng.integers(0, 256, 3).tolist()))
        draw.line((*rng.integers(0, 64, 4).tolist(),), fill=tuple(rng.integers(0, 256, 3).tolist()), width=2)
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def pictures(number: int, seed: int = 0) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    return [shapes(rng) for _ in range(number)]


def small(some: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for one in some])


def turned_and_cut(picture: Image.Image, degrees: float) -> Image.Image:
    """Turned, cut to the largest square without corners, and enlarged to what it was."""
    share = 1 / (np.cos(np.radians(degrees)) + np.sin(np.radians(degrees)))
    edge = picture.width * (1 - share) / 2
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    box = (edge, edge, picture.width - edge, picture.height - edge)
    return turned.resize(picture.size, Image.Resampling.BICUBIC, box=box)


CHANGES = {
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda one: one.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "a quarter": lambda one: one.transpose(Image.Transpose.ROTATE_90),
    "smaller": lambda one: one.resize((40, 40), Image.Resampling.BICUBIC),
    "larger": lambda one: one.resize((100, 100), Image.Resampling.BICUBIC),
    "brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.2),
    "less contrast": lambda one: ImageEnhance.Contrast(one).enhance(0.7),
    "turned, black corners": lambda one: one.rotate(17, Image.Resampling.BICUBIC),
    "turned and cut": lambda one: turned_and_cut(one, 20),
    "cropped": lambda one: one.crop((3, 1, 64, 62)),
}
