"""The galleries of a run as cards inside the page: as many images as the page has room for."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_gallery import Gallery, GalleryImage, read_gallery
from kbin.report.wording import count_text
from kbin.runs import RunDirectory

# Errors and doubtful images of each model and set, the most that fits is shown.
_AMOUNTS = ((6, 4), (5, 3), (4, 3), (4, 2), (3, 2), (2, 2), (2, 1), (1, 1), (1, 0))
# Of all pictures together, as text in the page: it must stay below 5 MB for ten models.
_ROOM = 2_000_000  # bytes
_CAPTION = 500  # bytes of markup and words a picture
_LARGEST_PICTURE = 100_000  # bytes; kbin's are at most 224 pixels wide and have some 10 kB
_JPEG_BEGINS = b"\xff\xd8\xff"
_TITLES = {"error": "Worst errors", "doubtful": "Most doubtful"}
_KINDS = {"error": "Error", "doubtful": "Doubtful"}


@dataclass(frozen=True)
class Card:
    """One image beside its heat map.

    Attributes:
        image: A data URI.
        heat: A data URI, "" without a heat map.
        alternative: What the image is, in words.
        heat_alternative: What the heat map is.
        path: Where a person finds the image.
        caption: Truth, answer and score.
        wrong: Whether the answer is wrong.
    """

    image: str
    heat: str
    alternative: str
    heat_alternative: str
    path: str
    caption: str
    wrong: bool


@dataclass(frozen=True)
class CardGroup:
    """The errors or the doubtful images of one model on one set; `note` says what of them is not shown."""

    title: str
    cards: tuple[Card, ...]
    note: str


@dataclass(frozen=True)
class GallerySection:
    """One model on one set.

    Attributes:
        model_id: The model.
        seed: The one that the gallery is of.
        set_name: The evaluation set.
        groups: Errors and doubtful images, where there are any.
        reason: Why there are no heat maps, "" where there are.
        explained: What the score and the heat maps are.
    """

    model_id: str
    seed: int
    set_name: str
    groups: tuple[CardGroup, ...]
    reason: str
    explained: str


@dataclass(frozen=True)
class _Shelf:
    """The images of one model and set that are there, with their pictures."""

    model: ModelResults
    gallery: Gallery
    set_name: str
    images: tuple[GalleryImage, ...]
    folder: Path


def gallery_sections(run: RunDirectory, results: RunResults, room: int = _ROOM) -> list[GallerySection]:
    """Returns a section a model and set; none for a run that was made before there were galleries.

    Args:
        run: The run's folder.
        results: The run.
        room: Bytes that are left for them in the page.

    Raises:
        RunFolderError: A gallery.json is damaged.
    """
    shelves = [shelf for model in results.done for shelf in _shelves(run, results, model)]
    errors, doubtful = next((amount for amount in _AMOUNTS if _bytes(shelves, amount) <= min(room, _ROOM)), (0, 0))
    return [_section(shelf, results, {"error": errors, "doubtful": doubtful}) for shelf in shelves]


def _shelves(run: RunDirectory, results: RunResults, model: ModelResults) -> list[_Shelf]:
    contents = run.gallery(model.id, model.seeds[0])
    if contents is None:
        return []
    gallery = read_gallery(contents, f"{model.id}, seed {model.seeds[0]}")
    folder = run.gallery_folder(model.id, model.seeds[0])
    return [
        _Shelf(model, gallery, name, images, folder) for name, images in gallery.sets.items() if name in results.sets
    ]


def _bytes(shelves: Sequence[_Shelf], amount: tuple[int, int]) -> int:
    """Returns what so many pictures of each shelf take as text: base64 makes four letters of three bytes."""
    return sum(
        4 * (_size(shelf.folder / name) + 2) // 3 + _CAPTION
        for shelf in shelves
        for kind, most in zip(_TITLES, amount, strict=True)
        for image in _of_kind(shelf, kind)[:most]
        for name in (image.file, image.cam)
        if name is not None
    )


def _of_kind(shelf: _Shelf, kind: str) -> list[GalleryImage]:
    return [image for image in shelf.images if image.kind == kind]


def _section(shelf: _Shelf, results: RunResults, most: dict[str, int]) -> GallerySection:
    groups = []
    for kind, title in _TITLES.items():
        images = _of_kind(shelf, kind)
        cards = [_card(shelf, image) for image in images[: most[kind]]]
        shown = tuple(card for card in cards if card is not None)
        if images:
            groups.append(CardGroup(title, shown, _note(shelf, len(images) - len(cards), len(cards) - len(shown))))
    return GallerySection(
        shelf.model.id,
        shelf.gallery.seed,
        shelf.set_name,
        tuple(groups),
        shelf.gallery.cam_reason or "",
        _explained(shelf.gallery, results),
    )


def _note(shelf: _Shelf, num_more: int, num_lost: int) -> str:
    place = f"models/{shelf.model.id}/seed-{shelf.gallery.seed}/gallery"
    parts = [f"{num_more:,} more in {place}."] if num_more else []
    if num_lost:
        parts.append(f"{count_text(num_lost, 'picture')} cannot be read in {place}.")
    return " ".join(parts)


def _explained(gallery: Gallery, results: RunResults) -> str:
    if results.positive is None:
        return "The score is the probability of the answer."
    text = f"The score is the probability of “{results.positive}”"
    return (
        f"{text}; from {gallery.threshold:.3f} on that is the answer." if gallery.threshold is not None else f"{text}."
    )


def _card(shelf: _Shelf, image: GalleryImage) -> Card | None:
    """Returns the card of an image; None where its picture cannot be read."""
    picture = _data_uri(shelf.folder, image.file)
    if picture is None:
        return None
    heat = None if image.cam is None else _data_uri(shelf.folder, image.cam)
    answer = f"true {image.true}, answered {image.predicted}, score {image.score:.2f}"
    return Card(
        picture,
        heat or "",
        f"{_KINDS[image.kind]}: {image.sample_id}, {answer}",
        f"Heat map of {image.sample_id}: what speaks for {image.predicted}",
        image.path,
        answer,
        image.true != image.predicted,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _data_uri(folder: Path, name: str) -> str | None:
    """Returns a picture of the gallery; None for what is missing, leads out of the folder, or is no small JPEG."""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve()) and path.is_file()
        content = path.read_bytes() if inside and path.stat().st_size <= _LARGEST_PICTURE else b""
    except (OSError, RuntimeError, ValueError):  # RuntimeError: a link to itself
        return None
    if not content.startswith(_JPEG_BEGINS):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
