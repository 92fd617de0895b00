"""unlike_training.npz beside a trained model: what tells images that are unlike anything in training."""

import hashlib
from pathlib import Path

import numpy as np

from kbin.array_files import npz_bytes, read_arrays
from kbin.errors import ModelFileError
from kbin.evaluation.novelty import TRAINING, VALIDATION, NoveltyMeasure
from kbin.files import read_file
from kbin.model_description import DESCRIPTION
from kbin.run_files import NOVELTY
from kbin.runs import RunDirectory
from kbin.storage_faults import writing

_MOST_BYTES = 2**26  # 1,000 references of 32,000 numbers


def novelty_bytes(measure: NoveltyMeasure) -> bytes:
    """Returns the file's content: `references`; `numbers`: neighbours, limit, rate, held-out images, kind, depth."""
    is_training = measure.held_out == TRAINING
    numbers = [measure.neighbours, measure.limit, measure.false_alarm_rate, measure.num_held_out, is_training]
    if measure.below is not None:
        numbers.append(measure.below)
    return npz_bytes({"references": measure.references, "numbers": np.array(numbers, np.float64)})


def save_novelty(run: RunDirectory, model_id: str, seed: int, measure: NoveltyMeasure | None) -> None:
    """Writes the file of one trained model; without a measure it must not be there."""
    path = run.inside(run.model_folder(model_id, seed) / NOVELTY)
    if measure is not None:
        run.write(path, novelty_bytes(measure))
    else:
        with writing(path):
            path.unlink(missing_ok=True)


def read_novelty(path: Path, sha256: str | None = None) -> NoveltyMeasure:
    """Reads the file, which may come from a stranger.

    Args:
        path: The file.
        sha256: As model.json has it; None where that is not written yet.

    Raises:
        ModelFileError: There is none, or it is damaged.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        content = read_file(path)
        if sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise ModelFileError(
                f"{path} is not the one that {DESCRIPTION} beside it describes: its SHA-256 differs. Copy the model's "
                "folder anew."
            )
        return _measure(**read_arrays(content))
    except (OSError, TypeError, ValueError) as error:  # TypeError: arrays of other names
        reason = str(error)[:300]
    raise ModelFileError(f"{path} is damaged ({reason}): copy the model's folder anew.")


def _measure(references: np.ndarray, numbers: np.ndarray) -> NoveltyMeasure:
    if references.dtype != np.float16 or references.ndim != 2 or not np.isfinite(references).all():
        raise ValueError("its references are no vectors")
    if numbers.dtype != np.float64 or numbers.shape not in ((5,), (6,)) or not np.isfinite(numbers).all():
        raise ValueError("its numbers are not those that kbin writes")
    neighbours, limit, rate, num_held_out, is_training, *below = numbers.tolist()
    if not (1 <= neighbours <= len(references) and limit >= 0 and 0 <= rate <= 1 and all(one >= 0 for one in below)):
        raise ValueError("its numbers do not go with each other")
    held_out = TRAINING if is_training else VALIDATION
    return NoveltyMeasure(references, int(neighbours), limit, rate, int(num_held_out), held_out, *map(int, below))
