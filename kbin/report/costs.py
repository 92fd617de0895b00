"""What models cost: time beside accuracy, and parameters beside memory, as rows before any markup."""

from dataclasses import dataclass

from kbin.report.recorded import Memory, ModelResults, RunResults
from kbin.report.side_by_side import set_order
from kbin.report.tables import Cell
from kbin.report.wording import COLLAPSED, UNDEFINED, metric_text, spread_text, trained_text

STAGES = ("features", "training", "evaluation")


@dataclass(frozen=True)
class CostRow:
    """One model: how much of it is trained, and its numbers."""

    model_id: str
    trained: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CostTable:
    """Columns after the model and its trained blocks, and a row a model."""

    columns: tuple[str, ...]
    rows: tuple[CostRow, ...]


def time_table(results: RunResults) -> CostTable:
    """Returns the accuracy on each set and the seconds of each stage, as recorded: sums over seeds."""
    sets = set_order(results)
    columns = [f"Accuracy on {name}" for name in sets]
    columns += [f"{stage.capitalize()}, s" for stage in STAGES] + ["Total, s"]
    if results.num_seeds > 1:
        columns.append("Mean a seed, s")
    rows = []
    for model in results.done:
        accuracies = [_accuracy(model, name) for name in sets]
        times = [_seconds(model.seconds.get(stage)) for stage in STAGES]
        total = sum(model.seconds.values()) if model.seconds else None
        times.append(_seconds(total))
        if results.num_seeds > 1:
            times.append(_seconds(None if total is None else total / len(model.seeds)))
        rows.append(CostRow(model.id, trained_text(model.train_blocks), (*accuracies, *times)))
    return CostTable(tuple(columns), tuple(rows))


def parameter_table(results: RunResults) -> CostTable:
    """Returns the parameters of every model, failed ones too, and its memory where a model's is recorded."""
    with_memory = any(model.memory is not None for model in results.models)
    columns = ["Parameters", "Trainable", "Non-trainable"]
    if with_memory:
        columns += ["Input, MB", "Activations, MB", "Weights, MB"]
    rows = []
    for model in results.models:
        counts = (model.parameters.total, model.parameters.trainable, model.parameters.non_trainable)
        cells = [Cell(f"{count:,}", count) for count in counts]
        if with_memory:
            memory = model.memory or Memory()
            cells += [_megabytes(size) for size in (memory.input_mb, memory.activations_mb, memory.weights_mb)]
        rows.append(CostRow(model.id, trained_text(model.train_blocks), tuple(cells)))
    return CostTable(tuple(columns), tuple(rows))


def _accuracy(model: ModelResults, set_name: str) -> Cell:
    entry = model.sets[set_name]
    value = entry.metrics.get("accuracy")
    mark = COLLAPSED if entry.collapsed else ""
    return Cell(metric_text("accuracy", value), value, spread_text("accuracy", entry), mark=mark)


def _seconds(seconds: float | None) -> Cell:
    return _unknown() if seconds is None else Cell(f"{seconds:,.1f}", seconds)


def _megabytes(size: float | None) -> Cell:
    return _unknown() if size is None else Cell(f"{size:,.2f}", size)


def _unknown() -> Cell:
    return Cell(UNDEFINED, None, reason="not recorded")
