"""The check `leak-premium`: what a linear head gains where copies and groups are on both sides of the split."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from kbin.audit.copy_groups import REGROUP, groups_with_data, numbered
from kbin.audit.findings import Check, FindingTable, Outcome, clean, found, not_applicable
from kbin.audit.inputs import AuditInputs
from kbin.audit.linear_scores import fold_numbers, out_of_fold_probabilities
from kbin.data.set_names import TRAIN
from kbin.data.wording import counted

_MOST_IMAGES = 4_000
_FEWEST_TIED = 20  # images with another of their group
_SMALLEST_SHARE_TIED = 0.02
_FEWEST_GROUPS = 10  # of a class, so that each of five folds has some
_NUM_FOLDS = 5
_RESAMPLES = 1_000
# Of few images the folds themselves are dealt with luck, so several deals are averaged.
_REPEATS = 5
_FEW_IMAGES = 1_000
_MATTERS = 0.01
_SEED = 0


@dataclass(frozen=True)
class LeakPremium:
    """ROC AUC out of fold; macro one-vs-rest for more than two classes.

    Attributes:
        plain: With folds that tear groups.
        grouped: With folds that keep them together.
        low: The lower end of the 95 % interval of the difference, by a bootstrap over groups.
        high: The upper end.
    """

    plain: float
    grouped: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """What the leak is worth."""
        return self.plain - self.grouped


def leak_premium(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int = _SEED) -> LeakPremium | None:
    """Returns what a logistic head gains where images of one group are trained on and tested on.

    Args:
        features: shape (n, num_features).
        labels: shape (n,), 0 to num_classes - 1, each with at least five images.
        groups: shape (n,).
        seed: Of the folds and the resamples.

    Returns:
        The premium, or None where whole groups leave a fold's training part without a class.
    """
    repeats = _REPEATS if len(labels) <= _FEW_IMAGES else 1
    partitions = [
        (
            fold_numbers(labels, num_folds=_NUM_FOLDS, seed=seed + repeat),
            fold_numbers(labels, groups, num_folds=_NUM_FOLDS, seed=seed + repeat),
        )
        for repeat in range(repeats)
    ]
    everything = len(np.unique(labels))
    for _, folds in partitions:
        if any(len(np.unique(labels[folds != fold])) < everything for fold in np.unique(folds)):
            return None
    plain = [out_of_fold_probabilities(features, labels, folds) for folds, _ in partitions]
    grouped = [out_of_fold_probabilities(features, labels, folds) for _, folds in partitions]
    members = numbered(groups)
    number = int(members.max()) + 1
    draws = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), _RESAMPLES)
    weights = np.concatenate([np.ones((1, len(labels)), np.int64), draws[:, members]])
    present = np.all([weights[:, labels == one].any(axis=1) for one in range(everything)], axis=0)
    weights = weights[present]
    aucs = [np.stack([_aucs(labels, one, weights) for one in kind]) for kind in (plain, grouped)]
    by_deal = aucs[0] - aucs[1]
    difference = float(by_deal[:, 0].mean())
    low, high = np.quantile(by_deal[:, 1:].mean(axis=0), [0.025, 0.975])
    # The resamples keep the folds, so the luck of the deals comes on top.
    luck = student_t.ppf(0.975, repeats - 1) * by_deal[:, 0].std(ddof=1) / np.sqrt(repeats) if repeats > 1 else 0.0
    return LeakPremium(
        float(aucs[0][:, 0].mean()),
        float(aucs[1][:, 0].mean()),
        float(difference - np.hypot(difference - low, luck)),
        float(difference + np.hypot(high - difference, luck)),
    )


def _aucs(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    columns = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    return np.mean([weighted_aucs(labels == one, probabilities[:, one], weights) for one in columns], axis=0)


def weighted_aucs(is_positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the ROC AUC for each of many weightings, of which scikit-learn takes one at a time.

    Args:
        is_positive: shape (n,), bool.
        scores: shape (n,).
        weights: shape (num_weightings, n), with some of either class in each.

    Returns:
        shape (num_weightings,).

    Source: Mann and Whitney, 1947: the share of pairs in which the positive has the higher score, ties as one half.
    """
    places = np.unique(scores, return_inverse=True)[1]
    aucs = []
    for one in weights:
        positive = np.bincount(places, one * is_positive)
        negative = np.bincount(places, one * ~is_positive)
        below = np.cumsum(negative) - negative / 2
        aucs.append(positive @ below / (positive.sum() * negative.sum()))
    return np.array(aucs)


def _judged(inputs: AuditInputs) -> Outcome:
    if not inputs.has_features:
        return not_applicable(inputs.why_no_features or "There are no features to learn from.")
    by_set = groups_with_data(inputs)
    labels, groups = inputs.pooled(lambda one: one.labels), np.concatenate([by_set[name] for name in inputs.sets])
    usable = _usable(labels, groups)
    chosen = _drawn(usable, groups)
    kept, labels_kept = np.unique(labels[chosen], return_inverse=True)
    if len(kept) < 2:
        return not_applicable(
            f"Fewer than two classes have {_FEWEST_GROUPS} groups or single images, so there is nothing to learn."
        )
    groups_kept = groups[chosen]
    tied = int((np.bincount(numbered(groups_kept))[numbered(groups_kept)] > 1).sum())
    if tied < max(_FEWEST_TIED, _SMALLEST_SHARE_TIED * len(chosen)):
        return not_applicable(
            f"{f'Only {tied}' if tied else 'None'} of {counted(len(chosen), 'image')} "
            f"{'has' if tied == 1 else 'have'} a copy or another image of their group; at least "
            f"{_FEWEST_TIED} and {_SMALLEST_SHARE_TIED:.0%} are needed to measure what that is worth."
        )
    premium = leak_premium(_features(inputs, chosen), labels_kept, groups_kept)
    if premium is None:
        return not_applicable("The groups are so large that whole ones leave a part of the folds without a class.")
    return _outcome(inputs, by_set, premium, (len(chosen), len(np.unique(groups_kept)), tied, len(kept)))


def _usable(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The positions of images whose class has enough groups."""
    pairs = np.unique(np.stack([labels, groups], axis=1), axis=0)
    classes, number = np.unique(pairs[:, 0], return_counts=True)
    return np.flatnonzero(np.isin(labels, classes[number >= _FEWEST_GROUPS]))


def _drawn(positions: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """All positions, or those of whole groups drawn until there are enough; of classes that still have enough."""
    if len(positions) <= _MOST_IMAGES:
        return positions
    members = numbered(groups[positions])
    sizes = np.bincount(members)
    taken, total = np.zeros(len(sizes), np.bool_), 0
    for group in np.random.default_rng(_SEED).permutation(len(sizes)).tolist():
        if total + sizes[group] <= _MOST_IMAGES:
            taken[group] = True
            total += int(sizes[group])
    return positions[taken[members]]


def _features(inputs: AuditInputs, positions: np.ndarray) -> np.ndarray:
    parts, start = [], 0
    for one in inputs.sets.values():
        inside = positions[(positions >= start) & (positions < start + len(one))] - start
        if one.features is not None:
            parts.append(np.asarray(one.features[inside], np.float32))
        start += len(one)
    return np.concatenate(parts)


def _outcome(
    inputs: AuditInputs, by_set: dict[str, np.ndarray], premium: LeakPremium, sizes: tuple[int, int, int, int]
) -> Outcome:
    images, groups, tied, classes = sizes
    others = [groups_there for name, groups_there in by_set.items() if name != TRAIN]
    torn = int(sum(np.isin(one, by_set[TRAIN]).sum() for one in others))
    interval = f"95% interval {premium.low:+.3f} to {premium.high:+.3f}"
    facts = f"{counted(images, 'image')} in {counted(groups, 'group')}"
    details = [
        f"{tied} of the images have a copy or another image of their group.",
        f"A logistic head on the features of {inputs.features_of or 'the backbone'}, all sets pooled, {_NUM_FOLDS} "
        "folds: once with images dealt singly, once with whole groups; the interval draws groups anew.",
        f"In this run {counted(torn, 'image')} outside train share a group with an image of train.",
    ]
    if images < len(inputs.set_of):
        details.append(
            f"Measured on {images:,} of {len(inputs.set_of):,} images: whole groups drawn with seed {_SEED} up to "
            f"{_MOST_IMAGES:,}, without classes of fewer than {_FEWEST_GROUPS} groups."
        )
    if classes > 2:
        details.append("The ROC AUC is the mean of each class against the rest.")
    more = {
        "details": tuple(details),
        "values": {
            "auc_plain": premium.plain,
            "auc_grouped": premium.grouped,
            "premium": premium.difference,
            "low": premium.low,
            "high": premium.high,
            "images": images,
            "groups": groups,
            "tied_images": tied,
            "torn_images": torn,
        },
        "tables": (
            FindingTable(
                "The same head on the same images, split in two ways",
                ("folds", "ROC AUC"),
                (("images dealt singly", premium.plain), ("whole groups", premium.grouped)),
            ),
        ),
    }
    if premium.low <= 0 or premium.difference < _MATTERS:
        return clean(
            f"Splitting copies and groups apart gains a linear head nothing that matters: ROC AUC "
            f"{premium.plain:.3f} with images dealt singly, {premium.grouped:.3f} with whole groups "
            f"({interval} of the difference; {facts}).",
            **more,
        )
    return found(
        f"A linear head reaches ROC AUC {premium.plain:.3f} where copies and groups are on both sides of the split, "
        f"but {premium.grouped:.3f} where they are kept together: {premium.difference:.3f} is only recognition of "
        f"known images ({interval}; {facts}).",
        next_step=REGROUP if torn else "Keep the split as it is: no group of it is on both sides of train.",
        strength=float(np.clip(premium.difference / max(premium.plain - 0.5, 0.01), 0, 1)),
        severity="high" if torn else "low",
        **more,
    )


CHECK = Check(
    code="leak-premium",
    title="What the leak is worth",
    severity="high",
    run=_judged,
    each_image_once=True,
)
