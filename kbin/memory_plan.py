"""Whether the machine has the memory that training a model will need, before anything is computed."""

from collections.abc import Sequence

import keras
import torch

from kbin.catalogue import find_backbone
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.errors import TrainingError
from kbin.machine_memory import available_memory
from kbin.models.memory import StepMemory, step_memory

# The estimate was up to 1.45 times what was measured (`step_memory`): below this multiple of what is free, training is
# tried.
_CLEARLY = 1.5
_COMFORTABLE = 0.8  # of what is free, in the advice that is given
_SLOTS = {"adamw": 2, "adam": 2, "sgd": 1}
_GB = 1e9


def stage_memory(model: keras.Model, entry: ModelConfig, config: ExperimentConfig) -> tuple[StepMemory, ...]:
    """Estimates what a training step takes in each stage of a model.

    Args:
        model: As built for the entry.
        entry: The entry of `models`.
        config: Every setting resolved.
    """
    draws_anew = bool(config.augment) and config.engine.views == 0
    backbone = find_backbone(entry.backbone)
    return tuple(
        step_memory(
            model,
            backbone.first_trainable_unit(stage.train_blocks, stage.train_from),
            is_uncut=draws_anew or not config.engine.store,
        )
        for stage in entry.steps
    )


def needed_bytes(stages: Sequence[StepMemory], entry: ModelConfig, config: ExperimentConfig) -> float:
    """Returns what the largest training step of a model needs.

    Args:
        stages: As `stage_memory` returns them.
        entry: The entry of `models`.
        config: Every setting resolved.
    """
    return max(_needs(stages, entry, config))[0]


def check_memory(stages: Sequence[StepMemory], entry: ModelConfig, config: ExperimentConfig) -> None:
    """Refuses to train a model that clearly needs more memory than there is.

    Only where training is on the CPU: a system that has no memory left ends the whole run. A GPU says no, and
    `kbin.training.out_of_memory` then trains on fewer images at a time.

    Args:
        stages: As `stage_memory` returns them.
        entry: The entry of `models`.
        config: Every setting resolved.

    Raises:
        TrainingError: The memory does not suffice; with the settings to change.
    """
    available = available_memory()
    if available is None or torch.cuda.is_available():
        return
    needed, batch_size, stage = max(_needs(stages, entry, config))
    if needed <= _CLEARLY * available:
        return
    fixed = needed - stages[stage].image_bytes * batch_size
    fitting = (_COMFORTABLE * available - fixed) / stages[stage].image_bytes
    smaller = "" if fitting < 1 else f"`training.batch_size` to {2 ** (int(fitting).bit_length() - 1)} or less, "
    raise TrainingError(
        f"training {entry.id} in batches of {batch_size} needs about {needed / _GB:.1f} GB of memory, and "
        f"{available / _GB:.1f} GB are free here: set {smaller}`train_blocks` lower, or `data.image_size` (here "
        f"{config.data.image_size}) smaller."
    )


def _needs(stages: Sequence[StepMemory], entry: ModelConfig, config: ExperimentConfig) -> list[tuple[float, int, int]]:
    """Returns for each stage the bytes of a step, its batch size, and its number."""
    needs = []
    for number, (memory, stage) in enumerate(zip(stages, entry.steps, strict=True)):
        training = entry.training_of(stage, config.training)
        slots = _SLOTS[training.optimizer]
        needs.append((memory.needed_bytes(training.batch_size, slots), training.batch_size, number))
    return needs
