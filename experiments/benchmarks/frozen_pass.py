"""How fast is the frozen forward pass, against Keras and against the machine's own limit?

224 px, batch 32, images in memory, all in one process and in turn. `predict` is Keras's, channels last, on the same
network. The share is of the machine's rate for a 2048^3 matrix product, float32 or bfloat16,
measured in the same process.

Run: python -m experiments.benchmarks.frozen_pass [--json] [--rounds 5]
"""

import statistics
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmarks.measuring import (
    alternating,
    arguments,
    classifier,
    private_folder,
    random_images,
    show,
)
from kbin.engine.prefix import cut
from kbin.engine.runtimes import BATCH_SIZE, open_runtime, runtime_name
from kbin.progress import Progress

_BATCHES = 3


def main() -> None:
    """Measures each backbone and prints a row a precision."""
    options = arguments(__doc__, rounds=5)
    show([row for backbone in options.backbones for row in _measure(backbone, options.rounds)], options.json)


def _measure(backbone: str, rounds: int) -> list[dict[str, Any]]:
    name, batch, count = runtime_name("auto"), random_images(BATCH_SIZE), BATCH_SIZE * _BATCHES
    parts, folder = cut(classifier(backbone)), private_folder()
    runtimes = {p: open_runtime(parts, name, p, folder, Progress()) for p in ("float32", "bfloat16")}
    seconds = alternating(
        {
            "predict": lambda: parts.prefix.predict(batch, batch_size=BATCH_SIZE, verbose=0),
            "float32": lambda: list(runtimes["float32"].run([batch] * _BATCHES)),
            "bfloat16": lambda: list(runtimes["bfloat16"].run([batch] * _BATCHES)),
            "matmul float32": lambda: _multiply(torch.float32),
            "matmul bfloat16": lambda: _multiply(torch.bfloat16),
        },
        rounds,
    )
    flops = _flops(parts, batch)
    predict = [BATCH_SIZE / value for value in seconds["predict"]]
    rows = []
    for precision, runtime in runtimes.items():
        rates = [count / value for value in seconds[precision]]
        ratios = [ours / keras for ours, keras in zip(rates, predict, strict=True)]
        limit = 2 * 2048**3 / statistics.median(seconds[f"matmul {precision}"])
        rows.append(
            {
                "backbone": backbone,
                "runtime": f"{runtime.name} {precision}",
                "predict img/s": statistics.median(predict),
                "img/s": statistics.median(rates),
                "times": statistics.median(ratios),
                "least": min(ratios),
                "most": max(ratios),
                "GFLOP/s": flops * statistics.median(rates) / 1e9,
                "of matmul": flops * statistics.median(rates) / limit,
            }
        )
    return rows


def _multiply(dtype: torch.dtype) -> torch.Tensor:
    matrix = torch.ones((2048, 2048), dtype=dtype)
    return matrix @ matrix


def _flops(parts: Any, batch: Any) -> float:
    """Returns the floating-point operations of one image."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        parts.prefix(batch[:1], training=False)
    return float(counter.get_total_flops())


if __name__ == "__main__":
    main()
