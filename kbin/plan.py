"""What `kbin check` prints: sets, models with their parameters, and what a run will cost, before anything runs."""

from collections.abc import Iterator

import keras

from kbin.catalogue import find_backbone
from kbin.config.evaluation import OUT_OF_FOLD, EvaluationConfig
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.data.bad_images_named import refuse_bad_images
from kbin.data.sets import LoadedSets, load_sets
from kbin.engine.calibration import seconds_per_image, seconds_per_step
from kbin.engine.features import FeatureEngine, feature_bytes
from kbin.engine.prefix import Cut, cut
from kbin.engine.sampling import epoch_size
from kbin.errors import TrainingError
from kbin.experiment import describe_sets
from kbin.experiment_inputs import augmentation, images_of_sets, num_stored_views, open_engine
from kbin.interruption import with_safe_points
from kbin.memory_plan import check_memory, needed_bytes
from kbin.model_inputs import Augmentation, SetImages
from kbin.model_run import build_configured
from kbin.models.freezing import freeze_below
from kbin.models.memory import Memory
from kbin.operating_point import threshold_origin
from kbin.planned_models import PlannedModel, plan_models
from kbin.progress import Progress, duration
from kbin.search.plan import SearchPlan, plan_search, searched_models
from kbin.search.stacks import is_stackable
from kbin.training.compilation import compile_classifier

_UNCUT_BATCH = 8  # images of a calibration step: a whole network takes long for 32


def plan_lines(config: ExperimentConfig, progress: Progress | None = None) -> Iterator[str]:
    """Yields the plan of an experiment, line by line: a calibration takes seconds.

    Args:
        config: Every setting resolved.
        progress: Where the conversion of a network is announced.

    Raises:
        KbinError: The data or the weights are wrong.
    """
    refuse_bad_images(config.data, progress)
    loaded = load_sets(config.data, progress)
    training = config.training
    yield f"experiment: {config.name}"
    yield from describe_sets(loaded)
    yield ""
    yield (
        f"training: {training.epochs} epochs, batch {training.batch_size}, {training.optimizer}, "
        f"seeds {', '.join(map(str, training.seeds))}"
    )
    yield f"threshold: {_threshold_text(config.evaluation, loaded)}"
    search = plan_search(config, loaded.sets)
    if search is not None:
        yield from _search_lines(search)
    planned = plan_models(config, loaded, search)
    engine = open_engine(config, progress or Progress())
    sets = images_of_sets(loaded, config)
    augmented = augmentation(config, sets["train"], num_stored_views(config, searched_models(config, search)))
    for model in with_safe_points(planned):
        yield ""
        yield from _model_lines(model)
        if search is not None:
            yield from _trials_lines(model.config, search, config)
        yield from str(model.parameters).splitlines()
        yield _memory_line(model.memory)
        needed = needed_bytes(model.stage_memory, model.config, config)
        yield f"  a training step needs about {needed / 1e9:.2f} GB of memory"
        try:
            check_memory(model.stage_memory, model.config, config)
        except TrainingError as error:  # in a run this model fails, and the others go on
            yield f"  TOO LARGE: {error}"
            continue  # what follows measures a step
        yield from _cost_lines(model, config, sets, engine, augmented)


def _search_lines(search: SearchPlan) -> list[str]:
    settings = search.settings
    varied = f" of {', '.join(settings.keys)}" if settings.keys else ""
    times = f" x {settings.repeats} repeats" if settings.repeats > 1 else ""
    return [
        f"search: {len(search.combinations)} combinations{varied} x {settings.folds} folds{times} = "
        f"{search.num_trials:,} trials of each model, by {settings.score}",
        *(f"note: {note}" for note in search.notes),
    ]


def _trials_lines(model: ModelConfig, search: SearchPlan, config: ExperimentConfig) -> list[str]:
    """Returns how the trials of a model are run; those of heads take seconds in all."""
    if not model.search:
        return ["  search: none, it is trained as it is written"]
    num_heads = sum(is_stackable(one, config) for one in search.variants(model)) * len(search.folds)
    kinds = [
        f"{num_heads:,} heads on stored features, many at once" * bool(num_heads),
        f"{search.num_trials - num_heads:,} networks one after the other" * (num_heads < search.num_trials),
    ]
    after = "then trained with the chosen settings" if search.settings.refit else "nothing is trained after it"
    return [f"  search: {' and '.join(filter(None, kinds))}", f"  {after}; below: with the settings of the file"]


def _threshold_text(evaluation: EvaluationConfig, loaded: LoadedSets) -> str:
    origin = threshold_origin(evaluation, {name: data.labels for name, data in loaded.sets.items()}, loaded.classes)
    threshold = evaluation.threshold
    if origin is None:
        return "none: of more than two classes, the most probable one is the answer"
    if origin.chosen_on == "fixed":
        return f"{threshold.fixed}"
    if origin.criterion is None:
        return f"0.5 ({origin.note})"
    wanted = "" if threshold.sensitivity is None else f" of at least {threshold.sensitivity:g}"
    costs = evaluation.costs
    if origin.criterion == "cost" and costs is not None:
        wanted = f" (false positive {costs.false_positive:g}, false negative {costs.false_negative:g})"
    where = {
        "validation": "chosen on the validation set, by each seed",
        OUT_OF_FOLD: "chosen on the out-of-fold predictions of the search, one for all seeds",
    }
    return f"{origin.criterion}{wanted}, {where[origin.chosen_on]}, then locked for all sets"


def _model_lines(planned: PlannedModel) -> list[str]:
    model = planned.config
    head = [f"{units} units" for units in model.head.hidden_units]
    head = ["standardised features"] * model.head.standardize + head + [model.head.output or "sigmoid or softmax"]
    return [
        f"model {model.id}: {model.backbone}, weights {model.weights}, trains {_part_text(model.trained_part)}, "
        f"learning rate {planned.learning_rate:g}",
        f"  head: {', '.join(head)}",
    ]


def _memory_line(memory: Memory) -> str:
    return (
        f"  memory for one image: input {memory.input_mb:.2f} MB, activations {memory.activations_mb:.2f} MB, "
        f"weights {memory.weights_mb:.2f} MB"
    )


def _part_text(trained_part: int | str) -> str:
    return (
        f"{trained_part} blocks" if isinstance(trained_part, int) or trained_part == "all" else f"from {trained_part}"
    )


def _cost_lines(
    planned: PlannedModel,
    config: ExperimentConfig,
    sets: dict[str, SetImages],
    engine: FeatureEngine | None,
    augmented: Augmentation | None,
) -> Iterator[str]:
    """Yields what is stored, what is missing, the room it needs, and the expected time, stage by stage."""
    entry = planned.config
    model = build_configured(entry, len(sets["train"].data.classes), config.data.image_size, config.training.seeds[0])
    for number, stage in enumerate(with_safe_points(entry.steps), start=1):
        training = entry.training_of(stage, config.training)
        if len(entry.steps) > 1:
            part = _part_text(stage.trained_part)
            yield f"  stage {number}: trains {part}, learning rate {training.learning_rate:g}"
        freeze_below(model, find_backbone(entry.backbone).first_trainable_unit(stage.train_blocks, stage.train_from))
        draws_anew = augmented is not None and augmented.views is None
        parts = None if engine is None or draws_anew else cut(model)
        if parts is None or engine is None:
            yield "  engine: the uncut model is trained"
            network, batch_size = model, min(_UNCUT_BATCH, training.batch_size)
        else:
            yield from _feature_lines(parts, augmented, sets, engine)
            network, batch_size = parts.tail, training.batch_size
        size = epoch_size(sets["train"].data.labels, training.sampling)
        steps = -(-size // training.batch_size) * training.epochs * len(training.seeds)
        seconds = _step_seconds(network, training, batch_size)
        yield (
            f"  training: {steps:,} steps of {training.batch_size} over {len(training.seeds)} seeds, "
            f"about {duration(seconds * steps)}"
        )


def _feature_lines(
    parts: Cut, augmented: Augmentation | None, sets: dict[str, SetImages], engine: FeatureEngine
) -> Iterator[str]:
    hashes = [name for one in sets.values() for name in one.data.content_hashes()]
    needed = set(hashes)
    missing = engine.store.peek(engine.key(parts)).missing(hashes)
    num_passes = len(missing)
    shape = " x ".join(map(str, parts.boundary.shape[1:]))
    yield (
        f"  features: {len(needed):,} images x {shape} ({feature_bytes(parts) * len(needed) / 1e6:,.1f} MB), "
        f"{len(needed) - len(missing):,} stored already"
    )
    if augmented is not None and augmented.views is not None:
        names = augmented.views.hashes
        views_missing = engine.store.peek(engine.key(parts, augmented.text)).missing(names)
        num_passes += len(views_missing)
        yield (
            f"  augmented: {augmented.num_views} views of {len(sets['train'].data):,} training images, "
            f"{len(names) - len(views_missing):,} stored already"
        )
    if not num_passes:
        yield "  feature pass: none"
        return
    room = feature_bytes(parts) * num_passes
    if room > engine.store.limit_bytes:
        yield (
            f"  feature pass: none, since {room / 1e9:.2f} GB are more than the store's limit; "
            "the uncut model is trained"
        )
        return
    runtime = engine.runtime(parts)
    seconds = seconds_per_image(runtime, sets["train"].images)
    yield (
        f"  feature pass: {num_passes:,} images on {runtime.name} in {runtime.precision}, "
        f"{room / 1e6:,.1f} MB, about {duration(seconds * num_passes)}"
    )


def _step_seconds(network: keras.Model, training: TrainingConfig, batch_size: int) -> float:
    """Returns the seconds of a training step of the configured batch size."""
    compile_classifier(network, training, steps_per_epoch=1)
    return seconds_per_step(network, batch_size) * training.batch_size / batch_size
