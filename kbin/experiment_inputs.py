"""From the experiment's settings to what its models share: the engine, the images of the sets, the augmentation."""

import json
from collections.abc import Sequence

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.data.sets import LoadedSets
from kbin.engine.augmentation import Augmenter
from kbin.engine.augmented_views import StoredViews
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine
from kbin.engine.inputs import ImageInputs
from kbin.engine.runtimes import runtime_name
from kbin.environment import available_cores
from kbin.model_inputs import Augmentation, SetImages
from kbin.progress import Progress


def open_engine(config: ExperimentConfig, progress: Progress) -> FeatureEngine | None:
    """Returns what computes and stores features; None where the uncut models are trained.

    Raises:
        MissingExtraError: The runtime that the experiment names is not installed.
    """
    settings = config.engine
    if not settings.store:
        return None
    return FeatureEngine(
        FeatureStore.of_this_machine(),
        runtime_name(settings.runtime),
        settings.precision,
        config.data.resize,
        progress,
    )


def num_stored_views(config: ExperimentConfig, models: Sequence[ModelConfig]) -> int:
    """Returns the number of stored views of each training image; 0 where none are stored.

    An epoch takes one view of each image: more than the longest training has epochs would never be seen.

    Args:
        config: Every setting resolved.
        models: All that are trained, with each number of epochs that a search tries.
    """
    if not config.augment:
        return 0
    return min(config.engine.views, max(sum(m.training_of(s, config.training).epochs for s in m.steps) for m in models))


def augmentation(config: ExperimentConfig, train: SetImages, num_views: int) -> Augmentation | None:
    """Returns how training images are augmented; None where they are not.

    Args:
        config: Every setting resolved.
        train: The training set.
        num_views: Stored views of each image; 0 draws new ones in every epoch.

    Raises:
        ConfigError: A layer does not take its arguments.
    """
    if not config.augment:
        return None
    rows = [layer.model_dump(mode="json") for layer in config.augment]
    augmenter = Augmenter(rows)
    augmenter.check(config.data.image_size)
    hashes = train.data.content_hashes()
    views = StoredViews(train.images, hashes, augmenter, num_views) if num_views else None
    return Augmentation(augmenter, json.dumps(rows), views, num_views)


def images_of_sets(loaded: LoadedSets, config: ExperimentConfig) -> dict[str, SetImages]:
    """Returns every set with its images, decoded by all cores when they are needed."""
    threads = available_cores()
    return {
        name: SetImages(data, ImageInputs(data.images, config.data.image_size, config.data.resize, threads))
        for name, data in loaded.sets.items()
    }
