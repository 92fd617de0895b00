"""The predictions of a run folder as arrays, checked against its results."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kbin.errors import RunFolderError
from kbin.report.recorded import ModelResults, RunResults
from kbin.run_files import Predictions
from kbin.runs import RunDirectory


@dataclass(frozen=True, eq=False)
class Scores:
    """What one trained model says of one set.

    Attributes:
        model_id: The model.
        seed: Its seed.
        y_true: shape (n,), class indices.
        y_probability: shape (n,), of the positive class; (n, num_classes) for more than two.
    """

    model_id: str
    seed: int
    y_true: NDArray[np.int64]
    y_probability: NDArray[np.float64]


def read_scores(run: RunDirectory, recorded: RunResults, model: ModelResults, seed: int, set_name: str) -> Scores:
    """Reads predictions and checks that they are those the results speak of.

    Raises:
        RunFolderError: They are missing or damaged.
    """
    return checked_scores(run.predictions(model.id, seed, set_name, recorded.classes), recorded, model, seed, set_name)


def checked_scores(
    predictions: Predictions, recorded: RunResults, model: ModelResults, seed: int, set_name: str
) -> Scores:
    """Returns predictions as arrays, in their order.

    Raises:
        RunFolderError: They are not those the results speak of.
    """
    indices = {name: k for k, name in enumerate(recorded.classes)}
    where = f"the predictions of {model.id}, seed {seed}, on {set_name}"
    strangers = sorted({str(name) for name in predictions.y_true} - set(indices))
    if strangers:
        raise RunFolderError(f"{where} are damaged: class '{strangers[0]}' is none of {', '.join(indices)}.")
    if len(predictions.y_true) != model.sets[set_name].n:
        raise RunFolderError(
            f"{where} are damaged: {len(predictions.y_true)} images, but results.json counts {model.sets[set_name].n}."
        )
    probabilities = predictions.y_score if predictions.probabilities is None else predictions.probabilities
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise RunFolderError(f"{where} are damaged: probabilities must lie between 0 and 1.")
    y_true = np.array([indices[str(name)] for name in predictions.y_true], dtype=np.int64)
    return Scores(model.id, seed, y_true, probabilities)
