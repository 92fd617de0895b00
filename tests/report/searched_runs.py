"""Results of searches, made by hand: settings and the scores of their folds -> what results.json says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

PLAIN_FOLDS = (
    "These are plain folds, although the images have groups (column 'group'): images of one group are trained on and "
    "held out, and the scores may be much too good. Set `data.split.group: group`."
)
ALIKE = "In the folds the threshold is 0.5."
RATE, EPOCHS, UNITS = "training.learning_rate", "training.epochs", "head.hidden_units"

GRID_MEANS = {
    1e-4: (0.798, 0.871, 0.912, 0.931),
    1e-3: (0.962, 0.971, 0.976, 0.980),
    1e-2: (0.968, 0.974, 0.977, 0.978),
    1e-1: (0.951, 0.931, 0.962, 0.958),
}


@dataclass(frozen=True)
class Tried:
    """One combination: its settings, its scores, and the errors of its trials."""

    settings: Mapping[str, Any]
    scores: Sequence[float | None]
    errors: Sequence[str] = ()


@dataclass(frozen=True)
class Searched:
    """The search of one model.

    Attributes:
        tried: The combinations.
        score: The metric.
        lower_is_better: Of the metric.
        folds: Of one repeat.
        chosen: Index of the chosen combination; None for the best one.
        select: The rule.
    """

    tried: Sequence[Tried]
    score: str = "accuracy"
    lower_is_better: bool = False
    folds: int = 5
    repeats: int = 1
    chosen: int | None = None
    select: str = "best"
    refit: bool = True
    notes: Sequence[str] = field(default_factory=lambda: (ALIKE,))

    def of_run(self) -> dict[str, Any]:
        """Returns the entry of the run."""
        return {
            "score": self.score,
            "folds": self.folds,
            "repeats": self.repeats,
            "select": self.select,
            "refit": self.refit,
            "keys": list(self.tried[0].settings),
            "num_trials": len(self.tried) * self.folds * self.repeats,
            "notes": list(self.notes),
        }

    def of_model(self) -> dict[str, Any]:
        """Returns the entry of a model."""
        rows = [self._row(one) for one in self.tried]
        sign = -1 if self.lower_is_better else 1
        means = {place: sign * row["mean"] for place, row in enumerate(rows) if row["mean"] is not None}
        best = max(means, key=means.__getitem__) if means else None
        for place, row in enumerate(rows):
            least = None if best is None else means[best] - (rows[best]["standard_error"] or 0.0)
            row["within_one_standard_error"] = least is not None and means.get(place, least - 1) >= least
        chosen = best if self.chosen is None else self.chosen
        return {"combinations": rows, "best": best, "chosen": chosen, "seconds": 61.5}

    def _row(self, one: Tried) -> dict[str, Any]:
        defined = [score for score in one.scores if score is not None]
        known = bool(defined) and not one.errors
        deviation = stdev(defined) if known and len(defined) > 1 else None
        row = {
            "settings": dict(one.settings),
            "scores": list(one.scores),
            "mean": mean(defined) if known else None,
            "standard_deviation": deviation,
            "standard_error": None if deviation is None else deviation / min(self.folds, len(defined)) ** 0.5,
            "metrics": {self.score: mean(defined) if known else None},
        }
        return row | ({"errors": list(one.errors)} if one.errors else {})

    def into(self, results: dict[str, Any]) -> dict[str, Any]:
        """Returns results with this search in every model; without `refit`, the models lose their results."""
        results["search"] = self.of_run()
        for model in results["models"]:
            model["search"] = self.of_model()
            if not self.refit and model["status"] == "done":
                model |= {"sets": {}, "epoch": [], "seconds": {}}
        return results


def around(middle: float, step: float = 0.004) -> list[float]:
    """Returns five scores with a mean: two steps below it to two above."""
    return [round(middle + place * step, 6) for place in (-2, 2, 0, 1, -1)]


def grid(**changes: Any) -> Searched:
    """Returns a grid as study 1's: four learning rates times four numbers of epochs; the eighth is the best."""
    tried = [
        Tried({RATE: rate, EPOCHS: epochs}, around(value))
        for rate, values in GRID_MEANS.items()
        for epochs, value in zip((3, 5, 7, 9), values, strict=True)
    ]
    return Searched(tried, **changes)


def one_setting(**changes: Any) -> Searched:
    """Returns a search of the learning rate alone."""
    tried = [Tried({RATE: rate}, around(value)) for rate, value in ((1e-4, 0.8), (1e-3, 0.95), (1e-2, 0.948))]
    return Searched(tried, **changes)


def drawn_settings(number: int = 12, **changes: Any) -> Searched:
    """Returns a random search of three settings, of lists and nulls among them."""
    layers: tuple[list[int], ...] = ([], [256], [512, 128])
    tried = [
        Tried(
            {
                RATE: float(f"{1e-4 * 1.7**place:.4g}"),
                UNITS: layers[place % 3],
                "training.class_weight": (None, "balanced")[place % 2],
            },
            around(0.80 + 0.01 * ((place * 7) % 11), 0.01),
        )
        for place in range(number)
    ]
    return Searched(tried, **changes)
