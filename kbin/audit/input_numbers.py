"""Check: do the numbers that enter the first convolution look like those that the backbone was trained on?"""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.audit.findings import Check, FindingTable, Outcome, Severity, clean, found, not_applicable
from kbin.audit.input_statistics import AS_THEY_ARE, BGR, INVERTED, InputStatistics, Reading
from kbin.audit.inputs import AuditInputs

_ORDER: tuple[Reading, ...] = ("constant", "rescaled", "inverted", "bgr", "grey", "usual")
_COLUMNS = ("model", "mean", "expected mean", "std", "expected std", "misfit", "misfit if inverted", "misfit if BGR")
_CANNOT_TELL = (
    "Inverted images and BGR for RGB are told only where they fit the network's statistics far better the other way "
    "round; that is rare, so look at the images."
)


@dataclass(frozen=True)
class _Words:
    severity: Severity
    strength: float
    next_step: str


_WORDS: dict[Reading, _Words] = {
    "constant": _Words("high", 1.0, "Look at the image files or arrays and at how they were written."),
    "rescaled": _Words(
        "high",
        1.0,
        "Write the images again as 0 to 255 (uint8), or as 0 to 65535 where they have 16 bits, and run again: kbin "
        "scales them by itself.",
    ),
    "inverted": _Words("medium", 0.5, "Look at some training images; if black and white are exchanged, invert them."),
    "bgr": _Words(
        "medium", 0.5, "Look at some training images; if red and blue are exchanged, write them again as RGB."
    ),
    "grey": _Words("low", 0.05, ""),
}


def _run(inputs: AuditInputs) -> Outcome:
    known = {}
    damaged = []
    for model_id, values in inputs.input_numbers.items():
        try:
            known[model_id] = InputStatistics.from_dict(values)
        except ValueError as error:
            damaged.append(f"The numbers of {model_id} cannot be read ({error}).")
    if not known:
        return not_applicable(" ".join(damaged) or "The run has not stored what entered the first convolution.")
    models = sorted(known, key=lambda model_id: _ORDER.index(known[model_id].reading))
    worst = known[models[0]]
    concerned = [model_id for model_id in models if known[model_id].reading == worst.reading]
    more = {
        "details": (*_details(known, worst.reading), *damaged),
        "values": {"models": {name: {"reading": one.reading, **one.as_dict()} for name, one in known.items()}},
        "tables": (_table(known),),
    }
    if worst.reading == "usual":
        return clean(_usual(worst), **more)
    words = _WORDS[worst.reading]
    return found(
        _summary(worst, concerned),
        next_step=words.next_step,
        severity=words.severity,
        strength=words.strength,
        **more,
    )


def _summary(one: InputStatistics, models: Sequence[str]) -> str:
    largest, number = max(one.raw_max), one.num_images
    where = f"({', '.join(models[:3])}{', ...' if len(models) > 3 else ''})"
    if one.reading == "constant":
        return f"{one.constant_share:.0%} of {number} training images are of one colour each {where}."
    if one.reading == "rescaled":
        return (
            f"The images use a sliver of their range, as if scaled down twice, or 8 or 12 bits were stored as 16: "
            f"{one.dark_share:.0%} of {number} training images are black to the eye, and the largest value of all is "
            f"{largest:.0f} of 255 {where}."
        )
    if one.reading == "grey":
        return (
            f"{one.grey_share:.0%} of {number} training images are grey: the three channels are equal, which the "
            f"backbones can take; their weights come from colour photographs {where}."
        )
    variant, says = (INVERTED, "inverted") if one.reading == "inverted" else (BGR, "BGR instead of RGB")
    return (
        f"The images may be {says}: the other way round, {number} training images fit the statistics of the network "
        f"better (misfit {one.discrepancies[variant]:.2f} instead of {one.discrepancies[AS_THEY_ARE]:.2f}) {where}."
    )


def _usual(one: InputStatistics) -> str:
    means = " / ".join(f"{value:.0f}" for value in one.raw_mean)
    return (
        f"What enters the first convolution is as it should be: {one.num_images} training images use values up to "
        f"{max(one.raw_max):.0f} of 255, with means of {means}."
    )


def _details(known: dict[str, InputStatistics], reading: Reading) -> tuple[str, ...]:
    reasons = [
        f"{name} has no reference: {one.why_no_reference}." for name, one in known.items() if one.why_no_reference
    ]
    compared = any(one.discrepancies for one in known.values()) and reading in ("usual", "grey")
    return (*reasons, *((_CANNOT_TELL,) if compared else ()))


def _table(known: dict[str, InputStatistics]) -> FindingTable:
    rows = tuple(
        (
            name,
            _channels(one.mean),
            _channels(one.expected_mean),
            _channels(one.std),
            _channels(one.expected_std),
            *(one.discrepancies.get(variant) for variant in (AS_THEY_ARE, INVERTED, BGR)),
        )
        for name, one in known.items()
    )
    return FindingTable("What enters the first convolution, by channel", _COLUMNS, rows)


def _channels(values: tuple[float, ...] | None) -> str | None:
    return None if values is None else " / ".join(f"{value:.3g}" for value in values)


CHECK = Check(
    code="input-numbers",
    title="The numbers that enter the first convolution",
    severity="high",
    run=_run,
)
