"""From a trained network to what tells images that are unlike anything that it was trained on."""

from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np

from kbin.data.splits import inseparable
from kbin.engine.features import predict_inputs
from kbin.engine.inputs import Chosen
from kbin.engine.prefix import mean_over_image, part_below
from kbin.evaluation.novelty import MOST_HELD_OUT, MOST_REFERENCES, NoveltyMeasure, fit_novelty
from kbin.model_inputs import SetImages
from kbin.model_stages import PREDICTION_BATCH, TrainedNetwork
from kbin.models.classifiers import first_head_layer

_SEED = 0


def trained_novelty(
    trained: TrainedNetwork, sets: Mapping[str, SetImages], groups: np.ndarray | None
) -> NoveltyMeasure | None:
    """Returns the measure of one trained model, from at most 1,000 images of the training and validation sets each.

    Its features are those of the highest layers that were not trained: training moves images of other kinds nearer to
    its own. Of a backbone that was trained as a whole they are what enters the head.

    Args:
        trained: The network, what enters it, and what of it is frozen.
        sets: The images by set name.
        groups: shape (n,), the group of each training image; None where the images are independent.
    """
    network, inputs = trained.network, trained.inputs
    if trained.frozen is None:
        below = part_below(network, first_head_layer(network))
    else:
        below = keras.Model(network.input, mean_over_image(trained.frozen))
    generator = np.random.default_rng(_SEED)

    def features(name: str, most: int) -> tuple[np.ndarray, np.ndarray]:
        count = len(inputs[name])
        chosen = np.sort(generator.permutation(count)[:most])
        return chosen, predict_inputs(below, Chosen(inputs[name], chosen), PREDICTION_BATCH)

    chosen, training = features("train", MOST_REFERENCES)
    together = inseparable(len(sets["train"].data), sets["train"].data.content_hashes(), groups)
    validation = features("validation", MOST_HELD_OUT)[1] if "validation" in inputs else None
    is_fitted = trained.first_depth is not None and trained.frozen is None
    measure = fit_novelty(training, together[chosen], validation, is_fitted=is_fitted)
    if measure is None or trained.frozen is None:
        return measure
    return replace(measure, below=trained.first_depth)
