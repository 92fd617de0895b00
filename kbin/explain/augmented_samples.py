"""A grid of training images and what augmentation makes of them, so that a person sees what the model sees."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kbin.engine.augmented_views import LiveViews
from kbin.engine.inputs import ArrayInputs
from kbin.model_inputs import Augmentation, SetImages

_NUM_IMAGES, _NUM_VIEWS = 6, 4
_TILE, _GAP, _CAPTION, _MARGIN = 160, 6, 18, 78  # pixels


def augmented_samples(train: SetImages, augmentation: Augmentation) -> bytes:
    """Returns a PNG: a column an image, classes in turn; the first row as it is, a view in each other row.

    The images of the grid are mixed with one another where a layer mixes; a caption then says the label.

    Args:
        train: The training set.
        augmentation: How its images are augmented.
    """
    chosen = _of_classes_in_turn(train.data.labels)
    images, rows = train.images.take(chosen), train.label_rows[chosen]
    views = LiveViews(ArrayInputs(images), train.data.content_hashes()[chosen], augmentation.augmenter, _NUM_VIEWS)
    pictures, labels = [images], [rows]
    for view in range(_NUM_VIEWS):
        positions = view * len(chosen) + np.arange(len(chosen))
        pictures.append(views.take(positions))
        mixes = augmentation.augmenter.mixes
        labels.append(views.mixed(positions, rows, images.shape[1]) if mixes else rows)
    titles = ["original", *(f"view {number}" for number in range(1, _NUM_VIEWS + 1))]
    captions = [[_label_text(row, train.data.classes) for row in line] for line in labels]
    return _png(_grid(pictures, captions, titles))


def _of_classes_in_turn(labels: np.ndarray) -> np.ndarray:
    """Returns positions of the first images of each class, the classes taking turns."""
    order = np.lexsort((labels, _rank_in_class(labels)))
    return order[:_NUM_IMAGES]


def _rank_in_class(labels: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        (positions,) = np.nonzero(labels == label)
        ranks[positions] = np.arange(len(positions))
    return ranks


def _label_text(row: np.ndarray, classes: tuple[str, ...]) -> str:
    shares = [(share, name) for share, name in zip(row, classes, strict=True) if share >= 0.005]
    if len(shares) == 1:
        return shares[0][1]
    return " ".join(f"{share:.2f} {name}" for share, name in sorted(shares, reverse=True))


def _grid(pictures: list[np.ndarray], captions: list[list[str]], titles: list[str]) -> Image.Image:
    num_columns = len(pictures[0])
    width = _MARGIN + num_columns * (_TILE + _GAP)
    height = _GAP + len(pictures) * (_TILE + _CAPTION + _GAP)
    canvas = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for line, (images, texts) in enumerate(zip(pictures, captions, strict=True)):
        top = _GAP + line * (_TILE + _CAPTION + _GAP)
        draw.text((_GAP, top + _TILE // 2), titles[line], "black", font)
        for column, (image, text) in enumerate(zip(images, texts, strict=True)):
            left = _MARGIN + column * (_TILE + _GAP)
            canvas.paste(Image.fromarray(image).resize((_TILE, _TILE)), (left, top))
            draw.text((left, top + _TILE + 2), _fitting(text, font), "black", font)
    return canvas


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shortens a caption to the width of a tile."""
    if font.getlength(text) <= _TILE:
        return text
    while text and font.getlength(f"{text}…") > _TILE:
        text = text[:-1]
    return f"{text}…"


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
