"""The check `near-copies`: re-encoded, resized, mirrored, turned, brightened or slightly cropped copies of an image."""

from collections import Counter

import numpy as np

from kbin.audit.copy_groups import REGROUP, connected, groups_by_set
from kbin.audit.copy_pairs import CopyPairs, find_near_copies
from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, ShownImage, clean, found
from kbin.audit.inputs import AuditInputs
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.data.wording import counted

_MOST_STRIPS, _IN_A_STRIP = 8, 4
_LARGEST_GROUP = 50  # images; a longer chain is held together by its closest pairs alone
_CLOSE = 0.95  # correlation of fine detail of these


def near_copies(inputs: AuditInputs) -> Outcome:
    """Finds copies whose pixels differ, and groups what belongs together; exact copies are not counted again."""
    miniatures = inputs.pooled(lambda one: one.miniatures)
    features = np.concatenate(list(inputs.reduced_features.values())) if inputs.has_features else None
    pairs = find_near_copies(miniatures, features)
    exact = inputs.pooled(lambda one: one.pixel_hashes)
    numbers = copied_together(pairs, len(miniatures))
    groups = groups_by_set(inputs, numbers)
    differ = exact[pairs.first] != exact[pairs.second]
    first, second = pairs.first[differ], pairs.second[differ]
    left_out = _left_out_notes(pairs)
    if not len(first):
        return clean(
            f"None of {counted(len(miniatures), 'image')} is a re-encoded, resized, mirrored, turned or brightened "
            "copy of another.",
            details=left_out,
            groups=groups,
        )
    set_of, labels = inputs.set_of, inputs.pooled(lambda one: one.labels)
    conflicts = labels[first] != labels[second]
    shares = _shares_in_train(inputs, set_of, first, second)
    images = len(np.unique(np.concatenate([first, second])))
    leaks = {name: number for name, number in shares.items() if number}
    across_test = any(name != VALIDATION for name in leaks)
    across = bool((set_of[first] != set_of[second]).any())
    return found(
        _summary(inputs, leaks, images, int(conflicts.sum())),
        details=(
            f"In all, {counted(images, 'image')} of {counted(len(miniatures), 'image')} have a copy that differs from "
            f"them; the largest group has {counted(int(np.bincount(numbers).max()), 'image')}.",
            *_changes_note(pairs.changes[differ]),
            *left_out,
        ),
        next_step=REGROUP if across else "Count such images once, or keep one of each group (audit/groups.csv).",
        strength=max([images / len(miniatures), *(leaks[name] / len(inputs.sets[name]) for name in leaks)]),
        severity="high" if across_test or conflicts.any() else "medium" if across else "low",
        values={
            "pairs": len(first),
            "images": images,
            "num_images": len(miniatures),
            "conflicting_pairs": int(conflicts.sum()),
            "in_train": {name: number / len(inputs.sets[name]) for name, number in shares.items()},
            "num_flat": pairs.num_flat,
            "num_not_compared": pairs.num_not_compared,
        },
        tables=(_table(set_of, first, second, conflicts),),
        strips=_strips(inputs, pairs, differ, conflicts),
        groups=groups,
    )


def copied_together(pairs: CopyPairs, number: int) -> np.ndarray:
    """Returns a number a group, shape (number,); a group that grew too large keeps its closest pairs alone.

    One wrong pair joins two groups, and many would join everything.
    """
    numbers = _joined(pairs.first, pairs.second, number)
    too_large = np.bincount(numbers)[numbers] > _LARGEST_GROUP
    if not too_large.any():
        return numbers
    kept = ~too_large[pairs.first] | (pairs.strength >= _CLOSE)
    return _joined(pairs.first[kept], pairs.second[kept], number)


def _joined(first: np.ndarray, second: np.ndarray, number: int) -> np.ndarray:
    return connected([], number, (first, second))


def _shares_in_train(inputs: AuditInputs, set_of: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, int]:
    """Returns how many images of each other set have a near copy in the training set."""
    sides = np.concatenate([np.stack([first, second]), np.stack([second, first])], axis=1)
    with_train = sides[:, set_of[sides[1]] == TRAIN]
    copied = Counter(set_of[np.unique(with_train[0])].tolist())
    return {name: copied.get(name, 0) for name in inputs.sets if name != TRAIN}


def _summary(inputs: AuditInputs, leaks: dict[str, int], images: int, num_conflicts: int) -> str:
    parts = [
        f"{number} of the {counted(len(inputs.sets[name]), 'image')} of {name} "
        f"{'is' if number == 1 else 'are'} a changed copy of a training image"
        for name, number in leaks.items()
    ]
    begin = (
        "; ".join(parts)
        if parts
        else f"{images:,} of {counted(len(inputs.set_of), 'image')} are changed copies of each other, none of them "
        "across the training set's border"
    )
    conflict = f"; {counted(num_conflicts, 'pair')} of copies have different labels" if num_conflicts else ""
    return f"{begin}{conflict}."


def _changes_note(changes: np.ndarray) -> tuple[str, ...]:
    mirrored = int(np.char.startswith(changes, "mirrored").sum())
    turned = int((np.char.find(changes, "turned") >= 0).sum())
    rest = int((changes == "").sum())
    return (
        f"Of {counted(len(changes), 'pair')}, {mirrored} are mirrored, {turned} turned, and {rest} stand as they were: "
        "re-encoded, resized, brightened or cropped a little.",
    )


def _left_out_notes(pairs: CopyPairs) -> tuple[str, ...]:
    notes = []
    if pairs.num_flat:
        notes.append(
            f"{counted(pairs.num_flat, 'image')} with hardly any structure took no part: all such images are alike."
        )
    if pairs.num_not_compared:
        notes.append(
            f"{counted(pairs.num_not_compared, 'pair')} of images that are somewhat alike were not compared in detail, "
            "for want of time: those most alike were."
        )
    return tuple(notes)


def _table(set_of: np.ndarray, first: np.ndarray, second: np.ndarray, conflicts: np.ndarray) -> FindingTable:
    rows = Counter(zip(set_of[first].tolist(), set_of[second].tolist(), strict=True))
    differing = Counter(zip(set_of[first[conflicts]].tolist(), set_of[second[conflicts]].tolist(), strict=True))
    return FindingTable(
        "Near copies, by pairs of sets",
        ("set", "other set", "pairs", "pairs of different labels"),
        tuple((*pair, number, differing.get(pair, 0)) for pair, number in rows.most_common()),
    )


def _strips(inputs: AuditInputs, pairs: CopyPairs, differ: np.ndarray, conflicts: np.ndarray) -> tuple[ImageStrip, ...]:
    """Returns pairs: of different labels first, then across the training set's border, then the least alike."""
    set_of = inputs.set_of
    first, second, strength = pairs.first[differ], pairs.second[differ], pairs.strength[differ]
    leaks = (set_of[first] == TRAIN) != (set_of[second] == TRAIN)
    order = np.lexsort((strength, ~leaks, ~conflicts))[: _MOST_STRIPS * _IN_A_STRIP // 2]
    strips = []
    for start in range(0, len(order), _IN_A_STRIP // 2):
        images = [
            ShownImage(*inputs.place(int(place)), _caption(inputs, int(place), change))
            for pair in order[start : start + _IN_A_STRIP // 2]
            for place, change in ((first[pair], ""), (second[pair], str(pairs.changes[differ][pair])))
        ]
        strips.append(ImageStrip("Copies, side by side", tuple(images)))
    return tuple(strips)


def _caption(inputs: AuditInputs, position: int, change: str) -> str:
    name, index = inputs.place(position)
    label = inputs.classes[int(inputs.sets[name].labels[index])]
    return f"{name}, {label}" + (f", {change}" if change else "")


CHECK = Check(
    code="near-copies", title="Changed copies of images", severity="high", run=near_copies, each_image_once=True
)
