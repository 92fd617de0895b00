"""Do two sets differ in plain properties: size, format, brightness, contrast, colour, sharpness?"""

from typing import Any

from kbin.audit.compared_pairs import ComparedPair, compared_pairs, most_telling, pair_table, pair_values
from kbin.audit.drift_words import (
    by_chance,
    next_step,
    numbers_of,
    pairs_in_words,
    remarks,
    times_of_100,
    typical_strips,
)
from kbin.audit.findings import Check, FindingTable, Outcome, clean, found, not_applicable
from kbin.audit.image_properties import ImageProperty, image_properties, property_matrix
from kbin.audit.inputs import AuditInputs
from kbin.audit.property_words import difference_in_words, property_name
from kbin.audit.set_pairs import SetPair
from kbin.audit.told_properties import ToldProperty, told_properties

_LEVEL = 0.01  # of the head on all properties, and once more of the properties one by one
_NAMED = 3  # properties in the summary
_LISTED = 15  # in the table
_MUCH_MORE = 0.05  # of the AUC by which a colour must differ more than the brightness to be named beside it


def run(inputs: AuditInputs) -> Outcome:
    """Compares the sets' properties together and one by one; see `compared_pairs`."""
    if len(inputs.sets) < 2:
        return not_applicable("There is one set only, so there is nothing to compare it with.")
    names = [name for name in inputs.train.facts if all(name in one.facts for one in inputs.sets.values())]
    if not names:
        return not_applicable("No properties of the images were measured.")

    def properties_of(pair: SetPair) -> list[ImageProperty]:
        return image_properties(
            {name: pair.values({one: of.facts[name] for one, of in inputs.sets.items()}) for name in names}
        )

    compared = compared_pairs(inputs, lambda pair: property_matrix(properties_of(pair), len(pair.labels)), _LEVEL)
    if not compared.pairs:
        return not_applicable(compared.not_compared[0])
    told = {
        one.pair.names: told_properties(
            one.pair, properties_of(one.pair), compared.num_arrangements, len(compared.pairs), _LEVEL
        )
        for one in compared.pairs
    }
    differing = most_telling([one for one in compared.pairs if one.is_found or told[one.pair.names]])
    listed = [one for pair in differing for one in told[pair.pair.names]]
    common: dict[str, Any] = {
        "details": (
            *remarks(compared, inputs),
            "Medians and shares are means of those within the classes, which weigh alike on both sides.",
        ),
        "values": {
            "num_arrangements": compared.num_arrangements,
            "pairs": [pair_values(inputs, one) | {"is_found": one in differing} for one in compared.pairs],
            "properties": [_values(one) for one in listed],
        },
    }
    if not differing:
        return clean(_clean_summary(compared.pairs[0]), tables=(pair_table(compared),), **common)
    worst = differing[0]
    return found(
        _summary(worst, told[worst.pair.names], compared.num_arrangements) + pairs_in_words(len(differing) - 1),
        next_step=next_step(worst.pair.names),
        strength=min(1.0, max([2 * worst.told.auc - 1, *(2 * one.distance for one in told[worst.pair.names])])),
        tables=(*([_table(listed)] if listed else []), pair_table(compared)),
        strips=typical_strips(inputs, differing),
        **common,
    )


def _summary(worst: ComparedPair, told: list[ToldProperty], num_arrangements: int) -> str:
    first, second = worst.pair.names
    together = (
        f"a linear head on all properties tells two images of one class apart {times_of_100(worst.told.auc)} (50 is "
        f"guessing; {numbers_of(worst.pair)}; {by_chance(worst.told.p_value, num_arrangements)})"
    )
    if not told:
        return f"'{second}' and '{first}' differ in plain properties, though in no single one by much: {together}."
    differences = [difference_in_words(one.of, one.auc > 0.5, *one.medians) for one in _named(told)]
    *others, last = differences
    words = f"{', '.join(others)} and {last}" if others else last
    return f"The images of '{second}' are {words} than those of '{first}': {together}."


def _named(told: list[ToldProperty]) -> list[ToldProperty]:
    """Returns the first properties without those that say the same again: colours beside the brightness."""
    brightness = max([one.distance for one in told if one.of.name == "brightness"], default=None)
    named: list[ToldProperty] = []
    for one in told:
        is_colour = one.of.name in ("red", "green", "blue")
        if is_colour and brightness is not None and one.distance < brightness + _MUCH_MORE:
            continue
        # Of a category, one value: the others are its mirror.
        if one.of.level is not None and any(other.of.name == one.of.name for other in named):
            continue
        named.append(one)
    return named[:_NAMED]


def _clean_summary(nearest: ComparedPair) -> str:
    first, second = nearest.pair.names
    return (
        "No two sets differ in plain properties by more than chance or by enough to matter: within the classes a "
        f"linear head on size, format, brightness, contrast, colour and sharpness tells them apart "
        f"{times_of_100(nearest.told.auc)} at most ('{first}' against '{second}', {numbers_of(nearest.pair)}; 50 is "
        "guessing)."
    )


def _values(one: ToldProperty) -> dict[str, Any]:
    return {
        "first": one.pair.names[0],
        "second": one.pair.names[1],
        "property": one.of.name,
        "level": one.of.level,
        "auc": one.auc,
        "corrected_p_value": one.corrected,
        "median_first": one.medians[0],
        "median_second": one.medians[1],
    }


def _table(told: list[ToldProperty]) -> FindingTable:
    return FindingTable(
        "Properties that tell sets apart (AUC within the classes; median, or share of the images)",
        ("property", "first set", "median", "second set", "median", "AUC"),
        tuple(
            (property_name(one.of), one.pair.names[0], one.medians[0], one.pair.names[1], one.medians[1], one.auc)
            for one in told[:_LISTED]
        ),
    )


CHECK = Check("drift-properties", "Sets of other size, light, colour or format", "medium", run)
