"""An estimator's network is trained by the engine and trainer of an experiment, on stored features."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kbin.config.training import TrainingConfig
from kbin.data.datasets import Dataset
from kbin.data.image_sources import ImageSource
from kbin.deploy.estimator_network import EstimatorNetwork, estimator_engine, image_inputs
from kbin.deploy.estimator_settings import FittedSettings
from kbin.deploy.frozen_backbones import frozen_part
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.errors import StoreFullError, TrainingError
from kbin.model_inputs import SetImages
from kbin.model_run import build_configured
from kbin.model_stages import Clock, ModelTraining, Setting
from kbin.models.classifiers import STANDARDIZE, build_head
from kbin.models.standardization import standardize_on
from kbin.progress import Progress
from kbin.training.class_weights import class_weights
from kbin.training.trainer import Labelled, Trained, train

_FEATURES_AT_ONCE = 16_384  # images whose features are in memory together


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


def train_network(
    data: LabelledImages,
    validation: LabelledImages | None,
    classes: tuple[str, ...],
    settings: FittedSettings,
    training: TrainingConfig,
    seed: int,
) -> tuple[EstimatorNetwork, Trained]:
    """Trains a new model as an experiment does; its frozen part is computed once on this machine.

    Args:
        data: To be learned from.
        validation: Watched for early stopping; None without it.
        classes: Names in label order.
        settings: Of model and engine.
        training: Of the training.
        seed: Of initial weights, order and dropout.

    Returns:
        The network, and how its training went.

    Raises:
        KbinError: Weights cannot be had, images cannot be read, or training diverged.
    """
    given = {"train": data} | ({} if validation is None else {"validation": validation})
    sets = {
        name: SetImages(
            Dataset(np.arange(len(one.images)).astype(str), one.labels, classes, one.images),
            image_inputs(one.images, settings),
        )
        for name, one in given.items()
    }
    engine = estimator_engine(settings)
    found = None
    if engine is not None and settings.model.trained_part == 0:
        found = _trained_head(sets, data.weights, settings, training, seed, engine)
    if found is None:
        model = build_configured(settings.model, len(classes), settings.image_size, seed)
        setting = Setting(training, engine, None, Progress())
        result = ModelTraining(model, settings.model, sets, setting, seed, Clock(), sample_weights=data.weights).run()
        whole = keras.Model(model.input, model.output, name=model.name)
        found = EstimatorNetwork.of_whole(whole, settings), result.trained
    if found[1].diverged is not None:
        raise TrainingError(found[1].diverged)
    return found


def _trained_head(
    sets: Mapping[str, SetImages],
    weights: np.ndarray | None,
    settings: FittedSettings,
    training: TrainingConfig,
    seed: int,
    engine: FeatureEngine,
) -> tuple[EstimatorNetwork, Trained] | None:
    """Trains a head on features, without building its backbone once more; None where the store has no room for them."""
    parts = frozen_part(settings, seed)
    hashed = {name: HashedImages(one.data.content_hashes(), one.images) for name, one in sets.items()}
    try:
        features = engine.features(parts, hashed)
    except StoreFullError:
        return None
    labels, classes = sets["train"].data.labels, sets["train"].data.classes
    config = settings.model
    head = build_head(
        parts.boundary.shape[-1],
        seed=seed,
        hidden_units=config.head.hidden_units,
        dropout=config.head.dropout,
        standardize=config.head.standardize,
        num_classes=len(classes),
        output=config.head.output,
    )
    if config.head.standardize:
        starts = range(0, len(labels), _FEATURES_AT_ONCE)
        blocks = (np.arange(start, min(start + _FEATURES_AT_ONCE, len(labels))) for start in starts)
        standardize_on(head.get_layer(STANDARDIZE), map(features["train"].take, blocks))
    watched = sets.get("validation")
    trained = train(
        head,
        Labelled(features["train"], labels, weights=weights),
        None if watched is None else Labelled(features["validation"], watched.data.labels),
        config.training_of(config.steps[-1], training),
        seed=seed,
        class_weights=class_weights(training.class_weight, labels, classes),
    )
    return EstimatorNetwork(head, parts, settings), trained
