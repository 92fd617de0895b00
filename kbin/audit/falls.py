"""How far a test set falls short of another, in three parts, as the check "ranking-or-threshold" measured it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Any

from kbin.audit.findings import Finding

MEASURED_BY = "ranking-or-threshold"
# A fall counts where it is beyond noise by this much; less is not worth an explanation.
_TOLERATED = 0.02


@dataclass(frozen=True)
class Fall:
    """One model on one test set, against the set that it is measured by; all shares of the images.

    Attributes:
        model: Its id.
        set_name: The test set.
        reference_set: The set that it is compared with.
        reference_accuracy: Accuracy there.
        accuracy: Accuracy on the test set.
        threshold_part: Of the fall: what another threshold would give back.
        share_part: Of the fall: what another share of the classes takes.
        ranking_part: Of the fall: what is lost because the images are ordered worse. None where it is not known, as
            are the parts before it; with more than two classes it cannot be told from the threshold.
        rest_part: Of the fall: all but the share of the classes.
        best_accuracy: On the test set, with a threshold that fits it; None where it is not known.
        majority_accuracy: Of always answering the test set's most frequent class; None where it is not known.
        reference_auc: ROC AUC on the reference set; None where it is undefined.
        auc: ROC AUC on the test set; None where it is undefined.
        interval: 95% interval of the fall; None where it is not known.
        within_noise: Whether other images of the same kind could make the fall, or there is none.
    """

    model: str
    set_name: str
    reference_set: str
    reference_accuracy: float
    accuracy: float
    threshold_part: float | None = None
    share_part: float | None = None
    ranking_part: float | None = None
    rest_part: float | None = None
    best_accuracy: float | None = None
    majority_accuracy: float | None = None
    reference_auc: float | None = None
    auc: float | None = None
    interval: tuple[float, float] | None = None
    within_noise: bool = False

    @property
    def size(self) -> float:
        """The fall in accuracy; negative where the test set does better."""
        return self.reference_accuracy - self.accuracy

    @property
    def lost(self) -> float | None:
        """What neither threshold nor shares explain, as far as it can be told; None where nothing is known."""
        return self.rest_part if self.ranking_part is None else self.ranking_part

    def share(self, part: float | None) -> float:
        """Returns what share of the fall a part of it is, 0 to 1; 0 where it is not known."""
        return 0.0 if part is None or self.size <= 0 else min(1.0, max(0.0, part / self.size))


def measured_falls(findings: Sequence[Finding]) -> list[Fall]:
    """Returns the falls of all models and test sets; none where they were not measured."""
    return [
        fall
        for finding in findings
        if finding.check.code == MEASURED_BY
        for entry in finding.ended.values.get("falls") or ()
        if (fall := _read(entry, finding)) is not None
    ]


def fall_in_question(falls: Sequence[Fall]) -> Fall | None:
    """Returns the fall that asks for an explanation most; None where no set was compared.

    That is the set on which the models lose most in the mean, and there the model that does best on the reference: the
    one that a person would take. Falls beyond noise go before all others.
    """
    beyond = [fall for fall in falls if not fall.within_noise] or list(falls)
    if not beyond:
        return None
    names = dict.fromkeys(fall.set_name for fall in beyond)
    worst = max(names, key=lambda name: fmean(fall.size for fall in beyond if fall.set_name == name))
    return max((fall for fall in beyond if fall.set_name == worst), key=lambda fall: fall.reference_accuracy)


def _read(entry: Mapping[str, Any], finding: Finding) -> Fall | None:
    """Returns a fall; None where its accuracies are not known."""
    reference, accuracy = _number(entry.get("reference_accuracy")), _number(entry.get("accuracy"))
    if reference is None or accuracy is None:
        return None
    ends = [_number(end) for end in (entry.get("intervals") or {}).get("fall") or ()]
    interval = (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None
    certain = reference - accuracy if interval is None else interval[0]
    return Fall(
        model=str(entry["model"]),
        set_name=str(entry["set"]),
        reference_set=str(finding.ended.values["reference"]),
        reference_accuracy=reference,
        accuracy=accuracy,
        threshold_part=_number(entry.get("threshold")),
        share_part=_number(entry.get("share")),
        ranking_part=_number(entry.get("ranking")),
        rest_part=_number(entry.get("rest")),
        best_accuracy=_number(entry.get("best_accuracy")),
        majority_accuracy=_number(entry.get("majority_accuracy")),
        reference_auc=_number(entry.get("reference_auc")),
        auc=_number(entry.get("auc")),
        interval=interval,
        # The check that measured it knows best, for it counts how many were compared.
        within_noise=finding.ended.outcome == "clean" or certain <= _TOLERATED,
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None
