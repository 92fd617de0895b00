"""One model under one seed: built, trained, checked, saved, and its predictions on every evaluation set."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kbin.config.models import ModelConfig
from kbin.data.datasets import Dataset
from kbin.engine.features import predict_sets
from kbin.errors import IntegrityError, ModelFileError, TrainingError
from kbin.interruption import safe_point
from kbin.model_inputs import SetImages
from kbin.model_novelty import trained_novelty
from kbin.model_stages import PREDICTION_BATCH, Clock, ModelTraining, Setting, check_converged
from kbin.models.classifiers import build_classifier
from kbin.models.model_files import load_model, load_saved_weights
from kbin.novelty_files import save_novelty
from kbin.run_files import Predictions
from kbin.runs import RunDirectory
from kbin.training.trainer import Trained
from kbin.unfinished import Kept, UnfinishedSeed

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
        model: The whole model, trained, without optimizer; None where nobody needs it any more.
    """

    seed: int
    trained: Trained
    probabilities: dict[str, np.ndarray]
    seconds: dict[str, float]
    model: keras.Model | None


def build_configured(model: ModelConfig, num_classes: int, image_size: int, seed: int) -> keras.Model:
    """Builds the classifier of one entry of `models`: initial weights from `seed`, frozen as in its last stage."""
    keras.utils.set_random_seed(seed)
    last = model.steps[-1]
    return build_classifier(
        model.backbone,
        weights=model.weights,
        train_blocks=last.train_blocks,
        train_from=last.train_from,
        hidden_units=model.head.hidden_units,
        dropout=model.head.dropout,
        standardize=model.head.standardize,
        num_classes=num_classes,
        output=model.head.output,
        image_size=image_size,
    )


def run_model(
    model_config: ModelConfig,
    sets: Mapping[str, SetImages],
    setting: Setting,
    run: RunDirectory,
    seed: int,
    unfinished: UnfinishedSeed | None = None,
    groups: np.ndarray | None = None,
) -> ModelRun:
    """Trains one model under one seed, predicts every set and saves it all, or takes up what an earlier run saved.

    Args:
        model_config: The entry of `models`.
        sets: Evaluation sets by name; "train" is trained on, "validation", where it is there, watched.
        setting: What it has in common with the others.
        run: Where history, model and predictions go.
        seed: Of initial weights, order and dropout.
        unfinished: What an earlier run left of it, and where this one keeps what it has; None keeps nothing.
        groups: shape (n,), the group of each training image; None where the images are independent.

    Raises:
        TrainingError: Training diverged; the last good epoch is saved, where there is one.
        IntegrityError: A frozen tensor moved, or the saved file predicts something else.
    """
    clock = Clock()
    images = sets["train"].images
    model = build_configured(model_config, len(sets["train"].data.classes), images.image_size, seed)
    kept = None if unfinished is None else unfinished.trained().read()
    if kept is not None:
        done = _taken_up(kept, model, run.model_path(model_config.id or "", seed), sets, seed)
        if done is not None:
            return done
        model = build_configured(model_config, len(sets["train"].data.classes), images.image_size, seed)
    result = ModelTraining(model, model_config, sets, setting, seed, clock, unfinished).run()

    hashes = {name: one.data.content_hashes() for name, one in sets.items()}
    outputs = predict_sets(result.network, result.inputs, hashes, PREDICTION_BATCH)
    probabilities = {name: probabilities_of(outputs[name]) for name in sets}
    for scores in probabilities.values():
        check_converged(scores, result.learning_rate)
    model_id = model_config.id or ""
    _save_predictions(run, model_id, seed, result.trained, sets, probabilities)
    run.save_features_key(model_id, seed, result.features_key)
    save_novelty(run, model_id, seed, trained_novelty(result, sets, groups))
    safe_point()
    # Without optimizer and metrics: the file opens wherever Keras is.
    plain = keras.Model(model.input, model.output, name=model.name)
    path = run.save_model(model_id, seed, plain.save)
    if result.trained.diverged is not None:
        raise TrainingError(
            f"seed {seed}: {result.trained.diverged} What it was after epoch {result.trained.epoch} is kept in "
            f"{path.parent}."
        )
    safe_point()
    compared = next((name for name in ("test", "validation") if name in sets), "train")
    few = np.arange(min(_IMAGES_COMPARED, len(sets[compared].data)))
    check_saved(path, model, sets[compared].images.take(few), probabilities[compared][few], result.precision)
    clock.book("evaluation")
    done = ModelRun(seed, result.trained, probabilities, clock.seconds, plain)
    if unfinished is not None:
        unfinished.trained().write(_to_keep(done), run.seed_files(model_id, seed))
        unfinished.forget_stages()
    return done


def _to_keep(done: ModelRun) -> Kept:
    """Returns what `_taken_up` needs; the files of the run have the scores in fewer digits than some dtypes."""
    trained = done.trained
    values = {"history": trained.history, "epoch": trained.epoch, "micro_batch": trained.micro_batch}
    values |= {"seconds": done.seconds}
    return Kept(values, {f"set-{place}": scores for place, scores in enumerate(done.probabilities.values())})


def _taken_up(kept: Kept, model: keras.Model, path: Path, sets: Mapping[str, SetImages], seed: int) -> ModelRun | None:
    """Returns what an earlier run computed, None where it cannot be used.

    The model is built here and has the file's weights, nothing else of it; where None is returned, it may have some.
    """
    values = kept.values
    try:
        probabilities = {name: kept.arrays[f"set-{place}"] for place, name in enumerate(sets)}
        trained = Trained(values["history"], values["epoch"], micro_batch=values["micro_batch"])
        done = ModelRun(seed, trained, probabilities, values["seconds"], model)
        if any(len(scores) != len(sets[name].data) for name, scores in probabilities.items()):
            return None
        load_saved_weights(model, path)
    except (KeyError, TypeError, ModelFileError):  # a record or file that kbin has not written
        return None
    return done


def probabilities_of(outputs: np.ndarray) -> np.ndarray:
    """Returns a network's outputs as probabilities: shape (n,) for a sigmoid, (n, num_classes) for softmax."""
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
        run.save_predictions(model_id, seed, name, as_predictions(one.data, probabilities[name]), one.data.classes)


def check_saved(path: Path, model: keras.Model, images: np.ndarray, scores: np.ndarray, precision: str) -> None:
    """Opens the saved model again: it must predict what the whole model does, and that what was trained.

    Args:
        path: The saved model.
        model: The whole model, its parts trained.
        images: shape (n, height, width, 3).
        scores: The probabilities of these images from stored features.
        precision: Of the stored features.
    """
    whole = probabilities_of(np.asarray(model.predict_on_batch(images)))
    again = probabilities_of(np.asarray(load_model(path).predict_on_batch(images)))
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


def as_predictions(data: Dataset, probabilities: np.ndarray) -> Predictions:
    """Returns probabilities of a set's images as predictions with their names.

    Args:
        data: The images.
        probabilities: shape (n,) or (n, num_classes), in their order.
    """
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
