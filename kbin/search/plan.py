"""What a search will do: combinations, folds, and what a person should know about them, before any trial runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.config.search import SearchConfig, with_settings
from kbin.data.datasets import Dataset
from kbin.data.set_names import TRAIN, VALIDATION
from kbin.metric_names import metric_row
from kbin.search.combinations import combinations
from kbin.search.cross_validation import Fold, FoldPlan, make_folds

_GROUP = "group"  # the column that sources name an image's group in


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """A search, resolved.

    Attributes:
        settings: The section `search`.
        combinations: Settings by key.
        folds: Of the training set, repeat after repeat.
        notes: What a person should know, in plain sentences.
    """

    settings: SearchConfig
    combinations: list[dict[str, Any]]
    folds: list[Fold]
    notes: tuple[str, ...]

    @property
    def num_trials(self) -> int:
        """Trials of each model."""
        return len(self.combinations) * len(self.folds)

    def variants(self, model: ModelConfig) -> list[ModelConfig]:
        """Returns what each combination makes of a model; the model itself where it is not searched."""
        return [with_settings(model, one) for one in self.combinations] if model.search else [model]


def plan_search(config: ExperimentConfig, sets: Mapping[str, Dataset]) -> SearchPlan | None:
    """Returns the search of an experiment; None where it has none.

    Args:
        config: Every setting resolved.
        sets: The labelled sets; the folds are of "train".

    Raises:
        DataError: The training set is too small for so many folds.
    """
    search = config.search
    if search is None:
        return None
    chosen = combinations(search)
    group = config.data.split.group
    share = _validation_share(config, search, chosen, sets)
    plan = FoldPlan(search.folds, search.repeats, search.seed, config.training.seeds, group, share)
    return SearchPlan(search, chosen, make_folds(sets[TRAIN], plan), tuple(_notes(config, search, sets, share)))


def searched_models(config: ExperimentConfig, plan: SearchPlan | None) -> list[ModelConfig]:
    """Returns every model that an experiment trains, with every combination of its search."""
    return [one for model in config.models for one in ([model] if plan is None else plan.variants(model))]


def _validation_share(
    config: ExperimentConfig, search: SearchConfig, chosen: list[dict[str, Any]], sets: Mapping[str, Dataset]
) -> float | None:
    """Returns the validation set's share of what the experiment trains and validates on, where folds need one too.

    The experiment's own validation set would not do: a fold that chose by it would be judged more kindly than another
    that has none, and its images would count twice.
    """
    if VALIDATION not in sets:
        return None
    if not (_chooses_threshold(config, search, sets) or _stops_early(config, chosen)):
        return None
    return len(sets[VALIDATION]) / (len(sets[VALIDATION]) + len(sets[TRAIN]))


def _chooses_threshold(config: ExperimentConfig, search: SearchConfig, sets: Mapping[str, Dataset]) -> bool:
    is_binary = len(sets[TRAIN].classes) == 2
    return is_binary and config.evaluation.threshold.fixed is None and metric_row(search.score).uses_threshold


def _stops_early(config: ExperimentConfig, chosen: list[dict[str, Any]]) -> bool:
    variants = [with_settings(model, one) for model in config.models if model.search for one in chosen]
    return any(
        model.training_of(stage, config.training).early_stopping is not None
        for model in variants
        for stage in model.steps
    )


def _notes(
    config: ExperimentConfig, search: SearchConfig, sets: Mapping[str, Dataset], share: float | None
) -> list[str]:
    notes = []
    if config.data.split.group is not None:
        notes.append(f"Images of one group (column '{config.data.split.group}') are in the same fold.")
    elif _GROUP in sets[TRAIN].columns:
        notes.append(
            f"These are plain folds, although the images have groups (column '{_GROUP}'): images of one group are "
            "trained on and held out, and the scores may be much too good. Set `data.split.group: group`."
        )
    if share is not None:
        notes.append(
            f"Each fold takes {share:.0%} out of its own training part, as large a share as the experiment's "
            "validation set has, for early stopping and the choice of a threshold."
        )
    elif metric_row(search.score).uses_threshold and len(sets[TRAIN].classes) == 2:
        notes.append(f"In the folds the threshold is {config.evaluation.threshold.fixed or 0.5:g}.")
    return notes
