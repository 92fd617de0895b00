"""What checks of drift say and show: distances, chance and typical images, in plain words."""

from collections.abc import Sequence

import numpy as np

from kbin.audit.compared_pairs import ComparedPair, ComparedPairs
from kbin.audit.findings import ImageStrip, ShownImage
from kbin.audit.inputs import AuditInputs
from kbin.audit.set_pairs import MOST_OF_A_SIDE, SetPair
from kbin.data.set_names import TRAIN, VALIDATION

_SHOWN = 6  # images a strip
_MOST_PAIRS_SHOWN = 3


def times_of_100(auc: float) -> str:
    """Returns an AUC as a count: .874 is "87 times of 100"; what is not quite 1 is never 100."""
    if 0.995 <= auc < 1:
        return "more than 99 times of 100"
    return f"{round(100 * auc)} times of 100"


def by_chance(p_value: float, num_arrangements: int) -> str:
    """Returns a p-value as what random splits of the same images do."""
    times = round(p_value * (num_arrangements + 1)) - 1
    if times == 0:
        return f"none of {num_arrangements:,} random splits of the same images came as far"
    return f"{times:,} of {num_arrangements:,} random splits of the same images came as far"


def numbers_of(pair: SetPair) -> str:
    """Returns both numbers of images: "2,500 and 624 images"."""
    return "{:,} and {:,} images".format(*pair.sizes)


def pairs_in_words(num_more: int) -> str:
    """Returns what is said of further pairs, with a space in front; "" without any."""
    if not num_more:
        return ""
    return f" {num_more} more {'pair differs' if num_more == 1 else 'pairs differ'}: see the table."


def remarks(compared: ComparedPairs, inputs: AuditInputs) -> tuple[str, ...]:
    """Returns what to know of a comparison: images drawn, groups kept together, pairs and classes left out."""
    pairs = [one.pair for one in compared.pairs]
    said = ["Images are compared within each class, so another share of a class is no difference here."]
    if any(len(one) > MOST_OF_A_SIDE for one in inputs.sets.values()):
        said.append(f"Of a set with more images, {MOST_OF_A_SIDE:,} were drawn at random (fixed seed).")
    if any(len(np.unique(one.units)) < len(one.units) for one in pairs):
        said.append("Copies and images of one group stayed together in the folds and in the random splits.")
    left_out = [
        label
        for index, label in enumerate(inputs.classes)
        if any(index not in one.labels for one in pairs)
        and any((one.labels == index).any() for one in inputs.sets.values())
    ]
    if left_out:
        named = ", ".join(left_out[:5]) + (" and others" if len(left_out) > 5 else "")
        said.append(f"Classes with fewer than 5 images on one side are left out of that pair: {named}.")
    return (*said, *compared.not_compared[:3])


def next_step(names: tuple[str, str]) -> str:
    """Returns what to do about two sets of different images."""
    test = [one for one in names if one not in (TRAIN, VALIDATION)]
    if TRAIN in names and test:
        return (
            f"Look at the two strips for what differs, add labelled images of the kind of '{test[0]}' to the training "
            f"set (others than those tested), and until then report '{test[0]}' as a domain of its own."
        )
    if VALIDATION in names and test:
        return (
            f"Choose the threshold and the model on images of the kind of '{test[0]}': set some aside as the "
            f"validation set, because those of '{VALIDATION}' are of another kind."
        )
    if TRAIN in names and VALIDATION in names:
        return (
            f"Split '{TRAIN}' and '{VALIDATION}' anew, at random and by group, so that both are of one kind; "
            "what was chosen on the validation set was chosen on other images than those trained on."
        )
    return (
        f"Report '{names[0]}' and '{names[1]}' apart and never as one mean: they are images of different kinds, so "
        "a difference between their figures need not be the model's."
    )


def typical_strips(inputs: AuditInputs, pairs: Sequence[ComparedPair]) -> tuple[ImageStrip, ...]:
    """Returns the images most typical of each side of the first three pairs; one of those that belong together."""
    strips = []
    for pair, of in [(one.pair, one.told.scores) for one in pairs[:_MOST_PAIRS_SHOWN]]:
        for side, name in enumerate(pair.names):
            inside = np.flatnonzero(pair.is_second == side)
            order = inside[np.argsort(of[inside] if side == 0 else -of[inside], kind="stable")]
            first_of_unit = np.sort(np.unique(pair.units[order], return_index=True)[1])[:_SHOWN]
            shown = tuple(
                ShownImage(name, int(pair.places[one]), inputs.classes[pair.labels[one]])
                for one in order[first_of_unit]
            )
            strips.append(ImageStrip(f"Most typical of '{name}', against '{pair.names[1 - side]}'", shown))
    return tuple(strips)
