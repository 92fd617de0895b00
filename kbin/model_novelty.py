"""From a trained network to what tells images that are unlike anything that it was trained on."""

from collections.abc import Mapping

import keras
import numpy as np

from kbin.data.splits import inseparable
from kbin.engine.features import predict_inputs
from kbin.engine.inputs import Chosen, Inputs
from kbin.engine.prefix import part_below
from kbin.evaluation.novelty import MOST_HELD_OUT, MOST_REFERENCES, NoveltyMeasure, fit_novelty
from kbin.model_inputs import SetImages
from kbin.model_stages import PREDICTION_BATCH
from kbin.models.classifiers import first_head_layer

_SEED = 0


def trained_novelty(
    network: keras.Model,
    inputs: Mapping[str, Inputs],
    sets: Mapping[str, SetImages],
    groups: np.ndarray | None,
    *,
    is_fitted: bool,
) -> NoveltyMeasure | None:
    """Returns the measure of one trained model, from at most 1,000 images of the training and validation sets each.

    Args:
        network: The model, or the tail that was trained.
        inputs: What enters it, by set name.
        sets: The images by set name.
        groups: shape (n,), the group of each training image; None where the images are independent.
        is_fitted: Whether blocks below the head were trained.
    """
    below_head = part_below(network, first_head_layer(network))
    generator = np.random.default_rng(_SEED)

    def features(name: str, most: int) -> tuple[np.ndarray, np.ndarray]:
        count = len(inputs[name])
        chosen = np.sort(generator.permutation(count)[:most])
        return chosen, predict_inputs(below_head, Chosen(inputs[name], chosen), PREDICTION_BATCH)

    chosen, training = features("train", MOST_REFERENCES)
    together = inseparable(len(sets["train"].data), sets["train"].data.content_hashes(), groups)
    validation = features("validation", MOST_HELD_OUT)[1] if "validation" in inputs else None
    return fit_novelty(training, together[chosen], validation, is_fitted=is_fitted)
