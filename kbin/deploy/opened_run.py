"""A finished run's folder, and which of its sets, models and seeds is meant."""

from collections.abc import Iterator
from pathlib import Path

from kbin.errors import DataError, unknown_name
from kbin.report.recorded import ModelResults, RunResults, read_results
from kbin.runs import RunDirectory


class OpenedRun:
    """What a run left in its folder.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        results: All of results.json, checked.

    Raises:
        RunFolderError: It is no finished run's, or damaged.
    """

    def __init__(self, path: str | Path):
        self._run = RunDirectory(Path(path).expanduser())
        self.path: Path = self._run.path
        self.results: RunResults = read_results(self._run.results())

    @property
    def models(self) -> list[str]:
        """The ids of the models that have results."""
        return [model.id for model in self.results.done]

    @property
    def sets(self) -> list[str]:
        """The names of the evaluation sets, those that say most first."""
        return list(self.results.reading_order)

    def _trained(self) -> Iterator[tuple[ModelResults, int]]:
        yield from ((model, seed) for model in self.results.done for seed in model.seeds)

    def _set_name(self, name: str | None) -> str:
        """Returns the name of a set, the one that a summary speaks of where none is given."""
        if name is not None and name not in self.results.sets:
            raise DataError(unknown_name("set", name, self.sets))
        return self.results.main_set if name is None else name

    def _chosen(self, model_id: str | None) -> ModelResults:
        """Returns a model, the only one where none is named."""
        if not self.models:
            raise DataError(f"{self.path} has no model with results.")
        if model_id is None and len(self.models) > 1:
            raise DataError(f"name one of the {len(self.models)} models of {self.path}: {', '.join(self.models)}.")
        wanted = self.models[0] if model_id is None else model_id
        if wanted not in self.models:
            raise DataError(unknown_name("model", wanted, self.models))
        return next(model for model in self.results.done if model.id == wanted)

    def _seed(self, model: ModelResults, seed: int | None) -> int:
        """Returns a seed of a model, its first where none is given."""
        if seed is not None and seed not in model.seeds:
            raise DataError(
                f"{model.id} was not trained with seed {seed}; its seeds: {', '.join(map(str, model.seeds))}."
            )
        return model.seeds[0] if seed is None else seed
