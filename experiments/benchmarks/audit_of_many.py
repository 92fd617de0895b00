"""How long does an audit of 100,000 feature vectors take, and how much memory?

The sets of a run are made up: features of 1,280 numbers with 64 directions that matter and two classes, miniatures of
smooth random colours, properties of files, probabilities of two models with three seeds each. One image in 200 is a
mirrored copy of another; the test set is somewhat darker, one label in 50 wrong. All checks are made, one after the
other, in this process. What counts is anonymous memory (`RssAnon`), the inputs among it: they are there before.

Run: python -m experiments.benchmarks.audit_of_many [--json] [--images 100000]

Measured once, 100,000 images, two cores: 202 s in all, of which near copies 153, the share of positives 13, shortcuts
13, drift 8 and 8; at most 2.97 GiB of anonymous memory, 1.30 of it the inputs.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.measuring import arguments, show
from kbin.audit.checks import CHECKS
from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.auditing.running import make_checks
from kbin.data.image_measures import FACTS, MINIATURE
from kbin.progress import Progress

_FEATURES, _DIRECTIONS = 1280, 64
_SHARES = {"train": 0.6, "validation": 0.1, "test": 0.2, "elsewhere": 0.1}
_SECONDS_BETWEEN_SAMPLES = 0.1


class _Timed(Progress):
    """Notes what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Notes a line, and shows that something happens."""
        self.lines.append(text)
        print(text, file=sys.stderr, flush=True)


class _Memory(threading.Thread):
    """The largest anonymous memory of this process while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes, self._ended = 0, threading.Event()

    def run(self) -> None:
        """Samples until it is ended."""
        while not self._ended.wait(_SECONDS_BETWEEN_SAMPLES):
            self.peak_bytes = max(self.peak_bytes, anonymous_bytes())

    def end(self) -> None:
        """Ends it."""
        self._ended.set()


def anonymous_bytes() -> int:
    """Returns the anonymous memory of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def main() -> None:
    """Makes the inputs, makes every check, and prints a row for each."""
    options = arguments(__doc__, images=100_000)
    inputs = made_up_inputs(options.images)
    before = anonymous_bytes()
    memory, progress = _Memory(), _Timed()
    memory.start()
    start = time.perf_counter()
    findings, _ = make_checks(CHECKS, inputs, progress)
    seconds = time.perf_counter() - start
    memory.end()
    rows: list[dict[str, Any]] = [
        {"check": one.check.code, "outcome": one.ended.outcome, "s": line.rsplit(", ", 1)[-1].removesuffix(" s")}
        for one, line in zip(findings, progress.lines, strict=True)
    ]
    rows.append({"check": "all", "outcome": f"{options.images:,} images", "s": f"{seconds:.1f}"})
    rows.append({"check": "RssAnon before, GiB", "outcome": "", "s": f"{before / 2**30:.2f}"})
    rows.append({"check": "RssAnon at most, GiB", "outcome": "", "s": f"{memory.peak_bytes / 2**30:.2f}"})
    show(rows, options.json)


def made_up_inputs(num_images: int) -> AuditInputs:
    """Returns the sets of a run that never was."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(_DIRECTIONS, _FEATURES)).astype(np.float32)
    sets, start = {}, 0
    for name, share in _SHARES.items():
        number = round(num_images * share)
        labels = rng.integers(0, 2, number)
        hidden = rng.normal(size=(number, _DIRECTIONS)).astype(np.float32)
        hidden[:, 0] += 3 * labels
        if name not in ("train", "validation"):
            hidden[:, 1] += 1
        features = hidden @ directions
        features += rng.normal(size=features.shape).astype(np.float32)
        seen = labels ^ (rng.random(number) < 0.02)
        scores = 1 / (1 + np.exp(1.5 - hidden[:, 0] - rng.normal(0, 0.3, (3, number))))
        ids = np.array([f"{name}/{index:06}.jpg" for index in range(start, start + number)])
        sets[name] = AuditedSet(
            name=name,
            sample_ids=ids,
            paths=ids,
            labels=seen,
            content_hashes=ids,
            pixel_hashes=ids,
            miniatures=_miniatures(number, rng, 20 if name not in ("train", "validation") else 0),
            facts=_facts(number, rng),
            features=features,
            probabilities={"first": scores, "second": scores**1.2},
        )
        start += number
    thresholds = {"first": np.full(3, 0.5), "second": np.full(3, 0.5)}
    return AuditInputs(("cat", "dog"), sets, thresholds=thresholds, features_of="first")


def _miniatures(number: int, rng: np.random.Generator, darker: float) -> np.ndarray:
    small = np.empty((number, MINIATURE, MINIATURE, 3), np.uint8)
    for index in range(number):
        coarse = rng.normal(128 - darker, 50, (6, 6, 3)).repeat(8, axis=0).repeat(8, axis=1)
        small[index] = np.clip(coarse + rng.normal(0, 12, coarse.shape), 0, 255)
    for index in range(0, number - 1, 200):
        small[index + 1] = small[index, :, ::-1]
    return small


def _facts(number: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    facts: dict[str, np.ndarray] = {name: rng.normal(100, 20, number) for name in FACTS}
    facts["format"] = np.full(number, "JPEG")
    facts["mode"] = np.full(number, "RGB")
    facts["jpeg_quality"] = rng.integers(70, 96, number).astype(np.float64)
    return facts


if __name__ == "__main__":
    main()
