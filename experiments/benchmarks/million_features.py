"""How much memory does training on a million stored features take?

A million synthetic features of 1,280 (5.1 GB on disk) are stored; a head trains on them for one epoch. What counts is
anonymous memory (`RssAnon`): memory-mapped pages belong to the kernel, which drops them when others need room.

Run: python -m experiments.benchmarks.million_features [--json] [--features 1000000]
"""

import shutil
import threading
from pathlib import Path

import numpy as np

from experiments.benchmarks.measuring import arguments, classifier, private_folder, seconds_of, show
from kbin.config.training import TrainingConfig
from kbin.engine.feature_store import FeatureStore, shard_size
from kbin.engine.prefix import cut
from kbin.training.trainer import Labelled, train


def main() -> None:
    """Fills a store, trains, and prints one row."""
    options = arguments(__doc__, features=1_000_000)
    store = FeatureStore(private_folder(), 10**11)
    table = store.table({"backbone": "synthetic"})
    size = shard_size(options.features)
    generator = np.random.default_rng(0)
    for start in range(0, options.features, size):
        count = min(size, options.features - start)
        table.add(
            [f"{index:032x}" for index in range(start, start + count)], generator.random((count, 1280), np.float32)
        )
    peak = PeakAnonymousMemory()
    stored = store.table({"backbone": "synthetic"}).stored(f"{index:032x}" for index in range(options.features))
    tail = cut(classifier("EfficientNetB0", image_size=32)).tail
    labels = generator.integers(0, 2, options.features)
    seconds = seconds_of(lambda: train(tail, Labelled(stored, labels), None, TrainingConfig(epochs=1), seed=0))
    peak.stop()
    show(
        [{"features": options.features, "epoch s": seconds, "peak RssAnon GiB": peak.bytes / 2**30}],
        options.json,
    )
    shutil.rmtree(store.root)


class PeakAnonymousMemory:
    """Watches this process's RssAnon from a thread."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(0.05):
            status = Path("/proc/self/status").read_text(encoding="ascii")
            line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            self.bytes = max(self.bytes, int(line.split()[1]) * 1024)


if __name__ == "__main__":
    main()
