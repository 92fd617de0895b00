"""Several run folders as one list of runs and models, each with a name that no other has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kbin.errors import RunFolderError
from kbin.report.recorded import ModelResults, RunResults, read_results
from kbin.runs import RunDirectory


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """A model with results; `name` is its id, with its run's label before it where other runs have the same id."""

    name: str
    model: ModelResults


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A finished run; `label` is the experiment's name, or the folder's where experiments have the same name."""

    label: str
    folder: RunDirectory
    results: RunResults
    models: tuple[ComparedModel, ...]


def read_runs(folders: Sequence[RunDirectory]) -> list[ComparedRun]:
    """Reads the results of several runs.

    Raises:
        RunFolderError: There are fewer than two, one is given twice, is not finished or is damaged.
    """
    if len(folders) < 2:
        raise RunFolderError(f"a comparison needs at least two runs, got {len(folders)}.")
    places = [folder.path.resolve() for folder in folders]
    for place, count in Counter(places).items():
        if count > 1:
            raise RunFolderError(
                f"the run {place} is given {count} times: a run is compared with others, give it once."
            )
    results = [_read(folder) for folder in folders]
    labels = _labels(folders, [one.experiment for one in results])
    ids = Counter(model.id for one in results for model in one.done)
    return [
        ComparedRun(
            label,
            folder,
            one,
            tuple(
                ComparedModel(model.id if ids[model.id] == 1 else f"{label} / {model.id}", model) for model in one.done
            ),
        )
        for label, folder, one in zip(labels, folders, results, strict=True)
    ]


def _read(folder: RunDirectory) -> RunResults:
    try:
        return read_results(folder.results())
    except RunFolderError as error:
        message = str(error)  # of several folders it must be clear which
        raise RunFolderError(message if str(folder.path) in message else f"{folder.path}: {message}") from None


def _labels(folders: Sequence[RunDirectory], experiments: Sequence[str]) -> list[str]:
    """Returns a name a run: the experiment's, else the folder's, else the whole path."""
    names = [folder.path.resolve().name for folder in folders]
    paths = [str(folder.path) for folder in folders]
    labels = [
        name if experiments.count(experiment) > 1 else experiment
        for experiment, name in zip(experiments, names, strict=True)
    ]
    return [path if labels.count(label) > 1 else label for label, path in zip(labels, paths, strict=True)]
