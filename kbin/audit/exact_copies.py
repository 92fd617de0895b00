"""The check `exact-copies`: images whose decoded pixels are the same, within a set and across sets."""

from collections import Counter
from itertools import combinations

import numpy as np

from kbin.audit.copy_groups import REGROUP, groups_by_set, numbered
from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, Severity, ShownImage, clean, found
from kbin.audit.inputs import AuditInputs
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.data.wording import counted

_MOST_STRIPS = 8
_MOST_IN_STRIP = 4


def exact_copies(inputs: AuditInputs) -> Outcome:
    """Finds images that are there more than once, by `pixel_hashes`."""
    hashes = inputs.pooled(lambda one: one.pixel_hashes)
    known = hashes != ""
    if not known.any():
        return clean(f"None of {counted(len(hashes), 'image')} could be compared: there are no pixel hashes.")
    # Images without a hash are copies of nothing.
    numbers = numbered(np.where(known, hashes, [f"\0{index}" for index in range(len(hashes))]))
    groups = groups_by_set(inputs, numbers)
    repeated = [np.asarray(one) for one in _members(numbers)]
    if not repeated:
        return clean(
            f"No image is there twice: all {counted(len(hashes), 'image')} have different pixels.", groups=groups
        )
    labels, set_of = inputs.pooled(lambda one: one.labels), inputs.set_of
    conflicts = [one for one in repeated if len(np.unique(labels[one])) > 1]
    pairs = _images_per_pair(repeated, set_of)
    across = {pair: counts for pair, counts in pairs.items() if pair[0] != pair[1]}
    conflicting = sum(len(one) for one in conflicts)
    images = sum(len(one) for one in repeated)
    worst = _severity(tuple(across), bool(conflicts))
    leaked = _leaked_share(inputs, pairs)
    return found(
        _summary(inputs, images, len(repeated), pairs, conflicting),
        details=_details(inputs, pairs, conflicts, len(repeated)),
        next_step=_next_step(bool(across), bool(conflicts), conflicting, images - len(repeated)),
        strength=min(1.0, max(leaked, images / len(hashes), conflicting / len(hashes))),
        severity=worst,
        values={
            "images": int(images),
            "groups": len(repeated),
            "conflicting_groups": len(conflicts),
            "conflicting_images": conflicting,
            "num_images": len(hashes),
            "pairs_of_sets": [
                {"first": first, "second": second, "groups": counts[0], "of_first": counts[1], "of_second": counts[2]}
                for (first, second), counts in pairs.items()
            ],
        },
        tables=(
            FindingTable(
                "The same images, by pairs of sets",
                ("set", "other set", "different pictures in both", "images of the set", "images of the other"),
                tuple((*pair, *counts) for pair, counts in pairs.items()),
            ),
        ),
        strips=_strips(inputs, conflicts, repeated, labels, set_of),
        groups=groups,
    )


def _members(numbers: np.ndarray) -> list[np.ndarray]:
    """The positions of each group of two and more images."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order])) + 1
    return [one for one in np.split(order, starts) if len(one) > 1]


def _images_per_pair(repeated: list[np.ndarray], set_of: np.ndarray) -> dict[tuple[str, str], tuple[int, int, int]]:
    """For each pair of sets, and each set with itself: groups in both, and the images of each in them."""
    counts: dict[tuple[str, str], list[int]] = {}
    for members in repeated:
        held = Counter(set_of[members].tolist())
        pairs = list(combinations(held, 2)) + [(name, name) for name, number in held.items() if number > 1]
        for first, second in pairs:
            row = counts.setdefault((first, second), [0, 0, 0])
            row[0] += 1
            row[1] += held[first]
            row[2] += held[second]
    return {pair: (row[0], row[1], row[2]) for pair, row in counts.items()}


def _severity(across: tuple[tuple[str, str], ...], is_conflicting: bool) -> Severity:
    if is_conflicting or any(pair[0] == TRAIN and pair[1] != VALIDATION for pair in across):
        return "high"
    return "medium" if across else "low"


def _leaked_share(inputs: AuditInputs, pairs: dict[tuple[str, str], tuple[int, int, int]]) -> float:
    """The largest share of a set that is also in the training set."""
    shares = [counts[2] / len(inputs.sets[pair[1]]) for pair, counts in pairs.items() if pair[0] == TRAIN != pair[1]]
    return max(shares, default=0.0)


def _summary(
    inputs: AuditInputs,
    images: int,
    groups: int,
    pairs: dict[tuple[str, str], tuple[int, int, int]],
    conflicting: int,
) -> str:
    learned = [
        f"{counts[2]} of the {counted(len(inputs.sets[other]), 'image')} of {other} {_be(counts[2])} also in train"
        for (first, other), counts in pairs.items()
        if first == TRAIN != other
    ]
    begin = (
        "; ".join(learned)
        if learned
        else f"{images} of {counted(len(inputs.set_of), 'image')} are there more than once "
        f"({counted(groups, 'different picture')})"
    )
    return begin + (f"; {conflicting} copies carry different labels." if conflicting else ".")


def _details(
    inputs: AuditInputs,
    pairs: dict[tuple[str, str], tuple[int, int, int]],
    conflicts: list[np.ndarray],
    groups: int,
) -> tuple[str, ...]:
    lines = [
        f"In all, {counted(groups, 'picture')} of {counted(len(inputs.set_of), 'image')} are there more than once."
    ]
    if any(pair[0] == TRAIN != pair[1] for pair in pairs):
        lines.append("A model has seen these images and their labels in training, so its figures there are too high.")
    if conflicts:
        lines.append(
            f"{counted(len(conflicts), 'picture')} with more than one label: no model is right on all copies of one."
        )
    lines.append("Compared are the decoded pixels, whatever the file's format or name.")
    return tuple(lines)


def _next_step(is_across: bool, is_conflicting: bool, conflicting: int, surplus: int) -> str:
    steps = []
    if is_conflicting:
        steps.append(f"Decide on one label for the {conflicting} copies that carry different ones, or leave them out.")
    if is_across:
        steps.append(REGROUP)
    elif not is_conflicting:
        steps.append(f"Keep one image of each: {counted(surplus, 'copy').replace('copys', 'copies')} can go.")
    return " ".join(steps)


def _strips(
    inputs: AuditInputs,
    conflicts: list[np.ndarray],
    repeated: list[np.ndarray],
    labels: np.ndarray,
    set_of: np.ndarray,
) -> tuple[ImageStrip, ...]:
    """The first groups: conflicting labels before copies across sets before copies within one."""
    conflicting = {int(one[0]) for one in conflicts}
    order = sorted(repeated, key=lambda one: (int(one[0]) not in conflicting, len(set(set_of[one].tolist())) == 1))
    return tuple(
        ImageStrip(
            "The same image, different labels" if int(members[0]) in conflicting else "The same image",
            tuple(
                ShownImage(*inputs.place(int(at)), f"{set_of[at]}, labelled {inputs.classes[labels[at]]}")
                for at in _shown(members, labels, set_of)
            ),
        )
        for members in order[:_MOST_STRIPS]
    )


def _shown(members: np.ndarray, labels: np.ndarray, set_of: np.ndarray) -> list[int]:
    """A few of many copies, of different labels and sets first."""
    seen: dict[tuple[int, str], int] = {}
    for at in members.tolist():
        seen.setdefault((int(labels[at]), str(set_of[at])), at)
    chosen = list(seen.values())
    return (chosen + [at for at in members.tolist() if at not in set(chosen)])[:_MOST_IN_STRIP]


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


CHECK = Check(
    code="exact-copies", title="The same image twice", severity="high", run=exact_copies, each_image_once=True
)
