"""A trained network of an estimator, asked about images by way of stored features."""

import keras
import numpy as np

from kbin.catalogue import NONE, find_backbone
from kbin.data.datasets import Dataset
from kbin.data.image_sources import ImageSource
from kbin.deploy.estimator_settings import FittedSettings
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine, HashedImages, predict_inputs
from kbin.engine.inputs import ImageInputs, Inputs
from kbin.engine.prefix import Cut, cut
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores
from kbin.errors import StoreFullError
from kbin.model_run import build_configured
from kbin.model_stages import PREDICTION_BATCH
from kbin.models.classifiers import STANDARDIZE
from kbin.models.freezing import freeze_below
from kbin.progress import Progress


class EstimatorNetwork:
    """A head, or the tail of a model, above a frozen part.

    Args:
        tail: What was trained; the whole model where nothing is frozen.
        parts: The frozen part; None where there is none, or it is not to be stored.
        settings: As it was fitted.
        whole: The whole model, of which these are parts; None assembles it where it is asked for.
    """

    def __init__(
        self, tail: keras.Model, parts: Cut | None, settings: FittedSettings, whole: keras.Model | None = None
    ):
        self._tail, self._parts, self._settings, self._whole = tail, parts, settings, whole
        self._engine = estimator_engine(settings)

    @classmethod
    def of_whole(cls, model: keras.Model, settings: FittedSettings) -> "EstimatorNetwork":
        """Returns the network of a whole model, such as a saved one."""
        # A saved Swin does not keep what is frozen.
        depth = settings.model.steps[-1].train_blocks
        freeze_below(model, find_backbone(settings.model.backbone).first_trainable_unit(depth))
        parts = cut(model) if settings.store else None
        return cls(model if parts is None else parts.tail, parts, settings, model)

    @property
    def whole(self) -> keras.Model:
        """The whole model, not compiled; of a head it is assembled the first time."""
        if self._whole is None:
            self._whole = self._assembled()
        return self._whole

    def probabilities(self, images: ImageSource) -> np.ndarray:
        """Returns the outputs, shape (n, 1) for a sigmoid, (n, num_classes) for softmax."""
        inputs: Inputs = image_inputs(images, self._settings)
        if self._parts is None or self._engine is None:
            return predict_inputs(self.whole, inputs, PREDICTION_BATCH)
        places = np.arange(len(images))
        hashes = Dataset(places.astype(str), places, (), images).content_hashes()
        try:
            features = self._engine.features(self._parts, {"asked": HashedImages(hashes, inputs)})["asked"]
        except StoreFullError:  # the whole model needs no store
            return predict_inputs(self.whole, inputs, PREDICTION_BATCH)
        return predict_inputs(self._tail, features, PREDICTION_BATCH)

    def _assembled(self) -> keras.Model:
        """Returns a model of its own, with the weights of the frozen part and of the head."""
        config = self._settings.model.model_copy(update={"weights": NONE})
        num_classes = max(2, self._tail.output.shape[-1])
        model = build_configured(config, num_classes, self._settings.image_size, seed=0)
        parts = cut(model)
        if parts is None or self._parts is None:
            raise ValueError("a model that was trained whole is never assembled")
        parts.prefix.set_weights(self._parts.prefix.get_weights())
        for layer in self._tail.layers:
            if layer.weights:
                model.get_layer(layer.name).set_weights(layer.get_weights())
        if self._settings.model.head.standardize:
            model.get_layer(STANDARDIZE).finalize_state()
        return model


def estimator_engine(settings: FittedSettings) -> FeatureEngine | None:
    """Returns what computes and stores features; None where nothing is to be stored."""
    if not settings.store:
        return None
    store, runtime = FeatureStore.of_this_machine(), runtime_name(settings.runtime)
    return FeatureEngine(store, runtime, settings.precision, settings.resize, Progress())


def image_inputs(images: ImageSource, settings: FittedSettings) -> ImageInputs:
    """Returns images as a network takes them, decoded by all cores when they are needed."""
    return ImageInputs(images, settings.image_size, settings.resize, available_cores())
