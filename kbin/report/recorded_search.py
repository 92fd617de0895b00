"""What results.json says of a search: of all models, and the combinations of each."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from kbin.config.fields import one_of
from kbin.metric_names import METRIC_NAMES, MetricRow, metric_row
from kbin.report.recorded_sets import MetricValues, NonNegative, RecordedPart

# How the note begins that a person must not miss (kbin/search/plan.py writes it): such scores may be worthless.
_WARNING = "These are plain folds"

AtLeastOne = Annotated[int, Field(ge=1)]
Place = Annotated[int, Field(ge=0)]


class CombinationResults(RecordedPart):
    """One combination of settings: its score in each fold, and what they come to.

    `scores` are those of the folds, repeat after repeat, None where a trial failed or the score is undefined; a
    combination without a mean is not compared, and `errors` say why.
    """

    settings: dict[str, Any]
    scores: tuple[FiniteFloat | None, ...]
    mean: FiniteFloat | None
    standard_deviation: FiniteFloat | None
    standard_error: FiniteFloat | None
    metrics: MetricValues = Field(default_factory=dict)
    within_one_standard_error: bool
    errors: tuple[str, ...] = ()

    @property
    def num_scores(self) -> int:
        """The folds that have a score."""
        return sum(score is not None for score in self.scores)


class ModelSearch(RecordedPart):
    """The search of one model; `best` and `chosen` are None where no combination has a mean."""

    combinations: Annotated[tuple[CombinationResults, ...], Field(min_length=1)]
    best: Place | None
    chosen: Place | None
    seconds: NonNegative = 0.0

    @property
    def best_combination(self) -> CombinationResults | None:
        """The one with the best mean."""
        return None if self.best is None else self.combinations[self.best]

    @property
    def chosen_combination(self) -> CombinationResults | None:
        """The one that the model takes its settings from."""
        return None if self.chosen is None else self.combinations[self.chosen]

    @property
    def num_within(self) -> int:
        """The combinations within one standard error of the best, itself among them."""
        return sum(one.within_one_standard_error for one in self.combinations)

    @property
    def num_compared(self) -> int:
        """The combinations that have a mean."""
        return sum(one.mean is not None for one in self.combinations)

    @model_validator(mode="after")
    def _indices(self) -> Self:
        for name, place in (("best", self.best), ("chosen", self.chosen)):
            if place is not None and place >= len(self.combinations):
                raise ValueError(f"'{name}' is {place}, but there are {len(self.combinations)} combinations")
            if place is not None and self.combinations[place].mean is None:
                raise ValueError(f"'{name}' is a combination without a mean")
        if (self.best is None) != (self.chosen is None):
            raise ValueError("'best' and 'chosen' are both there, or neither")
        return self


class SearchResults(RecordedPart):
    """The search of all models: what was varied, and how it was scored and chosen."""

    score: Annotated[str, one_of("metric", METRIC_NAMES)]
    folds: Annotated[int, Field(ge=2)]
    repeats: AtLeastOne = 1
    select: Literal["best", "one_standard_error"] = "best"
    refit: bool = True
    keys: tuple[str, ...] = ()
    num_trials: AtLeastOne
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> MetricRow:
        """The row of the score in the table of metrics."""
        return metric_row(self.score)

    @property
    def num_scores(self) -> int:
        """The scores of each combination: one a fold of each repeat."""
        return self.folds * self.repeats

    @property
    def num_combinations(self) -> int:
        """The combinations that each model was tried with."""
        return self.num_trials // self.num_scores

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes that call the scores themselves into question."""
        return tuple(note for note in self.notes if note.startswith(_WARNING))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The other notes."""
        return tuple(note for note in self.notes if not note.startswith(_WARNING))

    def check(self, model_id: str, search: ModelSearch) -> None:
        """Raises a ValueError where the search of a model is not this one."""
        if len(search.combinations) * self.num_scores != self.num_trials:
            raise ValueError(f"the search of model '{model_id}' has not the {self.num_trials} trials of the run")
        for one in search.combinations:
            if len(one.scores) != self.num_scores:
                raise ValueError(
                    f"the search of model '{model_id}' needs {self.num_scores} scores a combination, "
                    f"got {len(one.scores)}"
                )
            if set(one.settings) != set(self.keys):
                raise ValueError(f"the search of model '{model_id}' has not the settings of the run")


def sorted_best_first(search: ModelSearch, row: MetricRow) -> list[int]:
    """Returns the indices of a model's combinations, the best first and those without a mean last.

    Args:
        search: The model's.
        row: The score.
    """
    sign = -1.0 if row.higher_is_better else 1.0

    def place(index: int) -> tuple[bool, float, bool, bool]:
        mean = search.combinations[index].mean
        return (mean is None, sign * (mean or 0.0), index != search.chosen, index != search.best)

    return sorted(range(len(search.combinations)), key=place)
