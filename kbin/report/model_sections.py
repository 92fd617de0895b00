"""What the page says of one model, as rows and numbers before any markup."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.evaluation.confusion import ConfusionMatrix
from kbin.model_description import DESCRIPTION
from kbin.report.pictures import Picture, learning_pictures
from kbin.report.plots import MOST_CLASSES_IN_CONFUSION
from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.search_sections import chosen_settings
from kbin.report.wording import COLLAPSED, UNDEFINED, count_text, metric_text, number_text, share_text
from kbin.runs import RunDirectory

_CLASS_METRICS = ("precision", "recall", "f1", "roc_auc")


@dataclass(frozen=True)
class ClassRow:
    """One class of one set: number of images, precision, recall, F1, ROC AUC; marked where the model collapsed."""

    set_name: str
    class_name: str
    n: int
    values: list[str]
    mark: str


@dataclass(frozen=True)
class SeedRow:
    """One seed: the epoch whose weights were kept, its AUC on each shown set, and on which it collapsed."""

    seed: int
    epoch: int
    threshold: float
    areas: list[str]
    collapsed: list[str]


@dataclass(frozen=True)
class ConfusionCell:
    """Mean number of images over seeds, and the share of the true class that it is."""

    count: str
    share: str
    shade: float
    right: bool


@dataclass(frozen=True)
class ConfusionTable:
    """The confusion on one set, means over seeds; rows are true classes, columns predicted ones."""

    set_name: str
    rows: dict[str, list[ConfusionCell]]
    totals: dict[str, str]


@dataclass(frozen=True)
class ModelSection:
    """Everything that the page says of one model.

    Attributes:
        anchor: Where links lead; ids of people's making are no good for it.
        model: As recorded.
        chosen: The settings that a search chose, "" without one.
        shown: The sets of classes, seeds and confusions: the test sets, or what comes nearest.
        collapses: A sentence for each set on which it collapsed, with the name of the set.
        classes: Rows of precision, recall, F1 and ROC AUC.
        seeds: A row a seed.
        confusions: A table a set; empty where the classes are too many to read.
        learning: Learning curves.
        folder: Of the first seed's trained model, seen from the run's; "" where `kbin predict` does
            not take it.
    """

    anchor: str
    model: ModelResults
    chosen: str = ""
    shown: tuple[str, ...] = ()
    collapses: tuple[str, ...] = ()
    classes: tuple[ClassRow, ...] = ()
    seeds: tuple[SeedRow, ...] = ()
    confusions: tuple[ConfusionTable, ...] = ()
    learning: tuple[Picture, ...] = ()
    folder: str = ""

    @property
    def has_undefined(self) -> bool:
        """Whether a number is missing in one of the tables."""
        rows = [row.values for row in self.classes] + [row.areas for row in self.seeds]
        return any(UNDEFINED in row for row in rows)


def model_sections(run: RunDirectory, results: RunResults) -> list[ModelSection]:
    """Returns a section a model, in the order of the experiment; one without results has its settings only.

    Raises:
        RunFolderError: A plot or a history is missing.
    """
    return [_section(run, results, model, f"model-{index}") for index, model in enumerate(results.models, start=1)]


def _section(run: RunDirectory, results: RunResults, model: ModelResults, anchor: str) -> ModelSection:
    chosen = chosen_settings(model)
    if not model.has_results:
        return ModelSection(anchor, model, chosen)
    shown = results.shown_sets
    readable = len(results.classes) <= MOST_CLASSES_IN_CONFUSION
    return ModelSection(
        anchor,
        model,
        chosen,
        shown,
        collapses=tuple(
            f"On “{name}”: {model.sets[name].collapse}." for name in results.reading_order if model.sets[name].collapsed
        ),
        classes=tuple(_class_rows(results, model, shown)),
        seeds=tuple(_seed_rows(model, shown)),
        confusions=tuple(_confusion(results, name, model.sets[name]) for name in shown) if readable else (),
        learning=tuple(learning_pictures(run, results, model)),
        folder=_usable_folder(run, model),
    )


def _usable_folder(run: RunDirectory, model: ModelResults) -> str:
    folder = run.model_folder(model.id, model.seeds[0])
    return folder.relative_to(run.path).as_posix() if run.has_file(folder / DESCRIPTION) else ""


def _class_rows(results: RunResults, model: ModelResults, shown: Sequence[str]) -> list[ClassRow]:
    rows = []
    for name in shown:
        for label in results.classes:
            one = model.sets[name].per_class[label]
            mark = COLLAPSED if model.sets[name].collapsed else ""
            rows.append(ClassRow(name, label, one.n, [metric_text(m, getattr(one, m)) for m in _CLASS_METRICS], mark))
    return rows


def _seed_rows(model: ModelResults, shown: Sequence[str]) -> list[SeedRow]:
    rows = []
    for index, (seed, epoch) in enumerate(zip(model.seeds, model.epoch, strict=True)):
        entries = [model.sets[name].per_seed[index] for name in shown]
        areas = [metric_text("roc_auc", entry.metrics.get("roc_auc")) for entry in entries]
        collapsed = [name for name, one in zip(shown, entries, strict=True) if one.collapsed]
        rows.append(SeedRow(seed, epoch, entries[0].threshold, areas, collapsed))
    return rows


def _confusion(results: RunResults, set_name: str, entry: SetResults) -> ConfusionTable:
    shares = ConfusionMatrix(entry.confusion, results.classes, results.positive).row_shares()
    rows = {
        label: [
            ConfusionCell(number_text(count), share_text(share), round(share or 0.0, 3), row == column)
            for column, (count, share) in enumerate(zip(entry.confusion[row], shares[row], strict=True))
        ]
        for row, label in enumerate(results.classes)
    }
    return ConfusionTable(set_name, rows, {label: count_text(one.n, "image") for label, one in entry.per_class.items()})
