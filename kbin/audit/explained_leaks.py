"""What images of one origin in several sets say of a fall: figures that promised too much."""

from collections.abc import Mapping
from typing import Any

from kbin.audit.evidence import PREMIUM, Explanation, Situation, joined, part_of, plain_evidence, points
from kbin.audit.falls import Fall
from kbin.audit.findings import Finding
from kbin.data.set_names import TRAIN

_LEVEL = 0.01  # of the test that finds neighbouring frames alike


def explained_by_premium(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    """Returns what the leak premium says: it is measured in the units of the fall."""
    premium = finding.ended.values.get("premium")
    if not isinstance(premium, int | float):
        more = f"“{fall.reference_set}” promises too much by as much, and the fall is smaller than it looks."
        return Explanation(PREMIUM, joined(finding.ended.summary, more), plain_evidence(finding))
    share = fall.share(premium)
    more = (
        f"That is enough to explain the whole fall of {points(fall.size)}: “{fall.reference_set}” promised too much."
        if share >= 1
        else f"That explains {part_of(premium, fall)} at most: by so much “{fall.reference_set}” promised too much."
    )
    return Explanation(PREMIUM, joined(finding.ended.summary, more), share)


def explained_by_leak(finding: Finding, fall: Fall, situation: Situation) -> Explanation:
    """Returns what copies, groups and frames on both sides say; only those of the reference make a fall too large."""
    code, summary = finding.check.code, finding.ended.summary
    if PREMIUM in situation.clean:
        more = "They do not explain the fall: split without them, the same setting does as well."
        return Explanation(code, joined(summary, more), 0.0, explains=False)
    sets = _shared_with_training(finding.ended.values)
    premium = "; how much, the leak premium says." if PREMIUM in situation.found else "."
    too_good = f"“{fall.reference_set}” promises too much, and the fall is smaller than it looks{premium}"
    if sets is None:
        more = f"If “{fall.reference_set}” shares them with the training set, {too_good}"
    elif fall.reference_set in sets:
        more = f"By that {too_good}"
    elif fall.set_name in sets:
        more = (
            f"They make “{fall.set_name}” look better than it is; they do not explain the fall, which is larger still."
        )
        return Explanation(code, joined(summary, more), 0.0, explains=False)
    else:
        more = f"They do not explain the fall: “{fall.reference_set}” shares none with the training set."
        return Explanation(code, joined(summary, more), 0.0, explains=False)
    return Explanation(code, joined(summary, more), plain_evidence(finding))


def _shared_with_training(values: Mapping[str, Any]) -> set[str] | None:
    """Returns the sets that share images of one origin with the training set; None where that is not known."""
    if "pairs_of_sets" in values:
        pairs = [{one["first"], one["second"]} for one in values["pairs_of_sets"]]
        return {name for pair in pairs if TRAIN in pair for name in pair - {TRAIN}}
    if "in_train" in values:
        return {name for name, share in values["in_train"].items() if share > 0}
    if "sets" in values:
        return {one["set"] for one in values["sets"] if one.get("p_value", 0.0) < _LEVEL}
    return None
