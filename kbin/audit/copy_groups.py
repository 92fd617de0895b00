"""What belongs together over all sets: groups of several kinds in one numbering, and as rows of a groups.csv."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kbin.audit.inputs import AuditInputs

REGROUP = (
    "Give the split the groups: data.groups: <run>/audit/groups.csv with data.split.group: group. Sets that the data "
    "names itself stay as they are: where it has folders such as train and test, list the same files in a CSV (path, "
    "label) for data.source: csv; where it has a column 'split', leave it out, and a column 'group' of its own too."
)


def joined_groups(inputs: AuditInputs, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the groups that are known of the images, joined with groups that were found now.

    Args:
        inputs: With `copy_groups`, or without.
        found: Set name -> shape (n,), int, one number over all sets for what belongs together. The images of a set
            that is not there stand alone.

    Returns:
        Set name -> shape (n,), int64, for every set; images have one number where either kind of group, or a chain of
        them, ties them. An image of a part of another set is its image there.
    """
    ties = [_stacked(inputs, groups) for groups in (inputs.copy_groups, found)]
    joined = connected([*ties, *_same_images(inputs)], len(inputs.set_of))
    return groups_by_set(inputs, joined)


def groups_with_data(inputs: AuditInputs) -> dict[str, np.ndarray]:
    """Returns the copies, joined with the groups that the data names itself; as `joined_groups` does."""
    return groups_by_set(inputs, units(inputs))


def group_rows(inputs: AuditInputs) -> list[tuple[str, str]]:
    """Returns the rows of a table of groups that `data.groups` takes.

    Args:
        inputs: With `copy_groups`, and with the parts of other sets, if wanted.

    Returns:
        A path and its group for every path of all sets, each path once, in the order of the sets. Images of one path
        are of one group.
    """
    if not len(inputs.set_of):
        return []
    paths, first, path_of = np.unique(inputs.pooled(lambda one: one.paths), return_index=True, return_inverse=True)
    groups = connected([units(inputs), path_of], len(path_of))
    width = len(str(len(paths)))
    order = np.argsort(first)
    numbers = numbered(groups[first[order]])
    return [(str(paths[at]), f"g{number + 1:0{width}d}") for at, number in zip(order, numbers.tolist(), strict=True)]


def connected(
    ties: Iterable[np.ndarray], number: int, pairs: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Returns the components that several groupings tie, shape (number,), int64, in the order of their first image.

    Args:
        ties: Each of shape (number,): images of one value belong together.
        number: Of images.
        pairs: Places of images that belong together, shape (num_pairs,) each.
    """
    images, joins, next_node = [], [], number
    if pairs is not None:
        images.append(pairs[0])
        joins.append(pairs[1])
    for values in ties:
        tie = np.unique(values, return_inverse=True)[1]
        images.append(np.arange(number))
        joins.append(tie + next_node)
        next_node += int(tie.max(initial=-1)) + 1
    if not images:
        return np.arange(number)
    rows, columns = np.concatenate(images), np.concatenate(joins)
    edges = coo_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=(next_node, next_node))
    return numbered(connected_components(edges, directed=False)[1][:number])


def numbered(values: np.ndarray) -> np.ndarray:
    """Returns values as numbers from 0, int64, in the order in which they first appear."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def data_ties(groups: Sequence[np.ndarray | None], sizes: Sequence[int]) -> np.ndarray:
    """Returns the data's own groups as numbers over all sets; images without a group have a number of their own.

    Args:
        groups: Of each set, shape (n,), str, "" where an image has none; None for a set without.
        sizes: Images of each set.
    """
    names = np.concatenate(
        [np.full(size, "") if one is None else one.astype(np.str_) for one, size in zip(groups, sizes, strict=True)]
    )
    ties = np.unique(names, return_inverse=True)[1]
    return np.where(names == "", len(names) + np.arange(len(names)), ties)


def units(inputs: AuditInputs) -> np.ndarray:
    """Returns the unit of each image, shape (n of all sets,), int64, in the order of `inputs.pooled`.

    Copies are one unit, and so are the images of a group that the data names, of whatever set.
    """
    sets = inputs.sets.values()
    named = data_ties([one.groups for one in sets], [len(one) for one in sets])
    return connected([_stacked(inputs, inputs.copy_groups), named], len(named))


def _same_images(inputs: AuditInputs) -> list[np.ndarray]:
    """Returns what ties the images of parts to themselves; nothing where no set is a part of another."""
    if not inputs.parts:
        return []
    names = []
    for name, one in inputs.sets.items():
        whole = name
        while whole in inputs.parts:
            whole = inputs.parts[whole]
        names += [(whole, sample_id) for sample_id in one.sample_ids.tolist()]
    number_of: dict[tuple[str, str], int] = {}
    return [np.array([number_of.setdefault(one, len(number_of)) for one in names], np.int64)]


def _stacked(inputs: AuditInputs, groups: Mapping[str, np.ndarray]) -> np.ndarray:
    """The groups of all sets in a row; images of sets without any have numbers above all others."""
    above = max((int(one.max(initial=-1)) for one in groups.values()), default=-1) + 1
    parts = []
    for name, one in inputs.sets.items():
        if name in groups:
            parts.append(np.asarray(groups[name], np.int64))
        else:
            parts.append(np.arange(above, above + len(one)))
            above += len(one)
    return np.concatenate(parts)


def groups_by_set(inputs: AuditInputs, stacked: np.ndarray) -> dict[str, np.ndarray]:
    """Returns numbers of all images in a row, shape (n of all sets,), set by set."""
    ends = np.cumsum([len(one) for one in inputs.sets.values()])
    return dict(zip(inputs.sets, np.split(stacked, ends[:-1]), strict=True))
