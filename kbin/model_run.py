"""One model under one seed: built, cut, trained, checked, saved, and its predictions on every evaluation set."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kbin.config import ModelConfig, TrainingConfig
from kbin.data.datasets import Dataset
from kbin.engine.features import FeatureEngine, predict_inputs, predict_sets
from kbin.engine.inputs import Inputs
from kbin.engine.prefix import cut
from kbin.errors import IntegrityError, TrainingError
from kbin.model_inputs import Augmentation, SetImages, stored_inputs, uncut_inputs
from kbin.models.classifiers import STANDARDIZE, build_classifier
from kbin.models.freezing import check_frozen, frozen_fingerprints
from kbin.models.standardization import standardize_on
from kbin.progress import Progress
from kbin.runs import Predictions, RunDirectory
from kbin.training.trainer import Labelled, Trained, train

_PREDICTION_BATCH = 128
_IMAGES_COMPARED = 4  # after reloading
# Of a probability. In float32 another order of operations gives about 1e-6; features in bfloat16 move it by some
# hundredths, and by more only where something is wrong.
_LARGEST_DIFFERENCE = {"float32": 1e-3, "bfloat16": 0.25}


@dataclass(frozen=True)
class ModelRun:
    """What one model under one seed left in the run folder, and how long it took.

    Attributes:
        seed: Of initial weights, order and dropout.
        trained: History and kept epoch.
        probabilities: Set name -> shape (n,) for a sigmoid output, (n, num_classes) for softmax.
        seconds: "features", "training" and "evaluation".
    """

    seed: int
    trained: Trained
    probabilities: dict[str, np.ndarray]
    seconds: dict[str, float]


class _Clock:
    """Adds the seconds of a run's stages up."""

    def __init__(self) -> None:
        self.seconds = {"features": 0.0, "training": 0.0, "evaluation": 0.0}
        self._last = time.perf_counter()

    def book(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


def build_configured(model: ModelConfig, num_classes: int, image_size: int, seed: int) -> keras.Model:
    """Builds the classifier of one entry of `models`, with initial weights drawn from `seed`."""
    keras.utils.set_random_seed(seed)
    return build_classifier(
        model.backbone,
        weights=model.weights,
        train_blocks=model.depth,
        train_from=model.train_from,
        hidden_units=model.head.hidden_units,
        dropout=model.head.dropout,
        standardize=model.head.standardize,
        num_classes=num_classes,
        output=model.head.output,
        image_size=image_size,
    )


@dataclass(frozen=True)
class Setting:
    """What all models of an experiment have in common.

    Attributes:
        training: The section `training`.
        engine: Gives the features of the frozen prefix; None trains the uncut models.
        augmentation: How training images are augmented; None where they are not.
        run: Where history, model and predictions go.
        progress: Where bars are shown.
    """

    training: TrainingConfig
    engine: FeatureEngine | None
    augmentation: Augmentation | None
    run: RunDirectory
    progress: Progress


def run_model(model_config: ModelConfig, sets: Mapping[str, SetImages], setting: Setting, seed: int) -> ModelRun:
    """Trains and evaluates one model under one seed, and saves what it leaves.

    Args:
        model_config: The entry of `models`.
        sets: Evaluation sets by name; "train" is trained on, "validation", where it is there, watched.
        setting: What it has in common with the others.
        seed: Of initial weights, order and dropout.

    Raises:
        TrainingError: Training diverged.
        IntegrityError: A frozen tensor moved, or the saved file predicts something else.
    """
    clock = _Clock()
    training, data = setting.training.for_model(model_config), sets["train"].data
    model = build_configured(model_config, len(data.classes), sets["train"].images.image_size, seed)
    parts = cut(model) if setting.engine is not None else None
    network_inputs = stored_inputs(parts, sets, setting.engine, setting.augmentation, setting.progress) or uncut_inputs(
        sets, setting.augmentation, training.epochs
    )
    if network_inputs.is_uncut or parts is None:
        network, start = model, model.input
    else:
        network, start = parts.tail, parts.boundary
    if model_config.head.standardize:
        _standardize(model, start, network_inputs.by_set["train"])
    before = frozen_fingerprints(model)
    clock.book("features")

    def labelled(name: str) -> Labelled:
        return Labelled(network_inputs.by_set[name], sets[name].data.labels)

    rate = training.learning_rate_for(model_config)
    try:
        trained = train(
            network,
            Labelled(network_inputs.training, data.labels, network_inputs.num_views),
            labelled("validation") if "validation" in sets else None,
            training,
            learning_rate=rate,
            seed=seed,
            class_weights=class_weights(training, data),
            progress=setting.progress,
            description=f"{model_config.id}, seed {seed}",
        )
    except Exception:
        # Losses and metrics complain of NaN in many words, but never say that training diverged.
        check_converged(network.predict_on_batch(network_inputs.by_set["train"].take(np.arange(1))), rate)
        raise
    check_frozen(model, before)
    clock.book("training")

    hashes = {name: one.data.content_hashes() for name, one in sets.items()}
    outputs = predict_sets(network, network_inputs.by_set, hashes, _PREDICTION_BATCH)
    probabilities = {name: _probabilities(outputs[name]) for name in sets}
    for scores in probabilities.values():
        check_converged(scores, rate)
    model_id = model_config.id or ""
    _save_predictions(setting.run, model_id, seed, trained, sets, probabilities)
    path = setting.run.save_model(model_id, seed, model.save)
    compared = next((name for name in ("test", "validation") if name in sets), "train")
    few = np.arange(min(_IMAGES_COMPARED, len(sets[compared].data)))
    precision = "float32" if network is model or setting.engine is None else setting.engine.precision
    check_saved(path, model, sets[compared].images.take(few), probabilities[compared][few], precision)
    clock.book("evaluation")
    return ModelRun(seed, trained, probabilities, clock.seconds)


def check_converged(outputs: np.ndarray, learning_rate: float) -> None:
    """Raises a TrainingError where a network's outputs are not numbers."""
    if not np.isfinite(outputs).all():
        raise TrainingError(
            f"training diverged at learning rate {learning_rate:g}: the model's outputs are not numbers any more. "
            "Set a smaller `training.learning_rate`."
        )


def class_weights(training: TrainingConfig, data: Dataset) -> np.ndarray | None:
    """Returns a weight a class, shape (num_classes,); "balanced" gives every class the same sum."""
    if training.class_weight is None:
        return None
    if training.class_weight == "balanced":
        counts = np.bincount(data.labels, minlength=len(data.classes))
        return len(data) / (len(data.classes) * counts)
    return np.array([training.class_weight.get(name, 1.0) for name in data.classes])


def _standardize(model: keras.Model, start: keras.KerasTensor, train_inputs: Inputs) -> None:
    """Adapts the head's Normalization layer to what enters it, computed from the tensor `start` of the model."""
    layer = model.get_layer(STANDARDIZE)
    if start is layer.input:
        features = train_inputs.take(np.arange(len(train_inputs)))
    else:
        features = predict_inputs(keras.Model(start, layer.input), train_inputs, _PREDICTION_BATCH)
    standardize_on(layer, features)


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def _save_predictions(
    run: RunDirectory,
    model_id: str,
    seed: int,
    trained: Trained,
    sets: Mapping[str, SetImages],
    probabilities: Mapping[str, np.ndarray],
) -> None:
    run.save_history(model_id, seed, trained.history)
    for name, one in sets.items():
        run.save_predictions(model_id, seed, name, _as_predictions(one.data, probabilities[name]), one.data.classes)


def check_saved(path: Path, model: keras.Model, images: np.ndarray, scores: np.ndarray, precision: str) -> None:
    """Opens the saved model again: it must predict what the whole model does, and that what was trained.

    Args:
        path: The saved model.
        model: The whole model, its parts trained.
        images: shape (n, height, width, 3).
        scores: The probabilities of these images from stored features.
        precision: Of the stored features.
    """
    whole = _probabilities(np.asarray(model.predict_on_batch(images)))
    again = _probabilities(np.asarray(keras.saving.load_model(path, compile=False).predict_on_batch(images)))
    for what, values, expected, allowed in (
        ("opened again, it", again, whole, _LARGEST_DIFFERENCE["float32"]),
        ("as one model, it", whole, scores, _LARGEST_DIFFERENCE[precision]),
    ):
        difference = float(np.abs(values - expected).max())
        if not difference <= allowed:
            raise IntegrityError(
                f"the saved model {path} is not what was trained: {what} predicts other probabilities (difference "
                f"{difference:.2g} on {len(images)} images). This is a fault of kbin or Keras; please report it."
            )


def _as_predictions(data: Dataset, probabilities: np.ndarray) -> Predictions:
    several = len(data.classes) > 2
    if probabilities.ndim == 2:
        score = probabilities.max(axis=1) if several else probabilities[:, 1]
    else:
        score = probabilities
    return Predictions(
        data.sample_ids,
        data.paths,
        np.array(data.classes)[data.labels],
        score,
        probabilities if several else None,
    )
