"""How long do 100,000 image files take, and how much memory?

Small JPEG and PNG files (40 x 40 pixels, the classes differ in hue under noise) are written into a temporary folder;
three quarters train, one quarter tests. The real commands are run on them, each a process of its own: `kbin check`;
`kbin run` with an empty store, so with the feature pass and one epoch; `kbin run` once more, features stored. What
counts is anonymous memory (`RssAnon`): memory-mapped pages belong to the kernel, which drops them when others need
room. Both are sampled every half second.

Run: python -m experiments.benchmarks.hundred_thousand_images [--json] [--images 100000]

Measured twice on two cores that others used as well (load 5 to 8; the first time without processor seconds):
    check                  271 and 167 s ( 33 s of processor time), RssAnon  .67 GiB, resident  .87 GiB
    run from nothing       348 and 473 s (127 s of processor time), RssAnon  .69 GiB, resident 1.31 GiB
    run, features stored   247 and 194 s ( 35 s of processor time), RssAnon  .64 GiB, resident 1.20 GiB
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.benchmarks.measuring import arguments, private_folder, show

_SIDE = 40  # pixels of a file
_SECONDS_BETWEEN_SAMPLES = 0.5
_EXPERIMENT = """
name: many-images
data: {source: folder, path: images, classes: [blue, red], positive: red, image_size: 48, split: {validation: 0}}
models:
  - {id: fixed, backbone: EfficientNetLite0, weights: packaged}
training: {epochs: 1, batch_size: 128, seeds: [0]}
"""


def main() -> None:
    """Writes the files, runs the commands, and prints a row for each."""
    options = arguments(__doc__, images=100_000)
    folder = private_folder()
    _write_images(folder / "images", options.images)
    (folder / "many.yaml").write_text(_EXPERIMENT, encoding="utf-8")
    rows = []
    for name, command in (
        ("check", ["check", "many.yaml"]),
        ("run from nothing", ["run", "many.yaml", "--out", "first"]),
        ("run, features stored", ["run", "many.yaml", "--out", "second"]),
    ):
        rows.append({"command": name, "images": options.images, **_measured(command, folder)})
    show(rows, options.json)
    shutil.rmtree(folder)


def _write_images(folder: Path, count: int) -> None:
    """A quarter of the images is the test set; a third are PNG files, the others JPEG."""
    generator = np.random.default_rng(0)
    for set_name in ("train", "test"):
        for label in ("blue", "red"):
            (folder / set_name / label).mkdir(parents=True)
    for index in range(count):
        is_red = index % 2
        pixels = generator.normal(110, 50, (_SIDE, _SIDE, 3)) + generator.normal(0, 25, 3)
        pixels[..., 0 if is_red else 2] += 15
        path = folder / ("test" if index // 2 % 4 == 0 else "train") / ("blue", "red")[is_red]
        suffix = "png" if index % 3 == 0 else "jpg"
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path / f"{index:06}.{suffix}")


def _measured(command: list[str], folder: Path) -> dict[str, Any]:
    """Runs a command of kbin, and returns its seconds and its largest memory in GiB."""
    start, before = time.perf_counter(), _processor_seconds()
    process = subprocess.Popen(
        [sys.executable, "-c", "from kbin.cli import main; main()", *command],
        cwd=folder,
        env=os.environ | {"KBIN_STORE": str(folder / "store"), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=sys.stderr,
    )
    peaks = {"RssAnon": 0, "VmHWM": 0}
    while process.poll() is None:
        for name, size in _sizes(process.pid).items():
            if name in peaks:
                peaks[name] = max(peaks[name], size)
        time.sleep(_SECONDS_BETWEEN_SAMPLES)
    if process.returncode:
        raise SystemExit(f"kbin {' '.join(command)} ended with exit code {process.returncode}.")
    gigabytes = {f"peak {name} GiB": size / 2**30 for name, size in peaks.items()}
    return {"s": time.perf_counter() - start, "processor s": _processor_seconds() - before, **gigabytes}


def _processor_seconds() -> float:
    """Returns what ended commands have used; on a shared machine it says more than the time that passed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sizes(process_id: int) -> dict[str, int]:
    """Returns what the kernel says of a process's memory, in bytes."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has just ended
        return {}
    pairs = (line.split(":") for line in lines if line.endswith(" kB"))
    return {name: int(size.split()[0]) * 1024 for name, size in pairs}


if __name__ == "__main__":
    main()
