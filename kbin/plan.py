"""What `kbin check` prints: sets, models with their parameters, and what a run will do, before anything runs."""

from kbin.config import ExperimentConfig, ThresholdConfig
from kbin.data.sets import LoadedSets, load_sets
from kbin.experiment import PlannedModel, describe_sets, plan_models


def plan_lines(config: ExperimentConfig) -> list[str]:
    """Returns the plan of an experiment as lines.

    Raises:
        KbinError: The data or the weights are wrong.
    """
    loaded = load_sets(config.data)
    training = config.training
    lines = [f"experiment: {config.name}", *describe_sets(loaded), ""]
    lines.append(
        f"training: {training.epochs} epochs, batch {training.batch_size}, {training.optimizer}, "
        f"seeds {', '.join(map(str, training.seeds))}"
    )
    lines.append(f"threshold: {_threshold_text(config.evaluation.threshold, loaded)}")
    for planned in plan_models(config, loaded):
        lines += ["", *_model_lines(planned), *str(planned.parameters).splitlines()]
    return lines


def _threshold_text(threshold: ThresholdConfig, loaded: LoadedSets) -> str:
    if len(loaded.classes) > 2:
        return "none: of more than two classes, the most probable one is the answer"
    if threshold.fixed is not None:
        return str(threshold.fixed)
    return f"{threshold.criterion}, chosen on the validation set" if "validation" in loaded.sets else "0.5"


def _model_lines(planned: PlannedModel) -> list[str]:
    model = planned.config
    head = [f"{units} units" for units in model.head.hidden_units]
    head = ["standardised features"] * model.head.standardize + head + [model.head.output or "sigmoid or softmax"]
    depth = model.train_from or f"{model.depth} blocks"
    return [
        f"model {model.id}: {model.backbone}, weights {model.weights}, trains {depth}, "
        f"learning rate {planned.learning_rate:g}",
        f"  head: {', '.join(head)}",
    ]
