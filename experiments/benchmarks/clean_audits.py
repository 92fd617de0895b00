"""How often does an audit find something in data that has nothing wrong with it?

A run is made up: two classes, Gaussian features of 64 numbers whose classes lie three standard deviations apart, split
at random into training, validation and test; random textures as miniatures; properties of files that know nothing of
class or set; and scores of one model with three seeds that come from the same features. All checks are made on each of
the seeds. What cannot be made on such data (no groups, no numbered names) is not applicable, and found nothing.

Run: python -m experiments.benchmarks.clean_audits [--json] [--seeds 40] [--images 1200]

Printed here with 40 seeds: no check found anything in any of them; four of the thirteen were not applicable.
"""

from collections import Counter
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from experiments.benchmarks.measuring import arguments, show
from kbin.audit.checks import CHECKS
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.auditing.running import make_checks
from kbin.data.image_measures import FACTS, MINIATURE
from kbin.progress import Progress

_FEATURES, _APART = 64, 3.0
_SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def main() -> None:
    """Audits clean data, and prints how each check ended."""
    options = arguments(__doc__, seeds=40, images=1200)
    ended: dict[str, Counter[str]] = {check.code: Counter() for check in CHECKS}
    with_findings = 0
    for seed in range(options.seeds):
        findings, _ = make_checks(CHECKS, _clean_inputs(options.images, seed), Progress())
        for one in findings:
            ended[one.check.code][one.ended.outcome] += 1
        with_findings += any(one.ended.outcome == "found" for one in findings)
    rows: list[dict[str, Any]] = [
        {"check": code, "found": counts["found"], "clean": counts["clean"], "not applicable": counts["not_applicable"]}
        for code, counts in ended.items()
    ]
    rows.append({"check": "any", "found": with_findings, "clean": options.seeds - with_findings, "not applicable": 0})
    show(rows, options.json)


def _clean_inputs(num_images: int, seed: int) -> AuditInputs:
    rng = np.random.default_rng(seed)
    sets = {}
    for name, share in _SHARES.items():
        number = round(num_images * share)
        labels = np.arange(number) % 2
        features = rng.normal(size=(number, _FEATURES))
        features[:, 0] += _APART * labels
        logits = _APART * (features[:, 0] - _APART / 2)
        ids = np.array([f"{name}/{''.join(rng.choice(list('abcdefgh'), 12))}.png" for _ in range(number)])
        facts: dict[str, np.ndarray] = {one: rng.normal(100, 20, number) for one in FACTS}
        facts |= {"format": np.full(number, "PNG"), "mode": np.full(number, "RGB"), "maker": np.full(number, "")}
        sets[name] = AuditedSet(
            name=name,
            sample_ids=ids,
            paths=ids,
            labels=labels,
            content_hashes=ids,
            pixel_hashes=ids,
            miniatures=_textures(number, rng),
            facts=facts,
            features=features.astype(np.float32),
            probabilities={"model": 1 / (1 + np.exp(-logits - rng.normal(0, 0.3, (3, number))))},
        )
    return AuditInputs(("cat", "dog"), sets, thresholds={"model": np.full(3, 0.5)}, features_of="model")


def _textures(number: int, rng: np.random.Generator) -> np.ndarray:
    smooth = gaussian_filter(rng.normal(size=(number, MINIATURE, MINIATURE, 3)), (0, 2, 2, 0))
    return np.asarray((128 + 45 * smooth / smooth.std()).clip(0, 255), np.uint8)


if __name__ == "__main__":
    main()
