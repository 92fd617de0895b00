"""A trained model's gallery: its worst errors and most doubtful images, each beside what speaks for the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kbin.data.set_names import TRAIN, VALIDATION
from kbin.errors import StorageError
from kbin.evaluation.hard_images import MOST_DOUBTFUL, MOST_ERRORS, HardImage, hard_images
from kbin.explain.feature_maps import why_no_map
from kbin.explain.grad_cam import grad_cam
from kbin.explain.overlays import image_jpeg, overlay_jpeg
from kbin.interruption import with_safe_points
from kbin.model_inputs import SetImages
from kbin.model_run import ModelRun
from kbin.progress import Progress
from kbin.runs import RunDirectory

# With more sets than this each shows fewer images, so that a gallery stays a matter of seconds.
_SETS_IN_FULL = 3
_FEWEST_ERRORS, _FEWEST_DOUBTFUL = 3, 2


def save_gallery(
    run: RunDirectory,
    model_id: str,
    trained: ModelRun,
    sets: Mapping[str, SetImages],
    threshold: float,
    progress: Progress,
) -> None:
    """Saves the gallery of one trained model; a fault is said and recorded, and the run goes on.

    It shows every test set, or the validation set where there is none. Nothing of it is booked as the model's time.

    Args:
        run: Where it goes.
        model_id: The model.
        trained: Its first seed.
        sets: Evaluation sets by name.
        threshold: In force for this seed; unused for more than two classes.
        progress: Where a fault is said.

    Raises:
        StorageError: It cannot be written: nothing of the run could be.
    """
    shown = [name for name in sets if name not in (TRAIN, VALIDATION)] or [name for name in sets if name == VALIDATION]
    if not shown:
        return
    gallery: dict[str, Any] = {"seed": trained.seed, "threshold": threshold, "cam_reason": None, "sets": {}}
    try:
        chosen = {name: _chosen(sets[name], trained.probabilities[name], threshold, len(shown)) for name in shown}
        images = {name: sets[name].images.take(_positions(found)) for name, found in chosen.items()}
        heat, gallery["cam_reason"] = _heat(trained.model, images, chosen)
        for name, found in with_safe_points(chosen.items()):
            gallery["sets"][name] = [
                _saved(run, (model_id, trained.seed, name), number, one, sets[name], (image, warmth))
                for number, (one, image, warmth) in enumerate(
                    zip(found, images[name], heat[name], strict=True), start=1
                )
            ]
    except StorageError:
        raise
    except Exception as error:
        gallery |= {"sets": {}, "cam_reason": f"the gallery could not be made ({_words(error)})"}
    if gallery["cam_reason"] is not None:
        progress.say(f"  {model_id} has no Grad-CAM: {gallery['cam_reason']}.")
    run.save_gallery(model_id, trained.seed, gallery)


def _chosen(one: SetImages, probabilities: np.ndarray, threshold: float, num_sets: int) -> list[HardImage]:
    errors, doubtful = MOST_ERRORS, MOST_DOUBTFUL
    if num_sets > _SETS_IN_FULL:
        errors = max(_FEWEST_ERRORS, errors * _SETS_IN_FULL // num_sets)
        doubtful = max(_FEWEST_DOUBTFUL, doubtful * _SETS_IN_FULL // num_sets)
    return hard_images(one.data.labels, probabilities, len(one.data.classes), threshold, errors, doubtful)


def _positions(found: Sequence[HardImage]) -> np.ndarray:
    return np.array([one.index for one in found], np.int64)


def _heat(
    model: keras.Model | None, images: Mapping[str, np.ndarray], chosen: Mapping[str, Sequence[HardImage]]
) -> tuple[dict[str, Sequence[np.ndarray | None]], str | None]:
    """Returns a heat map an image for its answer by set; or none, and why there are none."""
    if model is None:
        return {name: [None] * len(some) for name, some in images.items()}, "the model was not kept"
    try:
        reason = why_no_map(model)
        if reason is None:
            return {
                name: list(grad_cam(model, some, [one.predicted for one in chosen[name]]))
                for name, some in images.items()
            }, None
    except Exception as error:  # the images are worth seeing without it
        reason = _words(error)
    return {name: [None] * len(some) for name, some in images.items()}, reason


def _saved(
    run: RunDirectory,
    place: tuple[str, int, str],
    number: int,
    one: HardImage,
    images: SetImages,
    pictures: tuple[np.ndarray, np.ndarray | None],
) -> dict[str, Any]:
    """Saves one image's pictures under its number in the set, and returns what gallery.json says of it."""
    data, (image, heat) = images.data, pictures
    return {
        "kind": one.kind,
        "sample_id": str(data.sample_ids[one.index]),
        "path": str(data.paths[one.index]),
        "true": data.classes[one.true],
        "predicted": data.classes[one.predicted],
        "score": float(f"{one.score:.9g}"),  # as in predictions/*.csv
        "file": run.save_gallery_picture(*place, str(number), image_jpeg(image)),
        "cam": None if heat is None else run.save_gallery_picture(*place, f"{number}-cam", overlay_jpeg(image, heat)),
    }


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
