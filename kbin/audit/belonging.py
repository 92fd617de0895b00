"""Which images belong together: those of one group of the data, and copies of each other."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kbin.audit.inputs import AuditInputs


def belonging(inputs: AuditInputs) -> dict[str, np.ndarray]:
    """Returns a number for each image, equal where images belong together, over all sets.

    They do where the data puts them into one group, where they are copies, and along chains of both.

    Returns:
        Set name -> shape (n,), int64.
    """
    number = sum(map(len, inputs.sets.values()))
    links = [_links(names) for names in (_group_names(inputs), _copy_names(inputs)) if names is not None]
    if not links:
        joined = np.arange(number)
    else:
        # Images on one side, the names of groups and copies on the other; whatever hangs together is one.
        sizes = np.cumsum([number, *(int(columns.max()) + 1 for columns in links)])
        rows = np.concatenate([np.arange(number)] * len(links))
        columns = np.concatenate([one + start for one, start in zip(links, sizes, strict=False)])
        graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(sizes[-1], sizes[-1]))
        joined = connected_components(graph, directed=False)[1][:number].astype(np.int64)
    starts = np.cumsum([0, *map(len, inputs.sets.values())])
    return {name: joined[start:end] for name, start, end in zip(inputs.sets, starts[:-1], starts[1:], strict=True)}


def _links(names: np.ndarray) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]


def _copy_names(inputs: AuditInputs) -> np.ndarray | None:
    if not set(inputs.sets) <= set(inputs.copy_groups):
        return None
    return np.concatenate([inputs.copy_groups[name] for name in inputs.sets])


def _group_names(inputs: AuditInputs) -> np.ndarray | None:
    if all(one.groups is None for one in inputs.sets.values()):
        return None
    # No name of a group has a line end and a number in front of it.
    return np.concatenate(
        [
            np.array([f"\n{name}{index}" for index in range(len(one))]) if one.groups is None else one.groups
            for name, one in inputs.sets.items()
        ]
    )
