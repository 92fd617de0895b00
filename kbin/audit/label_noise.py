"""Labels that are probably wrong: images that a classifier is sure of, which are labelled otherwise."""

from typing import Any

import numpy as np

from kbin.audit.accuracy_moves import AccuracyMove, accuracy_moves
from kbin.audit.copy_groups import units
from kbin.audit.findings import Check, FindingTable, ImageStrip, Outcome, ShownImage, clean, found, not_applicable
from kbin.audit.held_together import classes_with
from kbin.audit.inputs import AuditInputs
from kbin.audit.judged_labels import JudgedLabels

_LEAST_UNITS_OF_CLASS = 10
_LEAST_UNITS = 100
# Found where the 99 % interval of the rate lies above: the 95 % one cries wolf on 1 in 10 hard, clean sets of 1,500.
_MATTERS = 0.005
_UNKNOWN = 0.03  # where it is not found and the interval reaches above this, nothing can be said
_SEVERE = 0.03  # where the interval lies above, every figure is off by as much
_MOST_LISTED = 1_000
_MOST_KINDS = 10  # of confusion, in the table
_MOST_SHOWN = 36  # images
_MOST_IN_STRIP = 12


def _run(inputs: AuditInputs) -> Outcome:
    if not inputs.has_features:
        return not_applicable(inputs.why_no_features or "The run stored no features of a frozen backbone.")
    unit_of = units(inputs)
    classes = classes_with(inputs.pooled(lambda one: one.labels), unit_of, _LEAST_UNITS_OF_CLASS)
    if len(classes) < 2:
        return not_applicable(
            f"Wrong labels are looked for where two classes or more have at least {_LEAST_UNITS_OF_CLASS} images that "
            f"are no copies of each other; here it is {_number(len(classes), 'class')}."
        )
    is_counted = np.isin(inputs.pooled(lambda one: one.labels), classes)
    num_units = len(np.unique(unit_of[is_counted]))
    if num_units < _LEAST_UNITS:
        return not_applicable(
            f"Wrong labels cannot be told from hard images with {num_units} independent images; "
            f"{_LEAST_UNITS} are needed."
        )
    labels = JudgedLabels(inputs, unit_of, classes)
    if labels.estimate.surely_above > _MATTERS:
        return _found(inputs, labels)
    return _not_found(inputs, labels)


def _found(inputs: AuditInputs, labels: JudgedLabels) -> Outcome:
    estimate, number = labels.estimate, len(labels.labels)
    is_suspect = labels.disagrees & (estimate.wrong > 0.5)
    if not is_suspect.any():
        is_suspect = labels.said.confident
    suspects = labels.ranked(is_suspect)
    expected_wrong = float(estimate.wrong[suspects].sum())
    low, high = estimate.interval
    moves = _moves(inputs, labels, suspects)
    best = max(moves, key=lambda move: move.relabelled - move.as_labelled, default=None)
    details = [
        _HOW,
        f"Of the {len(suspects):,} suspects, about {expected_wrong:.0f} are expected to be wrong and the others to be "
        "hard; wrong labels of images that are hard as well are not among them.",
        _LIMITS,
        *_left_out(inputs, labels),
    ]
    if best is not None and best.num_suspects:
        details.insert(
            2,
            f"If all {best.num_suspects} suspects of {best.set_name} were labelled as they look, the accuracy of "
            f"{best.model} there would be {best.relabelled:.3f} instead of {best.as_labelled:.3f}; this is the most "
            "that relabelling them can give.",
        )
    return found(
        f"About {estimate.rate:.1%} of the labels look wrong (interval {low:.1%} to {high:.1%}, n = {number:,}): a "
        "simple classifier on the features contradicts that many even among the images that it is surest of.",
        details=tuple(details),
        next_step=f"Look at the {len(suspects):,} suspects{_per_set(inputs, labels, suspects)} in the order given, "
        "correct the labels that are wrong, and leave the hard images as they are; begin with the test sets.",
        strength=min(1.0, max([estimate.rate, *(move.share_of_errors for move in moves)])),
        severity="high" if low > _SEVERE else "medium",
        # Further images that may be wrong as well come after the suspects.
        values=_values(inputs, labels, _and_further(labels, suspects)) | {"num_suspects": len(suspects)},
        tables=_tables(inputs, labels, suspects, moves),
        strips=_strips(inputs, labels, suspects, "Suspects of"),
    )


def _not_found(inputs: AuditInputs, labels: JudgedLabels) -> Outcome:
    low, high = labels.estimate.interval
    number, contradicted = len(labels.labels), labels.ranked(labels.said.confident)
    more: dict[str, Any] = {
        "details": (_HOW, _LIMITS, *_left_out(inputs, labels)),
        "values": _values(inputs, labels, contradicted),
        "tables": (_by_sureness(labels),),
        "strips": _strips(inputs, labels, contradicted, "Hard or wrong: most contradicted labels of"),
    }
    if high > _UNKNOWN:
        return Outcome(
            "not_applicable",
            "Wrong labels cannot be told from hard images here: a simple classifier on the features disagrees with "
            f"{labels.disagrees.mean():.0%} of the labels, and anything from {low:.1%} to {high:.1%} of wrong ones "
            f"would fit (n = {number:,}).",
            **more,
        )
    return clean(
        f"No sign of wrong labels beyond hard images: the estimated rate is {labels.estimate.rate:.1%} (interval "
        f"{low:.1%} to {high:.1%}, n = {number:,}).",
        **more,
    )


_HOW = (
    "A simple classifier, trained on the other images, contradicts hard images less and less the surer it is, but "
    "wrong labels as often among the images that it is surest of."
)
_LIMITS = (
    "The estimate takes wrong labels to be as frequent among easy images as among hard ones. A kind of image that "
    "looks like another class altogether counts as wrongly labelled."
)


def _and_further(labels: JudgedLabels, suspects: np.ndarray) -> np.ndarray:
    """Returns the suspects and the next most contradicted labels, twice as many as are expected to be wrong."""
    others = np.setdiff1d(labels.ranked(labels.disagrees), suspects, assume_unique=True)
    others = others[np.argsort(labels.said.normalised_margin[others], kind="stable")]
    most = int(np.ceil(2 * labels.estimate.rate * len(labels.labels)))
    return np.concatenate([suspects, others[: max(0, most - len(suspects))]])


def _left_out(inputs: AuditInputs, labels: JudgedLabels) -> list[str]:
    missing = len(inputs.set_of) - len(labels.labels)
    if not missing:
        return []
    return [f"{_number(missing, 'image')} of rare classes took no part (under {_LEAST_UNITS_OF_CLASS} of a class)."]


def _moves(inputs: AuditInputs, labels: JudgedLabels, suspects: np.ndarray) -> list[AccuracyMove]:
    is_suspect = np.zeros(len(inputs.set_of), bool)
    is_suspect[labels.positions[suspects]] = True
    looks_like = inputs.pooled(lambda one: one.labels).copy()
    looks_like[labels.positions] = labels.looks_like
    moves = []
    for one in inputs.test_sets:
        inside = inputs.set_of == one.name
        moves += accuracy_moves(one, len(inputs.classes), inputs.thresholds, is_suspect[inside], looks_like[inside])
    return moves


def _per_set(inputs: AuditInputs, labels: JudgedLabels, suspects: np.ndarray) -> str:
    sets = inputs.set_of[labels.positions[suspects]]
    counts = {name: int((sets == name).sum()) for name in inputs.sets}
    if len(counts) == 1:
        return ""
    return " (" + ", ".join(f"{count:,} of {name}" for name, count in counts.items() if count) + ")"


def _values(inputs: AuditInputs, labels: JudgedLabels, listed: np.ndarray) -> dict[str, Any]:
    entries = []
    for place in listed[:_MOST_LISTED]:
        set_name, index = inputs.place(int(labels.positions[place]))
        entries.append(
            {
                "set": set_name,
                "index": index,
                "sample_id": str(inputs.sets[set_name].sample_ids[index]),
                "label": inputs.classes[labels.labels[place]],
                "looks_like": inputs.classes[labels.looks_like[place]],
                "probability_of_label": round(float(labels.said.own[place]), 6),
                "probability_wrong": round(float(labels.estimate.wrong[place]), 6),
            }
        )
    return {
        "n": len(labels.labels),
        "num_units": labels.num_units,
        "rate": labels.estimate.rate,
        "rate_interval": list(labels.estimate.interval),
        "disagreeing": int(labels.disagrees.sum()),
        "confidently_contradicted": int(labels.said.confident.sum()),
        "rate_by_class": [
            {
                "looks_like": None if one.looks_like is None else inputs.classes[labels.classes[one.looks_like]],
                "n": one.n,
                "rate": one.rate,
                "interval": list(one.interval),
            }
            for one in labels.estimate.by_class
        ],
        "num_suspects": 0,
        "suspects": entries,
    }


def _tables(
    inputs: AuditInputs, labels: JudgedLabels, suspects: np.ndarray, moves: list[AccuracyMove]
) -> tuple[FindingTable, ...]:
    moved = FindingTable(
        "Accuracy if the suspects of the set are wrongly labelled",
        ("set", "model", "suspects", "as labelled", "suspects relabelled", "suspects removed"),
        tuple(
            (one.set_name, one.model, one.num_suspects, one.as_labelled, one.relabelled, one.removed) for one in moves
        ),
    )
    return (_by_sureness(labels), _kinds(inputs, labels, suspects), *([moved] if moves else []))


def _by_sureness(labels: JudgedLabels) -> FindingTable:
    fifths = np.array_split(np.argsort(labels.said.margins, kind="stable"), 5)
    names = ("least sure", "second", "third", "fourth", "surest")
    return FindingTable(
        "How often the classifier contradicts the label, by how sure it is",
        ("fifth of the images", "n", "labels contradicted"),
        tuple((name, len(one), float(labels.disagrees[one].mean())) for name, one in zip(names, fifths, strict=True)),
    )


def _kinds(inputs: AuditInputs, labels: JudgedLabels, suspects: np.ndarray) -> FindingTable:
    pairs, counts = np.unique(
        np.stack([labels.labels[suspects], labels.looks_like[suspects]], axis=1), axis=0, return_counts=True
    )
    rows = [
        (inputs.classes[given], inputs.classes[seen], int(count), int((labels.labels == given).sum()))
        for (given, seen), count in zip(pairs, counts, strict=True)
    ]
    return FindingTable(
        "What the suspects are labelled, and what they look like",
        ("labelled", "looks like", "suspects", "images so labelled"),
        tuple(sorted(rows, key=lambda row: -row[2])[:_MOST_KINDS]),
    )


def _strips(inputs: AuditInputs, labels: JudgedLabels, listed: np.ndarray, title: str) -> tuple[ImageStrip, ...]:
    sets = inputs.set_of[labels.positions[listed]]
    shown = [name for name in inputs.sets if (sets == name).any()][: _MOST_SHOWN // 2]
    strips = []
    for name in shown:
        most = min(_MOST_IN_STRIP, _MOST_SHOWN // len(shown))
        images = tuple(
            ShownImage(
                *inputs.place(int(labels.positions[place])),
                f"labelled {inputs.classes[labels.labels[place]]}, looks like "
                f"{inputs.classes[labels.looks_like[place]]} ({_short(labels.said.own[place])})",
            )
            for place in listed[sets == name][:most]
        )
        strips.append(ImageStrip(f"{title} {name}", images))
    return tuple(strips)


def _short(probability: float) -> str:
    return f"{probability:.2f}".removeprefix("0")


def _number(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


CHECK = Check("label-noise", "Labels that are probably wrong", "medium", _run)
