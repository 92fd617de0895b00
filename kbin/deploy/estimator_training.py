"""An estimator's network: trained by the engine on stored features, and asked about images by the same way."""

from dataclasses import dataclass

import keras
import numpy as np

from kbin.catalogue import find_backbone
from kbin.config.training import TrainingConfig
from kbin.data.datasets import Dataset
from kbin.data.image_sources import ImageSource
from kbin.deploy.estimator_settings import FittedSettings
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages, predict_inputs
from kbin.engine.inputs import ImageInputs, Inputs
from kbin.engine.prefix import cut
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores
from kbin.errors import StoreFullError, TrainingError
from kbin.model_inputs import SetImages
from kbin.model_run import build_configured
from kbin.model_stages import PREDICTION_BATCH, Clock, ModelTraining, Setting
from kbin.models.freezing import freeze_below
from kbin.progress import Progress
from kbin.training.trainer import Trained


@dataclass(frozen=True)
class LabelledImages:
    """Images with their labels.

    Attributes:
        images: The images.
        labels: shape (n,), class indices.
        weights: shape (n,), in the loss; None weighs all alike.
    """

    images: ImageSource
    labels: np.ndarray
    weights: np.ndarray | None = None


class EstimatorNetwork:
    """One model with the engine that computes its frozen part.

    Args:
        model: The whole model.
        settings: As it was fitted.
    """

    def __init__(self, model: keras.Model, settings: FittedSettings):
        self.model, self._settings = model, settings
        step = settings.model.steps[-1]
        # A saved Swin does not keep what is frozen.
        freeze_below(model, find_backbone(settings.model.backbone).first_trainable_unit(step.train_blocks))
        self._parts, self._engine = cut(model), _engine(settings)

    def probabilities(self, images: ImageSource) -> np.ndarray:
        """Returns the model's outputs, shape (n, 1) for a sigmoid, (n, num_classes) for softmax."""
        inputs: Inputs = _inputs(images, self._settings)
        network = self.model
        if self._parts is not None and self._engine is not None:
            try:
                hashed = {"asked": HashedImages(_as_dataset(images).content_hashes(), inputs)}
                inputs, network = self._engine.features(self._parts, hashed)["asked"], self._parts.tail
            except StoreFullError:  # the whole model needs no store
                pass
        return predict_inputs(network, inputs, PREDICTION_BATCH)


def train_network(
    data: LabelledImages,
    validation: LabelledImages | None,
    classes: tuple[str, ...],
    settings: FittedSettings,
    training: TrainingConfig,
    seed: int,
) -> tuple[keras.Model, Trained]:
    """Trains a new model as an experiment does; its frozen part is computed once on this machine.

    Args:
        data: To be learned from.
        validation: Watched for early stopping; None without it.
        classes: Names in label order.
        settings: Of model and engine.
        training: Of the training.
        seed: Of initial weights, order and dropout.

    Returns:
        The whole model, not compiled, and how its training went.

    Raises:
        KbinError: Weights cannot be had, images cannot be read, or training diverged.
    """
    sets = {
        name: SetImages(_as_dataset(one.images, one.labels, classes), _inputs(one.images, settings))
        for name, one in (("train", data), ("validation", validation))
        if one is not None
    }
    setting = Setting(training, _engine(settings), None, Progress())
    model = build_configured(settings.model, len(classes), settings.image_size, seed)
    result = ModelTraining(model, settings.model, sets, setting, seed, Clock(), sample_weights=data.weights).run()
    if result.trained.diverged is not None:
        raise TrainingError(result.trained.diverged)
    return keras.Model(model.input, model.output, name=model.name), result.trained


def _engine(settings: FittedSettings) -> FeatureEngine | None:
    if not settings.store:
        return None
    return FeatureEngine(
        FeatureStore.of_this_machine(),
        runtime_name(settings.runtime),
        settings.precision,
        settings.resize,
        Progress(),
    )


def _inputs(images: ImageSource, settings: FittedSettings) -> ImageInputs:
    return ImageInputs(images, settings.image_size, settings.resize, available_cores())


def _as_dataset(images: ImageSource, labels: np.ndarray | None = None, classes: tuple[str, ...] = ()) -> Dataset:
    places = np.arange(len(images))
    return Dataset(places.astype(str), places if labels is None else labels, classes, images)
