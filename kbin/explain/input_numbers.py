"""What enters a model's first convolution, stored in the run's folder for its audit."""

import keras
import numpy as np

from kbin.catalogue import find_backbone
from kbin.config.models import ModelConfig
from kbin.errors import StorageError
from kbin.explain.first_convolution import MOST_IMAGES, input_numbers
from kbin.model_inputs import SetImages
from kbin.models.builders import build_backbone
from kbin.progress import Progress
from kbin.runs import RunDirectory

_SEED = 0


def save_input_numbers(
    run: RunDirectory, model: ModelConfig, trained: keras.Model | None, train: SetImages, progress: Progress
) -> None:
    """Saves the numbers of one model, of some training images; a fault is said, and the run goes on without them.

    Args:
        run: Where they go.
        model: The entry of `models`.
        trained: The trained model; None where it was not kept.
        train: The training set.
        progress: Where a fault is said.

    Raises:
        StorageError: They cannot be written: nothing of the run could be.
    """
    model_id = model.id or ""
    try:
        network = trained
        # What has been trained has other statistics than the weights came with.
        if network is None or _trains_first_block(model):
            network = build_backbone(model.backbone, model.weights, train.images.image_size)
        numbers = input_numbers(network, model.weights, train.images.take(_chosen(len(train.data))))
    except StorageError:
        raise
    except Exception as error:  # the results are worth having without it
        progress.say(f"  {model_id}: what enters its first convolution is not known ({type(error).__name__}: {error}).")
        return
    run.save_input_numbers(model_id, numbers)


def _chosen(number: int) -> np.ndarray:
    if number <= MOST_IMAGES:
        return np.arange(number)
    return np.sort(np.random.default_rng(_SEED).choice(number, MOST_IMAGES, replace=False))


def _trains_first_block(model: ModelConfig) -> bool:
    backbone = find_backbone(model.backbone)
    cuts = [backbone.first_trainable_unit(step.train_blocks, step.train_from) for step in model.steps]
    return backbone.units[0] in cuts
