"""What a search found: the chosen settings, the entry of results.json, the rows of search.csv, predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kbin.catalogue import find_backbone
from kbin.config.models import ModelConfig
from kbin.config.training import TrainingConfig
from kbin.data.datasets import Dataset
from kbin.metric_names import METRICS, metric_row
from kbin.model_run import as_predictions
from kbin.run_files import Predictions
from kbin.search.combinations import settings_text
from kbin.search.plan import SearchPlan
from kbin.search.selection import Combination, Selection, comparable, select
from kbin.search.trials import TrialOutcome


@dataclass(frozen=True, eq=False)
class FoundSettings:
    """The search of one model, finished.

    Attributes:
        model: The entry of `models` as it was.
        plan: Combinations and folds.
        outcomes: What came of the trials, a row a combination, a column a fold.
        combinations: With their scores.
        selection: Which one is chosen; None where every combination failed.
        variants: What each combination makes of the model.
    """

    model: ModelConfig
    plan: SearchPlan
    outcomes: Sequence[Sequence[TrialOutcome]]
    combinations: list[Combination]
    selection: Selection | None
    variants: list[ModelConfig]

    @classmethod
    def of(
        cls,
        model: ModelConfig,
        plan: SearchPlan,
        outcomes: Sequence[Sequence[TrialOutcome]],
        training: TrainingConfig,
    ) -> "FoundSettings":
        """Chooses among the combinations of a model.

        Args:
            model: The entry of `models`.
            plan: Combinations and folds.
            outcomes: What came of the trials, a row a combination, a column a fold.
            training: The section `training`.
        """
        score = plan.settings.score
        variants = plan.variants(model)
        scored = comparable(
            [
                Combination(
                    settings,
                    [None if one.metrics is None else one.metrics[score] for one in row],
                    tuple(one.error for one in row if one.error is not None),
                )
                for settings, row in zip(plan.combinations, outcomes, strict=True)
            ]
        )
        orders = [complexity(variant, training) for variant in variants]
        selection = select(scored, score, plan.settings.folds, plan.settings.select, lambda index: orders[index])
        return cls(model, plan, outcomes, scored, selection, variants)

    @property
    def chosen(self) -> ModelConfig | None:
        """The model with the chosen settings."""
        return None if self.selection is None else self.variants[self.selection.chosen]

    @property
    def error(self) -> str:
        """Why nothing could be chosen."""
        reasons = [error for one in self.combinations for error in one.errors]
        reason = reasons[0] if reasons else f"{self.plan.settings.score} is undefined in every fold"
        return f"no combination of the search has a score: {reason}"

    def entry(self) -> dict[str, Any]:
        """Returns what results.json says of it."""
        selection, folds = self.selection, self.plan.settings.folds
        rows = []
        for place, (one, outcomes) in enumerate(zip(self.combinations, self.outcomes, strict=True)):
            row: dict[str, Any] = {
                "settings": dict(one.settings),
                "scores": list(one.scores),
                "mean": one.mean,
                "standard_deviation": one.standard_deviation,
                "standard_error": one.standard_error(folds),
                "metrics": _mean_metrics(outcomes),
                "within_one_standard_error": selection is not None and place in selection.within,
            }
            rows.append(row | ({"errors": list(dict.fromkeys(one.errors))} if one.errors else {}))
        return {
            "combinations": rows,
            "best": None if selection is None else selection.best,
            "chosen": None if selection is None else selection.chosen,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Returns the rows of search.csv, a row a trial."""
        return [
            self._row(place, number, outcome)
            for place, row in enumerate(self.outcomes)
            for number, outcome in enumerate(row)
        ]

    def _row(self, place: int, number: int, outcome: TrialOutcome) -> dict[str, Any]:
        fold = self.plan.folds[number]
        settings = {key: _cell(value) for key, value in self.plan.combinations[place].items()}
        metrics = outcome.metrics or {}
        return {
            "trial": outcome.id,
            "model": self.model.id,
            "combination": place + 1,
            "repeat": fold.repeat + 1,
            "fold": fold.number + 1,
            "seed": fold.seed,
            **settings,
            "status": "done" if outcome.error is None else "failed",
            "score": metrics.get(self.plan.settings.score),
            "epoch": outcome.epoch,
            "threshold": outcome.threshold,
            "n_train": len(fold.train),
            "n_held_out": len(fold.held_out),
            **{row.name: metrics.get(row.name) for row in METRICS},
            "error": outcome.error,
        }

    def out_of_fold(self, train: Dataset) -> tuple[Predictions, dict[str, np.ndarray]] | None:
        """Returns the chosen combination's predictions of every image by the fold that held it out.

        Returns:
            Predictions in the order of the training set, repeat after repeat, and the columns "repeat" and "fold",
            counted from 1; None where nothing was chosen.
        """
        if self.selection is None:
            return None
        outcomes = self.outcomes[self.selection.chosen]
        folds = self.plan.folds
        positions = np.concatenate([fold.held_out for fold in folds])
        repeats = np.concatenate([np.full(len(fold.held_out), fold.repeat + 1) for fold in folds])
        numbers = np.concatenate([np.full(len(fold.held_out), fold.number + 1) for fold in folds])
        held_out = np.concatenate([one.held_out for one in outcomes if one.held_out is not None])
        order = np.lexsort((positions, repeats))
        probabilities, chosen = held_out[order], positions[order]
        # Names come from the whole set: of a choice that takes images several times they would be numbered.
        predictions = replace(as_predictions(train.select(chosen), probabilities), sample_ids=train.sample_ids[chosen])
        return predictions, {"repeat": repeats[order], "fold": numbers[order]}


def found_lines(found: FoundSettings) -> list[str]:
    """Returns what a search found, for a terminal, as soon as it is known; the run's summary says how sure it is."""
    selection, settings = found.selection, found.plan.settings
    if selection is None:
        return [found.error]
    row = metric_row(settings.score)
    best = found.combinations[selection.best]
    times = f", {settings.repeats} times" if settings.repeats > 1 else ""
    spread = best.standard_deviation
    lines = [
        f"best of {len(found.combinations)} by {row.title.lower()}, mean of {settings.folds} folds{times}: "
        f"{best.mean:{row.format}}"
        + ("" if spread is None else f" (standard deviation {spread:{row.format}})")
        + f": {settings_text(best.settings)}"
    ]
    if selection.chosen != selection.best:
        chosen = found.combinations[selection.chosen]
        lines.append(f"chosen, as the simplest of these: {chosen.mean:{row.format}}: {settings_text(chosen.settings)}")
    return lines


def complexity(model: ModelConfig, training: TrainingConfig) -> tuple[float, ...]:
    """Returns what orders models from simple to complex.

    Fewer trained blocks first, then smaller hidden layers, fewer epochs, more weight decay, more dropout, and a smaller
    learning rate.
    """
    backbone = find_backbone(model.backbone)
    last = model.steps[-1]
    first_unit = backbone.first_trainable_unit(last.train_blocks, last.train_from)
    trained_units = 0 if first_unit is None else len(backbone.units) - backbone.units.index(first_unit)
    settings = [model.training_of(stage, training) for stage in model.steps]
    rate = settings[-1].rate(last.trains_backbone)
    epochs = sum(one.epochs for one in settings)
    hidden = model.head.hidden_units
    return (trained_units, sum(hidden), len(hidden), epochs, -settings[-1].weight_decay, -model.head.dropout, rate)


def _mean_metrics(outcomes: Sequence[TrialOutcome]) -> dict[str, float | None]:
    """Returns the mean of each metric over the folds that define it."""
    means: dict[str, float | None] = {}
    for row in METRICS:
        values = [one.metrics[row.name] for one in outcomes if one.metrics is not None]
        defined = [value for value in values if value is not None]
        means[row.name] = float(np.mean(defined)) if defined else None
    return means


def _cell(value: Any) -> Any:
    """Returns a setting as a cell of a table: lists and sections as one text."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value) if isinstance(value, dict | bool) else value
