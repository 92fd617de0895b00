"""Trials that train more than a head on stored features: one model on one fold, as a run would train it."""

from dataclasses import dataclass

import numpy as np

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.data.datasets import Dataset
from kbin.engine.features import predict_inputs
from kbin.engine.inputs import ImageInputs
from kbin.environment import available_cores
from kbin.errors import TrainingError
from kbin.experiment_inputs import augmentation, open_engine
from kbin.model_inputs import SetImages
from kbin.model_run import build_configured, probabilities_of
from kbin.model_stages import PREDICTION_BATCH, Clock, ModelTraining, Setting, check_converged
from kbin.progress import Progress
from kbin.search.cross_validation import Fold
from kbin.search.trials import Scoring, TrialOutcome
from kbin.torch_threads import torch_threads

_HELD_OUT = "held out"


@dataclass(frozen=True, eq=False)
class NetworkTrial:
    """One trial.

    Attributes:
        combination: Its place among the combinations of the search.
        id: The trial's.
        model: The model with its settings.
        fold: What it trains on.
    """

    combination: int
    id: str
    model: ModelConfig
    fold: Fold

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """The trial's, as the only one."""
        return (self.id,)


@dataclass(frozen=True, eq=False)
class SharedImages:
    """What all such trials train on.

    Attributes:
        scoring: Labels and how to judge.
        config: The experiment; its runtime resolved.
        train: The training set.
        num_views: Augmented views of each image; 0 where there are none, or new ones are drawn in every epoch.
        num_threads: Of torch, where the search was started: a worker that took another number would round otherwise.
    """

    scoring: Scoring
    config: ExperimentConfig
    train: Dataset
    num_views: int
    num_threads: int


def run_network(trial: NetworkTrial, shared: SharedImages) -> list[TrialOutcome]:
    """Trains a model on a fold's training part and scores it on the held-out one."""
    with torch_threads(shared.num_threads):
        return [_outcome(trial, shared)]


def _outcome(trial: NetworkTrial, shared: SharedImages) -> TrialOutcome:
    config, model, fold = shared.config, trial.model, trial.fold
    sets = _sets(shared, fold)
    held_out = sets.pop(_HELD_OUT)
    # The held-out part goes along where it enters the network, and is never trained on or watched.
    setting = Setting(
        config.training,
        open_engine(config, Progress()),
        augmentation(config, sets["train"], shared.num_views),
        Progress(),
    )
    built = build_configured(model, len(shared.train.classes), config.data.image_size, fold.seed)
    training = ModelTraining(built, model, sets | {_HELD_OUT: held_out}, setting, fold.seed, Clock())
    trained = training.run()
    if trained.trained.diverged is not None:
        raise TrainingError(trained.trained.diverged)
    outputs = {
        name: probabilities_of(predict_inputs(trained.network, trained.inputs[name], PREDICTION_BATCH))
        for name in (_HELD_OUT, "validation")
        if name in trained.inputs
    }
    for scores in outputs.values():
        check_converged(scores, trained.learning_rate)
    epoch = trained.trained.epoch
    return shared.scoring.outcome(trial.id, fold, epoch, outputs[_HELD_OUT], outputs.get("validation"))


def _sets(shared: SharedImages, fold: Fold) -> dict[str, SetImages]:
    data = shared.config.data
    positions = {"train": fold.train, _HELD_OUT: fold.held_out}
    if fold.validation is not None:
        positions["validation"] = fold.validation
    threads = available_cores()
    sets = {}
    for name, chosen in positions.items():
        part = shared.train.select(np.asarray(chosen))
        sets[name] = SetImages(part, ImageInputs(part.images, data.image_size, data.resize, threads))
    return sets
