"""The check `split-groups`: groups that the data itself names (patients, slides), on both sides of a split."""

import numpy as np

from kbin.audit.copy_groups import REGROUP
from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, ShownImage, clean, found, not_applicable
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.data.wording import counted

_MOST_STRIPS = 6


def split_groups(inputs: AuditInputs) -> Outcome:
    """Finds groups with images in the training set and in another set."""
    others = [one for name, one in inputs.sets.items() if name != TRAIN]
    if not others:
        return not_applicable("There is only a training set, so no group can be on both sides of a split.")
    train = inputs.train
    if not _named(train) or not any(_named(one) for one in others):
        return not_applicable("The data names no groups (patients, slides, videos) on both sides of the split.")
    rows = {one.name: _shared(train, one) for one in others if _named(one)}
    torn = {name: row for name, row in rows.items() if len(row)}
    if not torn:
        number = len(np.unique(_groups(train)))
        return clean(f"Of {counted(number, 'group')} of train none has an image in another set.")
    table, worst = [], 0.0
    for name, shared in torn.items():
        one = inputs.sets[name]
        inside = int(np.isin(_groups(one), shared).sum())
        table.append((name, len(shared), int(np.isin(_groups(train), shared).sum()), inside, inside / len(one)))
        worst = max(worst, inside / len(one))
    all_shared = np.unique(np.concatenate(list(torn.values())))
    return found(
        "; ".join(
            f"{row[3]} of the {counted(len(inputs.sets[row[0]]), 'image')} of {row[0]} belong to "
            f"{counted(row[1], 'group')} that train has images of, too"
            for row in table
        )
        + ".",
        details=(
            f"In all, {counted(len(all_shared), 'group')} of the {len(np.unique(_groups(train)))} of train.",
            "Images of one group are alike in more than their class, so figures there say little of new groups.",
        ),
        next_step=REGROUP,
        strength=worst,
        severity="medium" if set(torn) == {VALIDATION} else "high",
        values={
            "groups": len(all_shared),
            "sets": [
                {"set": row[0], "groups": row[1], "train_images": row[2], "images": row[3], "share": row[4]}
                for row in table
            ],
        },
        tables=(
            FindingTable(
                "Groups that train shares with other sets",
                ("set", "groups", "images of train", "images of the set", "share of the set"),
                tuple(table),
            ),
        ),
        strips=_strips(inputs, torn),
    )


def _named(one: AuditedSet) -> bool:
    return one.groups is not None and bool((one.groups != "").any())


def _groups(one: AuditedSet) -> np.ndarray:
    groups = np.array([], np.str_) if one.groups is None else one.groups
    return groups[groups != ""]


def _shared(train: AuditedSet, other: AuditedSet) -> np.ndarray:
    return np.intersect1d(_groups(train), _groups(other))


def _strips(inputs: AuditInputs, torn: dict[str, np.ndarray]) -> tuple[ImageStrip, ...]:
    """The first groups of each set: two images of train beside two of the set."""
    chosen = [(name, str(group)) for name, shared in torn.items() for group in shared[:_MOST_STRIPS]][:_MOST_STRIPS]
    return tuple(
        ImageStrip(
            f"Group {group}, in train and {name}",
            tuple(
                ShownImage(side, int(index), f"{side}, labelled {inputs.classes[inputs.sets[side].labels[index]]}")
                for side in (TRAIN, name)
                for index in np.flatnonzero(inputs.sets[side].groups == group)[:2]
            ),
        )
        for name, group in chosen
    )


CHECK = Check(
    code="split-groups",
    title="Groups on both sides of a split",
    severity="high",
    run=split_groups,
    each_image_once=True,
)
