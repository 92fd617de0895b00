"""The check `swapped-colours`: sets whose images match the training set far better with swapped or inverted colours.

BGR instead of RGB, or a negative, cannot be told from one set alone: nothing says which colours are right. But sets of
one task look alike, and where one of them does so only after its channels are swapped, or black and white are, somebody
read or exported it another way.
"""

from collections.abc import Callable

import numpy as np
from sklearn.covariance import LedoitWolf

from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, ShownImage, clean, found, not_applicable
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.data.wording import counted

_FEWEST, _MOST = 20, 2_000  # images of a set that are looked at
_SEED = 0
_BLOCKS = 4  # blocks a side, of whose luminance an image is described
_LEAST = 0.25  # squared distance as the images are; below it there is nothing to mend
_CLOSER = 0.5  # of it that the changed images may have at most, at the end of the interval
_RESAMPLES = 200
_SHOWN = 6
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)

CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "red and blue swapped": lambda images: images[..., ::-1],
    "black and white swapped": lambda images: 255 - images,
}


def swapped_colours(inputs: AuditInputs) -> Outcome:
    """Compares each set with the training set, as it is and with its colours changed."""
    train = _sample(inputs.train)
    others = [one for name, one in inputs.sets.items() if one is not inputs.train and len(one) >= _FEWEST]
    if len(train) < _FEWEST or not others:
        return not_applicable(f"It takes a training set and another set of {_FEWEST} images or more each.")
    described = _described(train)
    shape = LedoitWolf().fit(described)
    distances = {one.name: _distances(one, described.mean(axis=0), shape.precision_) for one in others}
    wrong = {
        name: change
        for name, by_change in distances.items()
        for change in CHANGES
        if by_change["as they are"][0] >= _LEAST and by_change[change][1] <= _CLOSER
    }
    table = FindingTable(
        "Squared distance from the training set, in its own standard deviations",
        ("set", "as they are", *CHANGES),
        tuple(
            (name, *(by_change[one][0] for one in ("as they are", *CHANGES))) for name, by_change in distances.items()
        ),
    )
    values = {
        "distances": {
            name: {change: figures[0] for change, figures in by_change.items()} for name, by_change in distances.items()
        },
        "swapped": wrong,
    }
    if not wrong:
        return clean(
            "No set looks more like the training set with swapped or inverted colours "
            f"({counted(len(others), 'set')}).",
            values=values,
            tables=(table,),
        )
    return found(
        "; ".join(_sentence(inputs.sets[name], change, distances[name]) for name, change in wrong.items()) + ".",
        details=(
            "Compared are the means of red, green and blue and the brightness of 16 parts of each image, on at most "
            f"{_MOST:,} images of a set.",
        ),
        next_step=(
            "Look at the images, and read or export those of "
            + ", ".join(f"'{name}'" for name in wrong)
            + " as the training images are: OpenCV writes and reads BGR, and X-ray files may be negatives."
        ),
        strength=1.0,
        values=values,
        tables=(table,),
        strips=tuple(_strip(inputs.sets[name]) for name in ("train", *wrong)),
    )


def _sample(one: AuditedSet) -> np.ndarray:
    chosen = np.sort(np.random.default_rng(_SEED).permutation(len(one))[:_MOST])
    return one.miniatures[chosen]


def _described(images: np.ndarray) -> np.ndarray:
    """Returns the means of the channels, how far their differences spread, and luminance by blocks: shape (n, 21)."""
    number, side = len(images), images.shape[1] // _BLOCKS
    means = images.astype(np.float32).reshape(number, _BLOCKS, side, _BLOCKS, side, 3).mean(axis=(2, 4))
    # Another light moves the means; only another order of the channels exchanges these two as well.
    spreads = np.diff(images.astype(np.float32), axis=3).reshape(number, -1, 2).std(axis=1)
    return np.concatenate([means.mean(axis=(1, 2)), spreads, (means @ _LUMINANCE).reshape(number, -1)], axis=1)


def _distances(one: AuditedSet, centre: np.ndarray, precision: np.ndarray) -> dict[str, tuple[float, float]]:
    """Returns by change the squared distance, and what share of the unchanged one's it is at most.

    At most: in 199 of 200 resamples of the images.
    """
    images = _sample(one)
    shifts = {"as they are": _described(images) - centre}
    shifts |= {name: _described(change(images)) - centre for name, change in CHANGES.items()}
    rng = np.random.default_rng(_SEED)
    weights = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), _RESAMPLES) / len(images)
    resampled = {name: _squared(weights @ shift, precision) for name, shift in shifts.items()}
    unchanged = np.maximum(resampled["as they are"], 1e-12)
    return {
        name: (
            float(_squared(shift.mean(axis=0)[None], precision)[0]),
            float(np.quantile(resampled[name] / unchanged, 1 - 1 / _RESAMPLES)),
        )
        for name, shift in shifts.items()
    }


def _squared(shifts: np.ndarray, precision: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("nf,fg,ng->n", shifts, precision, shifts))


def _sentence(one: AuditedSet, change: str, distances: dict[str, tuple[float, float]]) -> str:
    before, after = distances["as they are"][0], distances[change][0]
    return (
        f"the {counted(len(one), 'image')} of '{one.name}' look far more like the training images with {change}: the "
        f"squared distance falls from {before:.2f} to {after:.2f}"
    )


def _strip(one: AuditedSet) -> ImageStrip:
    chosen = np.unique(np.linspace(0, len(one) - 1, _SHOWN).astype(np.int64)).tolist()
    return ImageStrip(f"Images of '{one.name}'", tuple(ShownImage(one.name, index) for index in chosen))


CHECK = Check(
    code="swapped-colours", title="Sets with swapped or inverted colours", severity="high", run=swapped_colours
)
