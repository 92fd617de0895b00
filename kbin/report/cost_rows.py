"""What models cost, as plain tables: parameters, blocks, memory and time."""

from kbin.report.costs import STAGES
from kbin.report.recorded import Memory, RunResults
from kbin.report.table_rows import PlainTable
from kbin.report.wording import trained_text


def parameter_rows(results: RunResults) -> PlainTable:
    """Returns a row a model, failed ones too: what it is made of, and memory in MB of 2^20 bytes for one image."""
    rows = []
    for model in results.models:
        counts, memory = model.parameters, model.memory or Memory()
        rows.append(
            (
                *(model.id, model.backbone, model.weights, trained_text(model.train_blocks), model.learning_rate),
                *(counts.total, counts.trainable, counts.non_trainable, counts.statistics),
                *(memory.input_mb, memory.activations_mb, memory.weights_mb),
                *(model.status, model.error),
            )
        )
    identity = ("model", "backbone", "weights", "trained_blocks", "learning_rate")
    counted = ("total", "trainable", "non_trainable", "statistics", "input_mb", "activations_mb", "weights_mb")
    return PlainTable((*identity, *counted, "status", "error"), tuple(rows))


def block_rows(results: RunResults) -> PlainTable:
    """Returns a row a model and block, bottom to top."""
    rows = [
        (model.id, one.block, one.parameters, one.trainable, one.statistics)
        for model in results.models
        for one in model.blocks
    ]
    return PlainTable(("model", "block", "parameters", "trainable", "statistics"), tuple(rows))


def time_rows(results: RunResults) -> PlainTable:
    """Returns the seconds of each stage of a model's work, sums over its seeds."""
    rows = [
        (model.id, len(model.seeds), *(model.seconds.get(stage) for stage in STAGES), sum(model.seconds.values()))
        for model in results.models
        if model.seconds
    ]
    columns = ("model", "seeds", *(f"{stage}_seconds" for stage in STAGES), "total_seconds")
    return PlainTable(columns, tuple(rows))
