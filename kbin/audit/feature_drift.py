"""Are the images of two sets of different kinds, as a linear head on their features sees them?"""

from typing import Any

from kbin.audit.class_shares import shares_compared
from kbin.audit.compared_pairs import (
    MATTERS,
    ComparedPair,
    ComparedPairs,
    compared_pairs,
    most_telling,
    pair_table,
    pair_values,
)
from kbin.audit.drift_words import (
    by_chance,
    next_step,
    numbers_of,
    pairs_in_words,
    remarks,
    times_of_100,
    typical_strips,
)
from kbin.audit.findings import Check, Outcome, clean, found, not_applicable
from kbin.audit.inputs import AuditInputs
from kbin.audit.set_pairs import SetPair
from kbin.evaluation.multiple import holm

_LEVEL = 0.01  # of all pairs together, corrected
_CLASS_LEVEL = 0.05  # which classes a difference that was found concerns
_MIX_MATTERS = 0.03  # of the AUC that the mix of classes adds


def run(inputs: AuditInputs) -> Outcome:
    """Compares the sets' features; see `compared_pairs`."""
    if len(inputs.sets) < 2:
        return not_applicable("There is one set only, so there is nothing to compare it with.")
    if not inputs.has_features:
        return not_applicable(inputs.why_no_features or "The run stored no features of its images.")
    compared = compared_pairs(inputs, lambda pair: pair.values(inputs.reduced_features), _LEVEL)
    if not compared.pairs:
        return not_applicable(compared.not_compared[0])
    differing = most_telling([one for one in compared.pairs if one.is_found])
    common: dict[str, Any] = {
        "details": (*_details(inputs, differing, compared.pairs), *remarks(compared, inputs)),
        "values": {
            "num_arrangements": compared.num_arrangements,
            "pairs": [pair_values(inputs, one) for one in compared.pairs],
        },
        "tables": (pair_table(compared),),
    }
    if not differing:
        return clean(_clean_summary(compared.pairs[0]), **common)
    return found(
        _found_summary(differing, compared),
        next_step=next_step(differing[0].pair.names),
        strength=min(1.0, 2 * differing[0].told.auc - 1),
        strips=typical_strips(inputs, differing),
        **common,
    )


def _found_summary(differing: list[ComparedPair], compared: ComparedPairs) -> str:
    worst = differing[0]
    first, second = worst.pair.names
    return (
        f"'{first}' and '{second}' are images of different kinds: given one image of each, both of one class, a linear "
        f"head on the features tells which is which {times_of_100(worst.told.auc)} (50 is guessing; "
        f"{numbers_of(worst.pair)}; {by_chance(worst.told.p_value, compared.num_arrangements)})."
        f"{pairs_in_words(len(differing) - 1)}"
    )


def _clean_summary(nearest: ComparedPair) -> str:
    first, second = nearest.pair.names
    if nearest.corrected >= _LEVEL:
        why = "which chance explains"
    else:
        why = f"more than by chance, but too little to explain a fall (that takes {100 * MATTERS:.0f})"
    return (
        f"No two sets are images of different kinds: within the classes a linear head on the features tells them apart "
        f"{times_of_100(nearest.told.auc)} at most ('{first}' against '{second}', {numbers_of(nearest.pair)}; 50 is "
        f"guessing), {why}."
    )


def _details(inputs: AuditInputs, differing: list[ComparedPair], compared: tuple[ComparedPair, ...]) -> list[str]:
    said = []
    if differing:
        worst = differing[0]
        concerned = _concerned(worst)
        named = [f"{inputs.classes[one]} ({times_of_100(worst.told.class_aucs[one])})" for one in concerned[:5]]
        spared = [inputs.classes[one] for one in worst.told.class_aucs if one not in concerned]
        if named:
            others = f", not within {', '.join(spared[:5])}" if spared else ""
            said.append(
                f"'{worst.pair.names[0]}' and '{worst.pair.names[1]}' differ within {', '.join(named)}{others}."
            )
    mixed = [
        one
        for one in compared
        if one.told.auc_with_classes > one.told.auc + _MIX_MATTERS and _have_other_shares(one.pair, len(inputs.classes))
    ]
    for one in mixed[:2]:
        said.append(
            f"'{one.pair.names[0]}' and '{one.pair.names[1]}' have other shares of the classes; a head that may use "
            f"that tells them apart {times_of_100(one.told.auc_with_classes)}. That is not counted here."
        )
    return said


def _have_other_shares(pair: SetPair, num_classes: int) -> bool:
    first, second = ~pair.is_second, pair.is_second
    units = (pair.units[first], pair.units[second])
    shares = shares_compared(pair.labels[first], pair.labels[second], units, num_classes)
    return shares.does_matter and shares.p_value < _CLASS_LEVEL


def _concerned(one: ComparedPair) -> list[int]:
    """Returns the classes within which the sets differ, most so first."""
    corrected = holm(list(one.told.class_p_values.values()))
    classes = [
        label
        for label, p in zip(one.told.class_aucs, corrected, strict=True)
        if p is not None and p < _CLASS_LEVEL and one.told.class_aucs[label] > 0.5
    ]
    return sorted(classes, key=lambda label: -one.told.class_aucs[label])


CHECK = Check("drift-features", "Sets of different images", "medium", run)
