"""The one fact of files that tells a class best from the others, and how, in words."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from kbin.audit.inputs import AuditedSet
from kbin.audit.plain_views import fact_codes

_FEW_VALUES = 12  # up to which values are named; of more, the medians
_NAMES = {"jpeg_quality": "JPEG quality", "bytes": "bytes of the file"}


@dataclass(frozen=True)
class TellingFact:
    """The best one.

    Attributes:
        name: Of the fact.
        class_index: The class that it tells from the others.
        auc: Of the fact alone on the set, with the direction or the shares of the training set.
        how: "format: PNG for 100% of dog, JPEG for 98% of cat".
    """

    name: str
    class_index: int
    auc: float
    how: str


def telling_fact(train: AuditedSet, one: AuditedSet, names: tuple[str, ...], classes: tuple[str, ...]) -> TellingFact:
    """Returns the fact with the highest ROC AUC on a set.

    Args:
        train: The training set, from which the direction of a fact is learned.
        one: The set, with at least two classes.
        names: The facts.
        classes: Class names; of two, the second is told from the first.
    """
    told = [len(classes) - 1] if len(classes) == 2 else [int(c) for c in np.unique(one.labels)]
    return max((_fact(train, one, name, c, classes) for name in names for c in told), key=lambda fact: fact.auc)


def _fact(train: AuditedSet, one: AuditedSet, name: str, told: int, classes: tuple[str, ...]) -> TellingFact:
    # An unknown value is one of its own.
    learned, values = (np.nan_to_num(fact_codes(each.facts, name, len(each)), nan=-1.0) for each in (train, one))
    inside_train, inside = train.labels == told, one.labels == told
    known, places = np.unique(learned, return_inverse=True)
    if len(known) <= _FEW_VALUES:
        shares = np.bincount(places, weights=inside_train) / np.bincount(places)
        nearest = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
        scores = np.where(known[nearest] == values, shares[nearest], inside_train.mean())
    else:
        rises = np.median(learned[inside_train]) >= np.median(learned[~inside_train])
        scores = values if rises else -values
    others = classes[1 - told] if len(classes) == 2 else "the others"
    how = _by_values if len(known) <= _FEW_VALUES else _by_medians
    text = f"{_NAMES.get(name, name)}: {how(one, name, inside, classes[told], others)}"
    return TellingFact(name, told, float(roc_auc_score(inside, scores)), text)


def _by_values(one: AuditedSet, name: str, inside: np.ndarray, told: str, others: str) -> str:
    raw = one.facts.get(name, np.full(len(one), np.nan))
    texts = raw if raw.dtype.kind != "f" else np.array(["unknown" if np.isnan(x) else f"{x:g}" for x in raw])
    known = np.unique(texts)
    more = [float((texts[inside] == text).mean() - (texts[~inside] == text).mean()) for text in known]
    own, other = known[int(np.argmax(more))], known[int(np.argmin(more))]
    return (
        f"{own or 'unknown'} for {(texts[inside] == own).mean():.0%} of {told}, "
        f"{other or 'unknown'} for {(texts[~inside] == other).mean():.0%} of {others}"
    )


def _by_medians(one: AuditedSet, name: str, inside: np.ndarray, told: str, others: str) -> str:
    values = np.nan_to_num(one.facts[name], nan=0.0)
    return f"median {np.median(values[inside]):,.4g} for {told}, {np.median(values[~inside]):,.4g} for {others}"
