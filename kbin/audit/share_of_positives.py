"""Does a test set have another share of positives than training, by its labels, and by its images alone?"""

from collections.abc import Sequence
from typing import Any

from kbin.audit.class_shares import shares_compared
from kbin.audit.copy_groups import groups_with_data
from kbin.audit.findings import Check, Outcome, clean, found, not_applicable
from kbin.audit.inputs import AuditInputs
from kbin.audit.label_shift import shares_with_interval
from kbin.audit.set_shares import SetShares
from kbin.audit.share_words import (
    LEAST_TO_ESTIMATE,
    by_class,
    class_words,
    disagreement_words,
    estimate_words,
    labelled_words,
    next_step,
    percent,
    remarks,
    share_table,
    share_values,
)
from kbin.audit.unseen_scores import unseen_scores
from kbin.data.set_names import TRAIN
from kbin.evaluation.multiple import holm

_NUM_RESAMPLES = 200


def run(inputs: AuditInputs) -> Outcome:
    """Compares the shares of the classes of each test set with those of the training set."""
    tests = [one for one in inputs.test_sets if len(one)]
    if not tests or not len(inputs.train):
        return not_applicable("There is no test set to compare with the training set.")
    together = groups_with_data(inputs)
    num_classes = len(inputs.classes)
    compared = [
        shares_compared(inputs.train.labels, one.labels, (together[TRAIN], together[one.name]), num_classes)
        for one in tests
    ]
    corrected = holm([one.p_value for one in compared])
    scores = unseen_scores(inputs, together)
    shares = []
    for one, of, p in zip(tests, compared, corrected, strict=True):
        estimates = [
            shares_with_interval(
                by.known,
                by.labels,
                by.of_sets[one.name],
                0 if place else _NUM_RESAMPLES,
                (by.units, together[one.name]),
            )
            for place, by in enumerate(scores)
            if len(one) >= LEAST_TO_ESTIMATE
        ]
        by_model = {by.model: each.shares for by, each in zip(scores, estimates, strict=False)}
        shares.append(SetShares(one, of, 1.0 if p is None else p, estimates[0] if estimates else None, by_model))
    return _ended(inputs, shares, scores[0].model if scores else None)


def _ended(inputs: AuditInputs, shares: Sequence[SetShares], by: str | None) -> Outcome:
    shares = sorted(shares, key=lambda one: -one.distance)
    common: dict[str, Any] = {
        "values": {
            "train": by_class(inputs, shares[0].compared.first),
            "estimated_by": by,
            "sets": {one.of.name: share_values(inputs, one) for one in shares},
        },
        "tables": (share_table(inputs, shares),),
    }
    differing = [one for one in shares if one.is_found]
    disagreeing = [one for one in shares if one.disagreeing is not None]
    details = (*(disagreement_words(inputs, one) for one in disagreeing[:3]), *remarks(shares, by))
    if differing:
        worst = differing[0]
        more = len(differing) - 1
        return found(
            f"{labelled_words(inputs, worst)} {estimate_words(inputs, worst, worst.farthest)}"
            + (f" {more} more test {'set differs' if more == 1 else 'sets differ'}: see the table." if more else ""),
            details=details,
            next_step=next_step(inputs, worst),
            strength=min(1.0, worst.distance),
            **common,
        )
    if disagreeing:
        worst = disagreeing[0]
        return found(
            disagreement_words(inputs, worst),
            details=details[1:],
            next_step=(
                f"If drift-features finds '{worst.of.name}' to be of another kind, leave the estimate aside; if not, "
                f"check the labels of '{worst.of.name}', first those that label-noise suspects."
            ),
            severity="low",
            strength=0.1,
            **common,
        )
    nearest = shares[0]
    return clean(
        f"No test set has another share of the classes than training, beyond chance or by enough to matter: "
        f"{class_words(inputs, nearest.farthest)} {percent(nearest.compared.second[nearest.farthest])} of the "
        f"{len(nearest.of):,} images of '{nearest.of.name}' and {percent(nearest.compared.first[nearest.farthest])} "
        f"of the {len(inputs.train):,} training images.",
        details=details,
        **common,
    )


CHECK = Check("share-of-positives", "Another share of positives", "medium", run)
