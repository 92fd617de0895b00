"""A domain classifier for each pair of sets, with p-values corrected over the pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.audit.copy_groups import groups_with_data
from kbin.audit.domain_classifier import DomainClassifier, domain_classifier
from kbin.audit.findings import FindingTable
from kbin.audit.inputs import AuditInputs
from kbin.audit.set_pairs import SetPair, enough_arrangements, pair_names, rearranged, set_pair
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.evaluation.multiple import holm

MATTERS = 0.6  # an AUC from which on another kind of image can explain a fall


@dataclass(frozen=True, eq=False)
class ComparedPair:
    """Two sets and how well they were told apart.

    Attributes:
        pair: The images.
        told: By the linear head.
        corrected: Its p-value after Holm's correction over all pairs.
        is_found: Whether it is below the level, and the sets are far enough apart to matter.
    """

    pair: SetPair
    told: DomainClassifier
    corrected: float
    is_found: bool


@dataclass(frozen=True, eq=False)
class ComparedPairs:
    """All pairs.

    Attributes:
        pairs: Those that could be compared, the farthest apart first.
        not_compared: A sentence for each other one.
        num_arrangements: Random arrangements of each.
    """

    pairs: tuple[ComparedPair, ...]
    not_compared: tuple[str, ...]
    num_arrangements: int


def compared_pairs(inputs: AuditInputs, matrix_of: Callable[[SetPair], np.ndarray], level: float) -> ComparedPairs:
    """Compares each pair of sets.

    Args:
        inputs: All sets.
        matrix_of: Returns what the head sees of the images of a pair, shape (n, num_columns), of about equal variances.
        level: A corrected p-value below it is no chance.
    """
    together = groups_with_data(inputs)
    tried = [set_pair(inputs, names, together) for names in pair_names(inputs)]
    pairs = [one for one in tried if isinstance(one, SetPair)]
    number = enough_arrangements(len(pairs), level)
    told = [domain_classifier(matrix_of(one), one, rearranged(one, number)) for one in pairs]
    corrected = [1.0 if p is None else p for p in holm([one.p_value for one in told])]
    compared = [
        ComparedPair(pair, one, p, p < level and one.auc >= MATTERS)
        for pair, one, p in zip(pairs, told, corrected, strict=True)
    ]
    not_compared = tuple(one for one in tried if isinstance(one, str))
    return ComparedPairs(tuple(sorted(compared, key=lambda one: -one.told.auc)), not_compared, number)


def most_telling(pairs: Sequence[ComparedPair]) -> list[ComparedPair]:
    """Returns pairs with train and a test set first, as they explain a fall; within both the farthest apart first."""

    def rank(one: ComparedPair) -> tuple[bool, float]:
        return TRAIN not in one.pair.names or VALIDATION in one.pair.names, -one.told.auc

    return sorted(pairs, key=rank)


def pair_values(inputs: AuditInputs, one: ComparedPair) -> dict[str, Any]:
    """Returns a pair's numbers for programs."""
    return {
        "first": one.pair.names[0],
        "second": one.pair.names[1],
        "num_first": one.pair.sizes[0],
        "num_second": one.pair.sizes[1],
        "auc": one.told.auc,
        "p_value": one.told.p_value,
        "corrected_p_value": one.corrected,
        "is_found": one.is_found,
        "auc_with_classes": one.told.auc_with_classes,
        "classes": {
            inputs.classes[label]: {"auc": auc, "p_value": one.told.class_p_values[label]}
            for label, auc in one.told.class_aucs.items()
        },
    }


def pair_table(compared: ComparedPairs) -> FindingTable:
    """Returns the table of all pairs."""
    return FindingTable(
        "Told apart within the classes (AUC; .5 is guessing)",
        ("sets", "images", "AUC", "p, corrected"),
        tuple(
            (", ".join(one.pair.names), "{:,} + {:,}".format(*one.pair.sizes), one.told.auc, one.corrected)
            for one in compared.pairs
        ),
    )
