"""The feature pass on a cluster: the shards that the store lacks are computed by its workers, and stored here."""

import math
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from kbin.catalogue import NONE, find_backbone
from kbin.config.models import ModelConfig
from kbin.data.image_sources import ImageSource, JoinedImages
from kbin.engine.batches import in_batches
from kbin.engine.feature_store import NETWORKS, FeatureStore
from kbin.engine.features import FeatureEngine, feature_title
from kbin.engine.inputs import ImageInputs
from kbin.engine.prefix import Cut, cut
from kbin.engine.runtimes import BATCH_SIZE, Runtime, open_runtime, runtime_name
from kbin.environment import available_cores
from kbin.errors import ClusterError, KbinError, StoreFullError
from kbin.execution import Execution
from kbin.model_inputs import SetImages
from kbin.model_run import build_configured
from kbin.model_stages import Setting
from kbin.models.freezing import freeze_below
from kbin.progress import Progress


@dataclass(frozen=True)
class PrefixRecipe:
    """What a worker needs to build a frozen prefix and run it as it is run here.

    Attributes:
        model: The entry of `models`.
        num_classes: Of the data.
        image_size: Side of the images in pixels.
        seed: Of the initial weights.
        first_unit: The first trainable unit; None where the whole backbone is frozen.
        resize: How images come to their size.
        runtime: "torch" or "openvino".
        precision: "float32" or "bfloat16".
        fingerprint: Of the prefix that is built here.
    """

    model: ModelConfig
    num_classes: int
    image_size: int
    seed: int
    first_unit: str | None
    resize: str
    runtime: str
    precision: str
    fingerprint: str


def compute_all_features(
    models: Sequence[ModelConfig], sets: Mapping[str, SetImages], setting: Setting, execution: Execution
) -> None:
    """Has the workers of a cluster compute what training will find stored; augmented views are computed here.

    Args:
        models: All that are trained, with each depth that a search tries.
        sets: Evaluation sets by name.
        setting: What the models have in common.
        execution: The cluster.

    Raises:
        KbinError: A worker cannot read the images, or lacks the weights or the runtime.
    """
    engine, augmented = setting.engine, setting.augmentation
    if engine is None or (augmented is not None and augmented.views is None):
        return
    for model in distinct_networks(models):
        try:
            # Pretrained weights are the same for every seed.
            for seed in setting.training.seeds if model.weights == NONE else setting.training.seeds[:1]:
                compute_features(model, seed, sets, engine, execution, setting.progress)
        except KbinError:
            raise
        except Exception as error:  # of this model: training it here either meets the same, or does not need it
            setting.progress.say(f"{model.id}: the cluster could not compute its features ({error}).")


def distinct_networks(models: Sequence[ModelConfig]) -> list[ModelConfig]:
    """Returns one model of each network, cuts included: a search tries many settings on each."""
    by_network = {
        (model.backbone, model.weights, *(stage.trained_part for stage in model.steps)): model
        for model in reversed(models)
    }
    return list(reversed(by_network.values()))


def compute_features(
    model: ModelConfig,
    seed: int,
    sets: Mapping[str, SetImages],
    engine: FeatureEngine,
    execution: Execution,
    progress: Progress,
) -> None:
    """Computes the features that training this model will need and the store lacks; augmented views are not among them.

    The tables, their shards and the bytes of these are those of a pass in this process.

    Args:
        model: The entry of `models`.
        seed: Of the initial weights.
        sets: Evaluation sets by name.
        engine: Whose store is filled.
        execution: Where the shards are computed.
        progress: Where the pass is shown.

    Raises:
        KbinError: A worker cannot read the images, or lacks the weights or the runtime.
    """
    train = sets["train"]
    size, num_classes = train.images.image_size, len(train.data.classes)
    built = build_configured(model, num_classes, size, seed)
    hashes = np.concatenate([one.data.content_hashes() for one in sets.values()])
    images = JoinedImages([one.data.images for one in sets.values()])
    for parts, first_unit in frozen_prefixes(built, model):
        resize, runtime, precision = train.images.resize, engine.runtime_name, engine.precision
        fingerprint = parts.fingerprint()
        recipe = PrefixRecipe(model, num_classes, size, seed, first_unit, resize, runtime, precision, fingerprint)
        try:
            _compute_missing(parts, recipe, images, hashes, engine, execution, progress)
        except StoreFullError:
            return  # the model is trained uncut, and this is said then


def features_of_shard(images: ImageSource, recipe: PrefixRecipe) -> tuple[str, np.ndarray]:
    """Computes the features of a shard's images in a worker.

    Args:
        images: They.
        recipe: Of the prefix.

    Returns:
        The name of the runtime that computed them, and the features, shape (len(images), ...).
    """
    try:
        runtime = _opened_runtime(recipe)
        inputs = ImageInputs(images, recipe.image_size, recipe.resize, available_cores())
        return runtime.name, np.concatenate(list(runtime.run(in_batches(inputs, BATCH_SIZE))))
    except KbinError as error:
        raise type(error)(f"in the worker on {socket.gethostname()}: {error}") from error


_opened: dict[PrefixRecipe, Runtime] = {}  # of a worker: the last one, since a pass has one prefix


def _opened_runtime(recipe: PrefixRecipe) -> Runtime:
    if recipe not in _opened:
        _opened.clear()
        model = build_configured(recipe.model, recipe.num_classes, recipe.image_size, recipe.seed)
        freeze_below(model, recipe.first_unit)
        parts = cut(model)
        if parts is None or parts.fingerprint() != recipe.fingerprint:
            raise ClusterError(
                f"{recipe.model.backbone} with weights {recipe.model.weights} is another network than here: its "
                "weights below the cut differ. Give the worker the same packages and files of weights."
            )
        networks = FeatureStore.of_this_machine().root / NETWORKS
        name = runtime_name(recipe.runtime)
        _opened[recipe] = open_runtime(parts, name, recipe.precision, networks, Progress())
    return _opened[recipe]


def frozen_prefixes(built: keras.Model, model: ModelConfig) -> Iterator[tuple[Cut, str | None]]:
    """Yields the cut of every stage with its first trainable unit, where the weights below it are known by now."""
    trained_from = math.inf
    for stage in model.steps:
        first_unit = find_backbone(model.backbone).first_trainable_unit(stage.train_blocks, stage.train_from)
        freeze_below(built, first_unit)
        parts = cut(built)
        if parts is None:
            return
        depth = math.inf if parts.first_depth is None else parts.first_depth
        if depth <= trained_from:  # else an earlier stage trains blocks below this cut
            trained_from = depth
            yield parts, first_unit


def _compute_missing(
    parts: Cut,
    recipe: PrefixRecipe,
    images: ImageSource,
    hashes: np.ndarray,
    engine: FeatureEngine,
    execution: Execution,
    progress: Progress,
) -> None:
    table = engine.store.table(engine.key(parts))
    if not table.missing(hashes):
        return
    used: set[str] = set()
    with engine.filling(table, parts, hashes) as shards:
        title = f"{feature_title(recipe.runtime, recipe.precision)}, {recipe.model.id}"
        with progress.bar(title, sum(map(len, shards)), "images") as advance:
            pieces = [images.select(shard) for shard in shards]
            for index, (runtime, features) in execution.run(features_of_shard, pieces, recipe):
                used.add(runtime)
                if len(used) > 1:
                    raise ClusterError(
                        f"workers ran {recipe.model.backbone} on {' and '.join(sorted(used))}: their features differ "
                        "slightly. Install the same packages on all of them, or set `engine.runtime: torch`."
                    )
                table.add(list(hashes[shards[index]]), features)
                advance(len(features))
