"""What sets of different images say of a fall: a worse ranking, and a threshold that no longer fits."""

from kbin.audit.evidence import (
    DRIFTS,
    NOT_STRONG,
    NOTABLE,
    Explanation,
    Situation,
    areas,
    joined,
    part_of,
    plain_evidence,
)
from kbin.audit.falls import Fall
from kbin.audit.findings import Finding


def explained_by_drift(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    """Returns what drift says: images of another kind are ranked worse, and move scores across the threshold."""
    code, summary = finding.check.code, finding.ended.summary
    strength = _strength(finding, fall)
    if strength is None:
        more = f"That does not explain the fall: no difference was found between “{fall.set_name}” and the others."
        return Explanation(code, joined(summary, more), 0.0, explains=False)
    if fall.lost is None:
        more = "It can explain a fall; its parts are not known."
        return Explanation(code, joined(summary, more), min(NOT_STRONG, plain_evidence(finding)))
    # Sets that a classifier hardly tells apart do not explain a great loss.
    trust = min(1.0, 2 * strength)
    where, lost = f" ({areas(fall)})" if areas(fall) else "", max(0.0, fall.lost)
    threshold = max(0.0, fall.threshold_part or 0.0)
    moves_threshold = fall.share(threshold) >= NOTABLE
    if fall.share(lost) < NOTABLE:
        kept = "the images are ranked about as well" if fall.ranking_part is not None else "little is lost but shares"
        more = f"It does not explain a worse ranking, for {kept}{where}"
        more += f"; at most, why the threshold no longer fits, {part_of(threshold, fall)}." if moves_threshold else "."
        evidence = 0.5 * fall.share(threshold) * trust
        return Explanation(code, joined(summary, more), evidence, explains=moves_threshold)
    cover = fall.share(lost + threshold) * trust
    if code != DRIFTS[0] and DRIFTS[0] in situation.found:
        more = "That is how the sets differ, or a part of it, and explains no more of the fall than that they do."
        return Explanation(code, joined(summary, more), min(NOT_STRONG, cover))
    verb = "is enough to explain" if trust >= 1 else "explains some of"
    what = "the worse ranking" if fall.ranking_part is not None else "what is lost beyond the shares of the classes"
    more = f"That {verb} {what}{where}, {part_of(lost, fall)}"
    more += f", and why the threshold no longer fits, {100 * threshold:.1f} more." if moves_threshold else "."
    return Explanation(code, joined(summary, more), cover)


def _strength(finding: Finding, fall: Fall) -> float | None:
    """Returns how well the fallen set is told from others, 0 to 1; None where it was compared and is not."""
    pairs = finding.ended.values.get("pairs")
    if not isinstance(pairs, list):
        return max(0.0, finding.ended.strength)
    concerned = [one for one in pairs if one["is_found"] and fall.set_name in (one["first"], one["second"])]
    if not concerned:
        return None
    # A single property can tell more than all together do.
    of_all = [one for one in pairs if one["is_found"]]
    own = max(2 * one["auc"] - 1 for one in concerned)
    return max(own, finding.ended.strength if len(of_all) == len(concerned) else 0.0)
