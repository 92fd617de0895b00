"""What `kbin check` prints: sets, models with their parameters, and what a run will cost, before anything runs."""

from collections.abc import Iterator

from kbin.config.evaluation import OUT_OF_FOLD, EvaluationConfig
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.experiment import describe_sets
from kbin.experiment_plan import ExperimentPlan
from kbin.interruption import with_safe_points
from kbin.models.memory import Memory
from kbin.operating_point import threshold_origin
from kbin.planned_costs import FeatureCost, StageCost
from kbin.planned_models import PlannedModel
from kbin.progress import Progress, duration
from kbin.search.plan import SearchPlan


def plan_lines(config: ExperimentConfig, progress: Progress | None = None) -> Iterator[str]:
    """Yields the plan of an experiment, line by line: a calibration takes seconds.

    Args:
        config: Every setting resolved.
        progress: Where the conversion of a network is announced.

    Raises:
        KbinError: The data or the weights are wrong.
    """
    plan = ExperimentPlan(config, progress or Progress())
    training = config.training
    yield f"experiment: {config.name}"
    yield from describe_sets(plan.loaded)
    yield ""
    yield (
        f"training: {training.epochs} epochs, batch {training.batch_size}, {training.optimizer}, "
        f"seeds {', '.join(map(str, training.seeds))}"
    )
    yield f"threshold: {_threshold_text(config.evaluation, plan)}"
    if plan.search is not None:
        yield from _search_lines(plan.search)
    for model in with_safe_points(plan.models):
        yield ""
        yield from _model_lines(model)
        if plan.search is not None:
            yield from _trials_lines(model.config, plan.search, plan.num_heads(model.config))
        yield from str(model.parameters).splitlines()
        yield _memory_line(model.memory)
        yield f"  a training step needs about {plan.needed_bytes(model) / 1e9:.2f} GB of memory"
        fault = plan.too_large(model)
        if fault is not None:
            yield f"  TOO LARGE: {fault}"
            continue  # what follows measures a step
        is_only = len(model.config.steps) == 1
        for number, stage in enumerate(plan.stage_costs(model), start=1):
            yield from _stage_lines(stage, number, is_only)


def _search_lines(search: SearchPlan) -> list[str]:
    settings = search.settings
    varied = f" of {', '.join(settings.keys)}" if settings.keys else ""
    times = f" x {settings.repeats} repeats" if settings.repeats > 1 else ""
    return [
        f"search: {len(search.combinations)} combinations{varied} x {settings.folds} folds{times} = "
        f"{search.num_trials:,} trials of each model, by {settings.score}",
        *(f"note: {note}" for note in search.notes),
    ]


def _trials_lines(model: ModelConfig, search: SearchPlan, num_heads: int) -> list[str]:
    """Returns how the trials of a model are run; those of heads take seconds in all."""
    if not model.search:
        return ["  search: none, it is trained as it is written"]
    kinds = [
        f"{num_heads:,} heads on stored features, many at once" * bool(num_heads),
        f"{search.num_trials - num_heads:,} networks one after the other" * (num_heads < search.num_trials),
    ]
    after = "then trained with the chosen settings" if search.settings.refit else "nothing is trained after it"
    return [f"  search: {' and '.join(filter(None, kinds))}", f"  {after}; below: with the settings of the file"]


def _threshold_text(evaluation: EvaluationConfig, plan: ExperimentPlan) -> str:
    origin = threshold_origin(evaluation, plan.labels, plan.loaded.classes)
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


def _stage_lines(stage: StageCost, number: int, is_only: bool) -> Iterator[str]:
    """Yields what is stored, what is missing, the room it needs, and the expected time."""
    if not is_only:
        yield f"  stage {number}: trains {_part_text(stage.trained_part)}, learning rate {stage.learning_rate:g}"
    if stage.features is None:
        yield "  engine: the uncut model is trained"
    else:
        yield from _feature_lines(stage.features)
    yield (
        f"  training: {stage.steps:,} steps of {stage.batch_size} over {stage.num_seeds} seeds, "
        f"about {duration(stage.seconds)}"
    )


def _feature_lines(cost: FeatureCost) -> Iterator[str]:
    yield (
        f"  features: {cost.images:,} images x {' x '.join(map(str, cost.shape))} ({cost.bytes / 1e6:,.1f} MB), "
        f"{cost.stored:,} stored already"
    )
    if cost.views is not None:
        yield (
            f"  augmented: {cost.views} views of {cost.viewed_images:,} training images, "
            f"{cost.views_stored:,} stored already"
        )
    if not cost.missing:
        yield "  feature pass: none"
    elif cost.is_too_large:
        yield (
            f"  feature pass: none, since {cost.missing_bytes / 1e9:.2f} GB are more than the store's limit; "
            "the uncut model is trained"
        )
    elif cost.seconds is not None:
        yield (
            f"  feature pass: {cost.missing:,} images on {cost.runtime} in {cost.precision}, "
            f"{cost.missing_bytes / 1e6:,.1f} MB, about {duration(cost.seconds)}"
        )
