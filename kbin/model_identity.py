"""The identity of a model's results: a hash of all that decides on them."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.engine.runtimes import runtime_name
from kbin.model_inputs import SetImages
from kbin.model_stages import Setting
from kbin.operating_point import ChoiceData
from kbin.search.trials import TrialIds


def model_identity(
    model: ModelConfig,
    config: ExperimentConfig,
    sets: Mapping[str, SetImages],
    setting: Setting,
    groups: Mapping[str, np.ndarray],
    out_of_fold: ChoiceData | None,
) -> str:
    """Returns a hash that changes with settings, images, labels, names, groups, weights files and versions.

    Args:
        model: The entry of `models`.
        config: Every setting resolved.
        sets: Evaluation sets by name.
        setting: What the models have in common.
        groups: Groups of the images by set name, shape (n,).
        out_of_fold: What the folds of a search predict; None without a search.
    """
    engine = config.engine.model_copy(update={"runtime": runtime_name(config.engine.runtime)})
    num_views = 0 if setting.augmentation is None else setting.augmentation.num_views
    ids = TrialIds(config.model_copy(update={"engine": engine}), sets["train"].data, num_views)
    digest = hashlib.blake2b(digest_size=16)
    described = [model.id, ids.of_model(model), list(config.training.seeds), config.evaluation.model_dump(mode="json")]
    digest.update(json.dumps(described, sort_keys=True).encode())
    for name, one in sets.items():
        columns = [one.data.content_hashes(), one.data.sample_ids, groups.get(name, np.empty(0, str))]
        texts = [name, *one.data.classes, *(text for column in columns for text in column.tolist())]
        digest.update(json.dumps(texts).encode())
        digest.update(one.data.labels.tobytes())
    if out_of_fold is not None:
        digest.update(out_of_fold.labels.tobytes() + out_of_fold.probabilities.tobytes())
    return digest.hexdigest()
