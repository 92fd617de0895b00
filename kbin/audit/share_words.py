"""What the check of the shares of the classes says."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kbin.audit.findings import FindingTable
from kbin.audit.inputs import AuditInputs
from kbin.audit.set_shares import SetShares
from kbin.audit.unseen_scores import HEAD

LEAST_TO_ESTIMATE = 20  # images
_MOST_CLASSES = 20  # in the table


def class_words(inputs: AuditInputs, label: int) -> str:
    """Returns a class as the subject of a share: "'tumour' is"."""
    return f"'{inputs.classes[label]}' is"


def labelled_words(inputs: AuditInputs, one: SetShares) -> str:
    """Returns the labelled shares of the class that differs most, beside those of training."""
    label, compared = one.farthest, one.compared
    return (
        f"{class_words(inputs, label)} {percent(compared.second[label])} of the {len(one.of):,} images of "
        f"'{one.of.name}' by their labels, but {percent(compared.first[label])} of the {len(inputs.train):,} training "
        f"images; chance alone makes such a difference in {_rarely(one.compared.p_value)}."
    )


def estimate_words(inputs: AuditInputs, one: SetShares, label: int) -> str:
    """Returns what the images alone say of a class, as a sentence."""
    if one.estimated is None:
        return "Without labels the share could not be estimated here."
    estimated = one.estimated
    return (
        f"Estimated from the images without labels it is {percent(estimated.shares[label])} "
        f"({percent(estimated.low[label])} to {percent(estimated.high[label])})."
    )


def disagreement_words(inputs: AuditInputs, one: SetShares) -> str:
    """Returns how labels and images disagree about a share, as a sentence; "" where they do not."""
    label = one.disagreeing
    if label is None or one.estimated is None:
        return ""
    return (
        f"{class_words(inputs, label)} {percent(one.compared.second[label])} of the {len(one.of):,} images of "
        f"'{one.of.name}' by their labels, but {percent(one.estimated.shares[label])} "
        f"({percent(one.estimated.low[label])} to {percent(one.estimated.high[label])}) by what the images look "
        "like: more has changed than the share (another kind of images), or labels are wrong."
    )


def remarks(shares: Sequence[SetShares], by: str | None) -> list[str]:
    """Returns what to know of the estimates."""
    if by is None:
        return [
            "No share was estimated without labels: that needs 10 validation images of each class with predictions of "
            "a model, or 10 training images of each class with features."
        ]
    said = []
    num_models = max(len(one.by_model) for one in shares)
    if num_models:
        best = f" (the best of {num_models} on labelled images that they were not trained on)" if num_models > 1 else ""
        said.append(
            f"The estimate is by {'a ' if by == HEAD else ''}{by}{best}, with a 95% interval from resampled images. It "
            "holds where each class looks as in training; where drift-features finds another kind of images, it need "
            "not."
        )
    small = [f"'{one.of.name}'" for one in shares if one.estimated is None]
    if small:
        said.append(f"Too small for an estimate (fewer than {LEAST_TO_ESTIMATE} images): {', '.join(small[:5])}.")
    return said


def next_step(inputs: AuditInputs, one: SetShares) -> str:
    """Returns what to do about another share."""
    name, label = one.of.name, one.farthest
    share = one.compared.second[label]
    shares = f"{percent(share)} '{inputs.classes[label]}'"
    if inputs.positive is None:
        return (
            f"Decide which shares the model will meet in use; compare models on '{name}' by macro-averaged figures or "
            f"AUC, which the shares do not move, and expect accuracy to change with them ({shares} here)."
        )
    if share in (0, 1):  # no ROC AUC, and sensitivity or specificity is missing
        return (
            f"Add images of '{inputs.classes[0 if share else 1]}' to '{name}', or give what it holds to a set of both "
            f"classes: with {shares} it says how often one class is recognised, and nothing of telling the two apart."
        )
    return (
        f"Decide which share the model will meet in use: if it is that of '{name}' ({shares}), choose the threshold on "
        f"validation images with that share; until then compare '{name}' with other sets by ROC AUC, sensitivity and "
        "specificity, which the share does not move, not by accuracy, precision or F1."
    )


def percent(share: float) -> str:
    """Returns a share as a percentage, finer near 0 and 1."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{share:.1%}" if share < 0.1 or share > 0.9 else f"{share:.0%}"


def _rarely(p: float) -> str:
    return "less than 1 of 1,000 random splits" if p < 0.001 else f"{100 * p:.1f} of 100 random splits"


def by_class(inputs: AuditInputs, shares: np.ndarray) -> dict[str, float]:
    """Returns shares by class name."""
    return {name: float(share) for name, share in zip(inputs.classes, shares, strict=True)}


def share_values(inputs: AuditInputs, one: SetShares) -> dict[str, Any]:
    """Returns a set's numbers for programs."""
    estimated = one.estimated
    return {
        "num_images": len(one.of),
        "labelled": by_class(inputs, one.compared.second),
        "p_value": one.compared.p_value,
        "corrected_p_value": one.corrected,
        "does_matter": one.compared.does_matter,
        "is_found": one.is_found,
        "estimated": None if estimated is None else by_class(inputs, estimated.shares),
        "low": None if estimated is None else by_class(inputs, estimated.low),
        "high": None if estimated is None else by_class(inputs, estimated.high),
        "disagrees": one.disagreeing is not None,
        "by_model": {model: by_class(inputs, shares) for model, shares in one.by_model.items()},
    }


def share_table(inputs: AuditInputs, shares: Sequence[SetShares]) -> FindingTable:
    """Returns the table of all test sets; of two classes the positive one."""
    classes = [1] if inputs.positive is not None else range(min(len(inputs.classes), _MOST_CLASSES))
    return FindingTable(
        "Share of each class" if inputs.positive is None else f"Share of '{inputs.positive}'",
        ("set", "class", "images", "in training", "labelled", "estimated", "from", "to"),
        tuple(
            (one.of.name, inputs.classes[label], len(one.of))
            + (float(one.compared.first[label]), float(one.compared.second[label]))
            + (
                (None, None, None)
                if one.estimated is None
                else tuple(float(of[label]) for of in (one.estimated.shares, one.estimated.low, one.estimated.high))
            )
            for one in shares
            for label in classes
        ),
    )
