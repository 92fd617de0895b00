"""All checks, in the order in which they are made."""

from kbin.audit import (
    exact_copies,
    feature_drift,
    input_numbers,
    label_noise,
    leak_premium,
    near_copies,
    neighbouring_frames,
    property_drift,
    ranking_or_threshold,
    share_of_positives,
    shortcuts,
    split_groups,
    swapped_colours,
)
from kbin.audit.findings import Check

# Those that find what belongs together come first: the folds of the others keep copies on one side.
CHECKS: tuple[Check, ...] = (
    exact_copies.CHECK,
    near_copies.CHECK,
    split_groups.CHECK,
    neighbouring_frames.CHECK,
    leak_premium.CHECK,
    input_numbers.CHECK,
    swapped_colours.CHECK,
    ranking_or_threshold.CHECK,
    share_of_positives.CHECK,
    feature_drift.CHECK,
    property_drift.CHECK,
    label_noise.CHECK,
    shortcuts.CHECK,
)
