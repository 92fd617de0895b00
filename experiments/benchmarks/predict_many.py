"""`kbin predict` on many files: does its memory stay flat, and which share of the engine's own rate is left?

A few hundred JPEG files of smooth colour with noise are made and hard-linked under as many names as asked for; the
model is EfficientNetLite0 with ImageNet's weights and a new head. First, in turn and in one process, the network's own
rate on arrays in memory, decoding alone, and `kbin predict` on 2,000 files (what the command runs, rows written to a
file). Then all files in one go, with the anonymous memory (`RssAnon`) after a tenth of them and at the end.

Run: python -m experiments.benchmarks.predict_many [--json] [--images 50000] [--rounds 5] [--size 128]

Printed with 4 rounds, on two cores that others used as well (load 8 to 11):
    network alone 96.5 images/s, decoding alone 1,370; predict 83.7; .94 of the network's own rate (median of the
    rounds, .84 to 1.02)
    50,000 images: 76 a second, RssAnon 696 MiB after a tenth, 696 MiB at the end, 696 MiB at most
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.measuring import alternating, arguments, jpeg_folder, private_folder, random_images, show
from experiments.benchmarks.untrained_models import model_folder
from kbin.deploy.decoded_batches import decoded_batches
from kbin.deploy.given_images import GivenImages
from kbin.deploy.loaded_model import LoadedModel
from kbin.deploy.predicting import PredictSettings, predict_images
from kbin.engine.runtimes import BATCH_SIZE
from kbin.models.classifiers import build_classifier
from kbin.progress import Advance, Progress

_DISTINCT, _IN_A_ROUND = 400, 2_000


def main() -> None:
    """Makes model and files, measures, and prints two tables."""
    options = arguments(__doc__, images=50_000, rounds=5, size=128)
    folder = private_folder()
    os.environ["KBIN_STORE"] = str(folder / "store")
    network = build_classifier("EfficientNetLite0", weights="packaged", image_size=options.size)
    model = LoadedModel(model_folder(folder / "model", network, options.size))
    files = _linked(jpeg_folder(folder / "distinct", _DISTINCT, options.size), folder / "many", options.images)
    some = _linked(folder / "distinct", folder / "some", _IN_A_ROUND)
    show(_rates(model, some, folder / "rows.csv", options.rounds, options.size), options.json)
    show([_in_one_go(model, files, folder / "rows.csv", options.images)], options.json)
    shutil.rmtree(folder)


def _rates(model: LoadedModel, files: Path, out: Path, rounds: int, size: int) -> list[dict[str, Any]]:
    ran = model.prediction_pass(number=_IN_A_ROUND)
    batch = random_images(BATCH_SIZE, size)
    batches = _IN_A_ROUND // BATCH_SIZE

    def network() -> None:
        for _ in ran.runtime.run(batch for _ in range(batches)):
            pass

    def decoding() -> None:
        for _ in decoded_batches(((one, one.file) for one in GivenImages([str(files)])), model.description.input, 32):
            pass

    works = {"network": network, "decoding": decoding, "predict": lambda: _predict(model, files, out, Progress())}
    seconds = alternating(works, rounds)
    # Of the network alone, in each round: so a drift of a shared machine meets both.
    shares = [alone * _IN_A_ROUND / (batches * BATCH_SIZE) / whole
              for alone, whole in zip(seconds["network"], seconds["predict"], strict=True)]  # fmt: skip
    return [
        {
            "runtime": ran.runtime.name,
            "network img/s": batches * BATCH_SIZE / float(np.median(seconds["network"])),
            "decoding img/s": _IN_A_ROUND / float(np.median(seconds["decoding"])),
            "predict img/s": _IN_A_ROUND / float(np.median(seconds["predict"])),
            "share": float(np.median(shares)),
            "lowest": min(shares),
            "highest": max(shares),
        }
    ]


def _in_one_go(model: LoadedModel, files: Path, out: Path, count: int) -> dict[str, Any]:
    watched = _Watched(count)
    start = time.perf_counter()
    _predict(model, files, out, watched)
    return {
        "images": count,
        "rows": sum(1 for _ in out.open(encoding="utf-8")) - 1,
        "img/s": count / (time.perf_counter() - start),
        "RssAnon at a tenth, MiB": watched.at_a_tenth,
        "at the end, MiB": _anonymous_mib(),
        "largest, MiB": watched.largest,
    }


def _predict(model: LoadedModel, files: Path, out: Path, progress: Progress) -> None:
    with out.with_name("nothing").open("wb") as nowhere:
        predict_images(model, GivenImages([str(files)]), PredictSettings(out), nowhere, progress)


class _Watched(Progress):
    """Looks at the memory as images are done."""

    def __init__(self, count: int) -> None:
        self._count, self._done = count, 0
        self.at_a_tenth = self.largest = 0.0

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        def advance(done: int) -> None:
            before, self._done = self._done, self._done + done
            now = _anonymous_mib()
            self.largest = max(self.largest, now)
            if before < self._count // 10 <= self._done:
                self.at_a_tenth = now

        yield advance


def _anonymous_mib() -> float:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1024 if found else float("nan")


def _linked(distinct: Path, folder: Path, count: int) -> Path:
    files = sorted(distinct.rglob("*.jpg"))
    folder.mkdir()
    for index in range(count):
        os.link(files[index % len(files)], folder / f"{index:06}.jpg")
    return folder


if __name__ == "__main__":
    main()
