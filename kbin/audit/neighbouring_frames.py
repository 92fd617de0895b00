"""The check `neighbouring-frames`: files with neighbouring numbers on both sides of a split that look alike."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from scipy.stats import mannwhitneyu, wilcoxon

from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, ShownImage, clean, found, not_applicable
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.data.set_names import TRAIN, VALIDATION, set_name
from kbin.data.wording import counted

_FEWEST = 20  # images with a neighbour in the training set
_MOST_PAIRS = 20_000
_BLOCKS = 12
_FAR = 10  # numbers apart, for images of one sequence that are not neighbours
_LONG = 50  # training images of a sequence in which far ones are looked for
_DRAWS = 20
# Half is chance; from here on neighbours are plainly more alike than other images.
_EFFECT = 0.6
_LEVEL = 0.001
_SEED = 0
_MOST_STRIPS = 8


@dataclass(frozen=True)
class _Pairs:
    """Images of one set with a neighbour in the training set: places, shape (num_pairs,) each."""

    inside: np.ndarray
    in_train: np.ndarray
    elsewhere: np.ndarray


def neighbouring_frames(inputs: AuditInputs) -> Outcome:
    """Compares the likeness of images with neighbouring numbers across the split with that of other images."""
    train = inputs.train
    rng = np.random.default_rng(_SEED)
    spots = {name: [_spot(path, inputs.sets) for path in one.paths.tolist()] for name, one in inputs.sets.items()}
    pairs = {
        name: _pairs(train, one, spots[TRAIN], spots[name], rng) for name, one in inputs.sets.items() if name != TRAIN
    }
    enough = {name: one for name, one in pairs.items() if len(np.unique(one.inside)) >= _FEWEST}
    if not enough:
        most = max((len(np.unique(one.inside)) for one in pairs.values()), default=0)
        have = "No image of a set has" if not most else f"At most {counted(most, 'image')} of a set have"
        return not_applicable(
            f"{have} a number next to that of a training image of the same name; {_FEWEST} are needed."
        )
    mean = _mean_image(inputs)
    rows = []
    likeness: dict[str, np.ndarray] = {}
    for name, pair in enough.items():
        alike = _alike(inputs.sets[name], pair.inside, train, pair.in_train, mean)
        others = _alike(inputs.sets[name], pair.inside, train, pair.elsewhere, mean)
        likeness[name] = alike
        effect = float(mannwhitneyu(alike, others).statistic) / (len(alike) * len(others))
        differences = _by_image(alike - others, pair.inside)
        p_value = float(wilcoxon(differences, alternative="greater").pvalue) if differences.any() else 1.0
        # Where several sets are asked, chance has several turns.
        p_value = min(1.0, p_value * len(enough))
        rows.append(
            (name, len(differences), float(np.median(alike)), float(np.median(others)), effect, p_value, len(alike))
        )
    caught = [row for row in rows if row[4] >= _EFFECT and row[5] < _LEVEL]
    values = {
        "sets": [
            {
                "set": row[0],
                "images": row[1],
                "pairs": row[6],
                "median_likeness": row[2],
                "median_likeness_of_others": row[3],
                "effect": row[4],
                "p_value": row[5],
            }
            for row in rows
        ]
    }
    table = FindingTable(
        "Likeness to the training image with the next number (correlation, -1 to 1)",
        ("set", "images with a neighbour", "neighbours, median", "other images, median", "neighbour more alike in"),
        tuple(row[:5] for row in rows),
    )
    if not caught:
        number = sum(row[1] for row in rows)
        return clean(
            f"{counted(number, 'image')} have a number next to that of a training image, but look no more like it "
            f"than like other images of its class (more alike in {max(row[4] for row in rows):.0%} of comparisons, "
            f"50% is chance, {_EFFECT:.0%} would matter).",
            values=values,
            tables=(table,),
        )
    return found(
        "; ".join(
            f"{row[1]} of the {counted(len(inputs.sets[row[0]]), 'image')} of {row[0]} have a number next to that of a "
            f"training image and look like it: likeness {row[2]:.2f}, {row[3]:.2f} for other images of the class"
            for row in caught
        )
        + ".",
        details=(
            "Likeness is the correlation of 12 x 12 grey values, less the mean image of all sets.",
            "Files with running numbers that look alike are often frames of one video or cuts of one picture; a model "
            "has then seen nearly the same image in training.",
            f"The other images are of the same class; of a name with {_LONG} training images or more, those of the "
            f"same name at least {_FAR} numbers away.",
            f"At most {_MOST_PAIRS:,} pairs of a set are compared, drawn with seed {_SEED}.",
        ),
        next_step=(
            "Keep neighbours on one side: write a CSV with the columns file and group, one group for each video or "
            "stretch of numbers, and give it as data.groups with data.split.group: group; sets that the data names "
            "itself must be taken out first."
        ),
        strength=max(row[1] / len(inputs.sets[row[0]]) * (2 * row[4] - 1) for row in caught),
        severity="medium" if [row[0] for row in caught] == [VALIDATION] else "high",
        values=values,
        tables=(table,),
        strips=tuple(
            strip
            for row in caught
            for strip in _strips(inputs, row[0], enough[row[0]], likeness[row[0]], _MOST_STRIPS // len(caught))
        ),
    )


def _spot(path: str, set_names: Collection[str]) -> tuple[str, int] | None:
    """The sequence of a file, its folder and name without the number, and the number; None without one."""
    parts = PurePosixPath(path).parts
    # Also of another set: a validation set may have been taken out of the folder train.
    if len(parts) > 1 and set_name(parts[0]) in set_names:
        parts = parts[1:]
    stem = PurePosixPath(parts[-1]).stem
    match = re.fullmatch(r"(.*?)(\d{1,15})(\D*)", stem)
    if match is None:
        return None
    return "/".join([*parts[:-1], f"{match[1]}#{match[3]}"]), int(match[2])


def _pairs(
    train: AuditedSet,
    other: AuditedSet,
    in_train: list[tuple[str, int] | None],
    in_other: list[tuple[str, int] | None],
    rng: np.random.Generator,
) -> _Pairs:
    place_of: dict[tuple[str, int], int] = {}
    sequences: dict[tuple[str, int], list[int]] = {}
    for index, spot in enumerate(in_train):
        if spot is not None:
            place_of.setdefault(spot, index)
            sequences.setdefault((spot[0], int(train.labels[index])), []).append(index)
    couples = [
        (index, place_of[neighbour])
        for index, spot in enumerate(in_other)
        if spot is not None
        for neighbour in ((spot[0], spot[1] - 1), (spot[0], spot[1] + 1))
        if neighbour in place_of
    ]
    if len(couples) > _MOST_PAIRS:
        couples = [couples[at] for at in np.sort(rng.choice(len(couples), _MOST_PAIRS, replace=False))]
    by_class = {int(label): np.flatnonzero(train.labels == label) for label in np.unique(train.labels)}
    elsewhere = []
    for index, neighbour in couples:
        sequence, number = in_other[index] or ("", 0)
        label = int(train.labels[neighbour])
        drawn = by_class[label][rng.integers(len(by_class[label]))]
        members = sequences.get((sequence, label), [])
        if len(members) >= _LONG:
            for at in rng.integers(len(members), size=_DRAWS).tolist():
                if abs((in_train[members[at]] or ("", 0))[1] - number) >= _FAR:
                    drawn = members[at]
                    break
        elsewhere.append(drawn)
    columns = np.array(couples, np.int64).reshape(-1, 2)
    return _Pairs(columns[:, 0], columns[:, 1], np.array(elsewhere, np.int64))


def _grey(miniatures: np.ndarray) -> np.ndarray:
    """Luminance of 12 x 12 blocks, shape (n, 144), float32."""
    number, side = len(miniatures), miniatures.shape[1] // _BLOCKS
    blocks = miniatures.reshape(number, _BLOCKS, side, _BLOCKS, side, 3).mean(axis=(2, 4), dtype=np.float32)
    return (blocks @ np.array([0.299, 0.587, 0.114], np.float32)).reshape(number, -1)


def _mean_image(inputs: AuditInputs) -> np.ndarray:
    """The mean of the blocks over all sets, of each set's images evenly spread ones where there are many."""
    chosen = [one.miniatures[:: max(1, len(one) // 5_000)] for one in inputs.sets.values() if len(one)]
    sizes = [len(one) for one in inputs.sets.values() if len(one)]
    return np.average([_grey(one).mean(axis=0) for one in chosen], axis=0, weights=sizes)


def _alike(
    first: AuditedSet, rows: np.ndarray, second: AuditedSet, columns: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """The correlation of each pair's blocks, shape (num_pairs,); 0 where an image is flat."""
    a, b = _grey(first.miniatures[rows]) - mean, _grey(second.miniatures[columns]) - mean
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(axis=1) / np.maximum(lengths, 1e-6)


def _by_image(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The mean of the values of each image: its two neighbours are no two witnesses."""
    _, inverse = np.unique(images, return_inverse=True)
    return np.bincount(inverse, values) / np.bincount(inverse)


def _strips(inputs: AuditInputs, name: str, pairs: _Pairs, alike: np.ndarray, most: int) -> list[ImageStrip]:
    """The pairs that are most alike."""
    strips = []
    for at in np.argsort(-alike, kind="stable")[: max(1, most)].tolist():
        index, neighbour = int(pairs.inside[at]), int(pairs.in_train[at])
        strips.append(
            ImageStrip(
                f"Neighbouring numbers, likeness {alike[at]:.2f}",
                (
                    ShownImage(TRAIN, neighbour, f"train, {PurePosixPath(inputs.train.paths[neighbour]).name}"),
                    ShownImage(name, index, f"{name}, {PurePosixPath(inputs.sets[name].paths[index]).name}"),
                ),
            )
        )
    return strips


CHECK = Check(
    code="neighbouring-frames",
    title="Neighbouring frames on both sides of a split",
    severity="high",
    run=neighbouring_frames,
    each_image_once=True,
)
