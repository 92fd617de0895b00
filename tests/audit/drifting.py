"""Synthetic sets for the checks of drift: features and facts of two classes, and faults planted in them."""

import numpy as np

from kbin.audit.inputs import AuditedSet, AuditInputs
from tests.audit.audited import audit_inputs, audited_set

NUM_FEATURES = 12
SIZES = {"train": 240, "validation": 100, "test": 120}


def facts_of(labels: np.ndarray, rng: np.random.Generator, *, darker: float = 1.0) -> dict[str, np.ndarray]:
    """Returns facts; positives are brighter, so another mix of classes moves the brightness of a set."""
    number = len(labels)
    brightness = (rng.normal(130, 20, number) + 15 * labels) * darker
    return {
        "width": np.full(number, 64.0),
        "height": np.full(number, 64.0),
        "bytes": rng.integers(900, 1_100, number).astype(float),
        "format": np.full(number, "JPEG"),
        "jpeg_quality": np.full(number, 90.0),
        "brightness": brightness,
        "contrast": rng.normal(40, 6, number),
        "sharpness": rng.lognormal(2, 0.4, number),
    }


def drifting_set(
    name: str,
    rng: np.random.Generator,
    *,
    number: int = 100,
    share: float = 0.5,
    shift: float = 0.0,
    only_class: int | None = None,
    darker: float = 1.0,
    **more: object,
) -> AuditedSet:
    """Returns a set whose classes are 2 apart in the first feature, and whose third feature is shifted.

    Args:
        name: Of the set.
        rng: Draws everything.
        number: Of images.
        share: Of positives.
        shift: Of the third feature, in standard deviations.
        only_class: The class that is shifted; None for both.
        darker: What the brightness is multiplied with.
        more: See `audited_set`.
    """
    labels = (rng.permutation(number) < share * number).astype(np.int64)
    features = rng.normal(size=(number, NUM_FEATURES))
    features[:, 0] += 2 * labels
    features[:, 2] += shift * (np.ones(number) if only_class is None else labels == only_class)
    facts = facts_of(labels, rng, darker=darker)
    small = np.zeros((number, 1, 1, 3), np.uint8)
    return audited_set(name, labels, features=features, facts=facts, miniatures=small, **more)


def drifting_sets(seed: int, **test: object) -> AuditInputs:
    """Returns train, validation and test of one kind; `test` changes the test set, see `drifting_set`."""
    rng = np.random.default_rng(seed)
    given = {name: {"number": number} | (test if name == "test" else {}) for name, number in SIZES.items()}
    return audit_inputs(*(drifting_set(name, rng, **how) for name, how in given.items()))
