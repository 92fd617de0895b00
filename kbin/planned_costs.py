"""What training a model will cost: what is stored and missing, the room it needs, and the expected seconds."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras

from kbin.catalogue import find_backbone
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.engine.calibration import seconds_per_image, seconds_per_step
from kbin.engine.features import FeatureEngine, feature_bytes
from kbin.engine.prefix import Cut, cut
from kbin.engine.sampling import epoch_size
from kbin.interruption import with_safe_points
from kbin.model_inputs import Augmentation, SetImages
from kbin.model_run import build_configured
from kbin.models.freezing import freeze_below
from kbin.training.compilation import compile_classifier

_UNCUT_BATCH = 8  # images of a calibration step: a whole network takes long for 32


@dataclass(frozen=True)
class FeatureCost:
    """The features of a stage.

    Attributes:
        images: Different images of all sets.
        shape: Of one image's features.
        bytes: Of the features of all images.
        stored: Images whose features are there already.
        views: Augmented views of each training image; None without augmentation.
        viewed_images: The training images that have them.
        views_stored: Views whose features are there already.
        missing: Images and views that have to be computed.
        missing_bytes: The room they need.
        is_too_large: Whether that is more than the store may take, so that the uncut model is trained.
        runtime: What computes them; None where nothing is computed, as are the next two.
        precision: Of that arithmetic.
        seconds: That it takes.
    """

    images: int
    shape: tuple[int, ...]
    bytes: int
    stored: int
    views: int | None
    viewed_images: int
    views_stored: int
    missing: int
    missing_bytes: int
    is_too_large: bool
    runtime: str | None = None
    precision: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class StageCost:
    """One stage of a model's training.

    Attributes:
        trained_part: Blocks, or a cut point.
        learning_rate: Of the head.
        features: What enters; None where the uncut model is trained.
        steps: Of all epochs and seeds.
        batch_size: Images of a step.
        num_seeds: How often it is trained.
        seconds: Of all steps.
    """

    trained_part: int | str
    learning_rate: float
    features: FeatureCost | None
    steps: int
    batch_size: int
    num_seeds: int
    seconds: float


def stage_costs(
    entry: ModelConfig,
    config: ExperimentConfig,
    sets: dict[str, SetImages],
    engine: FeatureEngine | None,
    augmented: Augmentation | None,
) -> Iterator[StageCost]:
    """Yields the cost of every stage; measuring one takes seconds.

    Args:
        entry: The model.
        config: Every setting resolved.
        sets: The images.
        engine: What computes features; None trains uncut models.
        augmented: How training images are augmented; None where they are not.
    """
    model = build_configured(entry, len(sets["train"].data.classes), config.data.image_size, config.training.seeds[0])
    for stage in with_safe_points(entry.steps):
        training = entry.training_of(stage, config.training)
        freeze_below(model, find_backbone(entry.backbone).first_trainable_unit(stage.train_blocks, stage.train_from))
        draws_anew = augmented is not None and augmented.views is None
        parts = None if engine is None or draws_anew else cut(model)
        features = None
        network, batch_size = model, min(_UNCUT_BATCH, training.batch_size)
        if parts is not None and engine is not None:
            features = _feature_cost(parts, augmented, sets, engine)
            network, batch_size = parts.tail, training.batch_size
        size = epoch_size(sets["train"].data.labels, training.sampling)
        num_seeds = len(training.seeds)
        steps = -(-size // training.batch_size) * training.epochs * num_seeds
        seconds = _step_seconds(network, training, batch_size) * steps
        yield StageCost(
            stage.trained_part,
            training.rate(stage.trains_backbone),
            features,
            steps,
            training.batch_size,
            num_seeds,
            seconds,
        )


def _feature_cost(
    parts: Cut, augmented: Augmentation | None, sets: dict[str, SetImages], engine: FeatureEngine
) -> FeatureCost:
    hashes = [name for one in sets.values() for name in one.data.content_hashes()]
    images, missing = len(set(hashes)), len(engine.store.peek(engine.key(parts)).missing(hashes))
    stored, views, views_stored, views_missing = images - missing, None, 0, 0
    if augmented is not None and augmented.views is not None:
        names = augmented.views.hashes
        views_missing = len(engine.store.peek(engine.key(parts, augmented.text)).missing(names))
        views, views_stored = augmented.num_views, len(names) - views_missing
    missing += views_missing
    room = feature_bytes(parts) * missing
    is_too_large = room > engine.store.limit_bytes
    cost = (
        images,
        tuple(parts.boundary.shape[1:]),
        feature_bytes(parts) * images,
        stored,
        views,
        len(sets["train"].data),
        views_stored,
        missing,
        room,
        is_too_large,
    )
    if not missing or is_too_large:
        return FeatureCost(*cost)
    runtime = engine.runtime(parts)
    seconds = seconds_per_image(runtime, sets["train"].images) * missing
    return FeatureCost(*cost, runtime.name, runtime.precision, seconds)


def _step_seconds(network: keras.Model, training: TrainingConfig, batch_size: int) -> float:
    """Returns the seconds of a training step of the configured batch size."""
    compile_classifier(network, training, steps_per_epoch=1)
    return seconds_per_step(network, batch_size) * training.batch_size / batch_size
