"""Training one model: stage by stage cut, fed, trained, and checked to have moved nothing that is frozen."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kbin.catalogue import find_backbone
from kbin.config.models import ModelConfig, StageConfig
from kbin.config.training import TrainingConfig
from kbin.engine.features import FeatureEngine, predict_inputs
from kbin.engine.inputs import Chosen, Inputs
from kbin.engine.prefix import cut, first_trained_depth, output_below, part_below
from kbin.errors import TrainingError
from kbin.model_inputs import Augmentation, NetworkInputs, SetImages, stored_inputs, uncut_inputs
from kbin.models.blocks import nested_models
from kbin.models.classifiers import STANDARDIZE
from kbin.models.freezing import check_frozen, freeze_below, frozen_fingerprints
from kbin.models.standardization import standardize_on
from kbin.progress import Progress
from kbin.training.class_weights import class_weights
from kbin.training.trainer import Labelled, Trained, train
from kbin.unfinished import UnfinishedSeed

PREDICTION_BATCH = 128
_FEATURES_AT_ONCE = 16_384  # images whose features are in memory together: 128 MiB of 2,048 numbers each


@dataclass(frozen=True)
class Setting:
    """What all models of an experiment have in common.

    Attributes:
        training: The section `training`.
        engine: Gives the features of the frozen prefix; None trains the uncut models.
        augmentation: How training images are augmented; None where they are not.
        progress: Where bars are shown.
    """

    training: TrainingConfig
    engine: FeatureEngine | None
    augmentation: Augmentation | None
    progress: Progress


class Clock:
    """Adds the seconds of a run's parts up."""

    def __init__(self) -> None:
        self.seconds = {"features": 0.0, "training": 0.0, "evaluation": 0.0}
        self._last = time.perf_counter()

    def book(self, part: str) -> None:
        """Adds the time since the last call to `part`."""
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now


@dataclass(frozen=True)
class TrainedNetwork:
    """What training left behind.

    Attributes:
        network: The model, or the tail that the last stage trained; it shares its weights with the model.
        inputs: What enters it, by set name.
        precision: Of the features that enter it; "float32" where these are images.
        trained: History of all stages, and the kept epoch.
        learning_rate: Of the last stage.
        features_key: Of the stored features that entered the first stage; None where images did.
        first_depth: The depth of the lowest layer of the backbone that was trained; None where only the head was.
        frozen: In the network, what the layers below that depth give; None where no map of the image is left frozen.
    """

    network: keras.Model
    inputs: Mapping[str, Inputs]
    precision: str
    trained: Trained
    learning_rate: float
    features_key: Mapping[str, Any] | None = None
    first_depth: int | None = None
    frozen: keras.KerasTensor | None = None


@dataclass(frozen=True)
class ModelTraining:
    """The training of one model in place, in one stage or several.

    Attributes:
        model: As built for the entry of `models`.
        config: The entry of `models`.
        sets: Evaluation sets by name; "train" is trained on, "validation", where it is there, watched.
        setting: What it has in common with the other models.
        seed: Of the order of the batches.
        clock: Where the seconds are booked.
        unfinished: Where epochs are kept to go on from; None keeps none.
        sample_weights: shape (n,), of the training images in the loss; None weighs all alike.
    """

    model: keras.Model
    config: ModelConfig
    sets: Mapping[str, SetImages]
    setting: Setting
    seed: int
    clock: Clock
    unfinished: UnfinishedSeed | None = None
    sample_weights: np.ndarray | None = None

    def run(self) -> TrainedNetwork:
        """Trains stage by stage; each moves the cut, and has its own freeze check. One that diverges is the last.

        Raises:
            TrainingError: The first epoch of a stage already diverged.
            IntegrityError: A frozen tensor moved.
        """
        steps = self.config.steps
        result = first = self._stage(steps[0], 1, first_epoch=0)
        history, depths = result.trained.history, [result.first_depth]
        smallest = result.trained.micro_batch
        for number, stage in enumerate(steps[1:], start=2):
            if result.trained.diverged is not None:
                break
            result = self._stage(stage, number, first_epoch=len(history))
            history = history + result.trained.history
            depths.append(result.first_depth)
            smallest = min(filter(None, (smallest, result.trained.micro_batch)), default=None)
        trained = replace(result.trained, history=history, micro_batch=smallest)
        lowest = min((one for one in depths if one is not None), default=None)
        # What an earlier stage trained below the last one's cut is not frozen.
        frozen = result.frozen if result.first_depth == lowest else None
        return replace(result, trained=trained, features_key=first.features_key, first_depth=lowest, frozen=frozen)

    def _stage(self, stage: StageConfig, number: int, first_epoch: int) -> TrainedNetwork:
        config, setting = self.config, self.setting
        settings = config.training_of(stage, setting.training)
        is_first, is_only = number == 1, len(config.steps) == 1
        freeze_below(
            self.model, find_backbone(config.backbone).first_trainable_unit(stage.train_blocks, stage.train_from)
        )
        network, inputs = self._entering(first_epoch + settings.epochs)
        if config.head.standardize and is_first:
            _standardize(network, inputs.by_set["train"])
        before = frozen_fingerprints(self.model)
        self.clock.book("features")
        trained = self._fit(network, inputs, settings, number, first_epoch)
        check_frozen(self.model, before)
        if not is_only:
            trained = replace(trained, history=[row | {"stage": number} for row in trained.history])
        self.clock.book("training")
        is_whole = network is self.model or setting.engine is None
        precision = "float32" if is_whole or setting.engine is None else setting.engine.precision
        rate = settings.rate(stage.trains_backbone)
        depth = first_trained_depth(self.model)
        frozen = self._frozen_maps(network, depth)
        return TrainedNetwork(network, inputs.by_set, precision, trained, rate, inputs.features_key, depth, frozen)

    def _frozen_maps(self, network: keras.Model, depth: int | None) -> keras.KerasTensor | None:
        if not depth or nested_models(self.model):
            return None
        maps = output_below(self.model, depth) if network is self.model else network.input
        return maps if len(maps.shape) == 4 else None

    def _entering(self, epochs: int) -> tuple[keras.Model, NetworkInputs]:
        """Returns the network that trains, and what enters it: features for a tail, or images for the whole model."""
        setting = self.setting
        parts = cut(self.model) if setting.engine is not None else None
        stored = stored_inputs(parts, self.sets, setting.engine, setting.augmentation, setting.progress)
        if stored is not None and parts is not None:
            return parts.tail, stored
        if (
            setting.augmentation is not None
            and setting.augmentation.views is not None
            and self.seed == self.setting.training.seeds[0]
        ):
            setting.progress.say(f"  {self.config.id} is trained uncut: it sees new augmented views in every epoch.")
        return self.model, uncut_inputs(self.sets, setting.augmentation, epochs)

    def _fit(
        self, network: keras.Model, inputs: NetworkInputs, settings: TrainingConfig, number: int, first_epoch: int
    ) -> Trained:
        is_only = len(self.config.steps) == 1
        train_data = self.sets["train"].data
        validation = None
        if "validation" in self.sets:
            validation = Labelled(inputs.by_set["validation"], self.sets["validation"].data.labels)
        return train(
            network,
            Labelled(inputs.training, train_data.labels, inputs.num_views, inputs.label_rows, self.sample_weights),
            validation,
            settings,
            seed=self.seed,
            class_weights=class_weights(settings.class_weight, train_data.labels, train_data.classes),
            progress=self.setting.progress,
            description=f"{self.config.id}, seed {self.seed}" + ("" if is_only else f", stage {number}"),
            first_epoch=first_epoch,
            record=None if self.unfinished is None else self.unfinished.stage(number),
        )


def check_converged(outputs: np.ndarray, learning_rate: float) -> None:
    """Raises a TrainingError where a network's outputs are not numbers."""
    if not np.isfinite(outputs).all():
        raise TrainingError(
            f"training diverged at learning rate {learning_rate:g}: the model's outputs are not numbers any more. "
            "Set a smaller `training.learning_rate`."
        )


def _standardize(network: keras.Model, train_inputs: Inputs) -> None:
    """Adapts the head's Normalization layer to what enters it, computed from what enters the model or its tail."""
    part = part_below(network, STANDARDIZE)
    starts = range(0, len(train_inputs), _FEATURES_AT_ONCE)
    rows = (np.arange(start, min(start + _FEATURES_AT_ONCE, len(train_inputs))) for start in starts)
    blocks = (predict_inputs(part, Chosen(train_inputs, chosen), PREDICTION_BATCH) for chosen in rows)
    standardize_on(network.get_layer(STANDARDIZE), blocks)
