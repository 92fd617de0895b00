"""The section `search`: which settings are compared by cross-validation, in how many folds, and how one is chosen."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from kbin.config.fields import Flag, PositiveCount, Section, Seed, one_of
from kbin.config.models import HeadConfig, ModelConfig, StageConfig
from kbin.config.training import CAN_BE_NULL, OwnTrainingConfig
from kbin.errors import unknown_name
from kbin.metric_names import METRICS

SCORES = tuple(row.name for row in METRICS if not row.is_baseline)

_TRAINING, _HEAD = "training.", "head."
_DEPTHS = ("train_blocks", "train_from")
# What a search may vary: settings of the training, of the head, and how much of the backbone is trained.
SEARCHABLE = (
    *(_TRAINING + name for name in OwnTrainingConfig.model_fields),
    *(_HEAD + name for name in HeadConfig.model_fields if name != "output"),
    *_DEPTHS,
)
_CAN_BE_NONE = tuple(_TRAINING + name for name in CAN_BE_NULL)
_EPOCHS, _WARMUP = _TRAINING + "epochs", _TRAINING + "warmup_epochs"
_QUICK_VALUES = 2


_LARGEST = 10**9
_End = (
    Annotated[int, Field(strict=True, ge=-_LARGEST, le=_LARGEST)]
    | Annotated[float, Field(strict=True, ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
)


class RangeConfig(Section):
    """Numbers from `low` to `high`, drawn evenly, or by their logarithm; whole ones where both ends are whole."""

    low: _End
    high: _End
    log: Flag = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log: true needs a low above 0, got {self.low}")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def _as_values(value: Any) -> Any:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"give a list of values, got {value!r}")
    return tuple(value)


def _as_choice(value: Any) -> Any:
    return value if isinstance(value, Mapping | RangeConfig) else _as_values(value)


Values = Annotated[tuple[Any, ...], BeforeValidator(_as_values, json_schema_input_type=list[Any])]
Choice = Annotated[
    RangeConfig | tuple[Any, ...],
    BeforeValidator(_as_choice, json_schema_input_type=RangeConfig | list[Any]),
]


class SearchConfig(Section):
    """Compare settings by cross-validation on the training set, and train each model with the best of them.

    `grid` tries every combination of the listed values; `random` draws `num_combinations`, each value from a list or
    from a range `{low, high, log}`. Keys are `training.<setting>`, `head.<setting>`, `train_blocks` and `train_from`;
    without any, the settings of the file are cross-validated as they are. `folds` are stratified by class and keep the
    groups of `data.split.group` together; each of `repeats` draws folds anew and trains with the next of
    `training.seeds`. `score` is any metric; `select: one_standard_error` takes the simplest combination within one
    standard error of the best. `refit: false` trains nothing after the search.
    """

    folds: Annotated[int, Field(strict=True, ge=2)] = 5
    repeats: PositiveCount = 1
    seed: Seed = 0
    grid: dict[str, Values] = Field(default_factory=dict)
    random: dict[str, Choice] = Field(default_factory=dict)
    num_combinations: PositiveCount = 20
    score: Annotated[str, one_of("metric", SCORES)] = "accuracy"
    select: Literal["best", "one_standard_error"] = "best"
    refit: Flag = True

    @field_validator("grid")
    @classmethod
    def _settings_that_there_are(cls, grid: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for key, values in grid.items():
            _check_values(key, values)
        _check_depths(grid)
        return grid

    @field_validator("random")
    @classmethod
    def _ranges_that_there_are(cls, space: dict[str, Any]) -> dict[str, Any]:
        for key, choice in space.items():
            _check_values(key, (choice.low, choice.high) if isinstance(choice, RangeConfig) else choice)
        _check_depths(space)
        return space

    @model_validator(mode="after")
    def _one_way_to_search(self) -> Self:
        if self.grid and self.random:
            raise ValueError("give `grid` or `random`, not both")
        # Resolved settings of older runs name the default beside a grid.
        is_default = self.num_combinations == type(self).model_fields["num_combinations"].default
        if "num_combinations" in self.model_fields_set and not self.random and not is_default:
            raise ValueError("`num_combinations` belongs to `random`; a grid has as many as its lists make")
        return self

    def check_model(self, model: ModelConfig) -> None:
        """Raises a ValueError where a value cannot be set on a model, or would change nothing."""
        for key in self.keys:
            stages_with_it = [s for s in model.stages if key.removeprefix(_TRAINING) in s.model_fields_set]
            if stages_with_it:
                raise ValueError(f"{key} is searched, but a stage of {model.id} sets it: leave it out there")
            choice = (self.grid or self.random)[key]
            for value in (choice.low, choice.high) if isinstance(choice, RangeConfig) else choice:
                try:
                    with_settings(model, {key: value})
                except ValueError as error:
                    raise ValueError(f"{key}: {value!r} does not go with {model.id}: {error}") from None

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings that are varied, in the order of the file."""
        return tuple(self.grid or self.random)

    def quick(self) -> "SearchConfig":
        """Returns the same search as a minute's trial: two folds, two values of everything, few epochs."""
        space = {key: (1, 2) if key == _EPOCHS else choice for key, choice in self.random.items() if key != _WARMUP}
        return self.model_copy(
            update={
                "folds": 2,
                "repeats": 1,
                "grid": {key: _quick_values(key, values) for key, values in self.grid.items() if key != _WARMUP},
                "random": space,
                "num_combinations": min(self.num_combinations, _QUICK_VALUES**2),
            }
        )


def searches_depth(search: Mapping[str, Any]) -> bool:
    """Returns whether a section `search`, as it is written, varies how much of the backbone is trained."""
    spaces = [search.get(name) for name in ("grid", "random")]
    return any(key in space for space in spaces if isinstance(space, Mapping) for key in _DEPTHS)


def with_settings(model: ModelConfig, settings: Mapping[str, Any]) -> ModelConfig:
    """Returns a model with other settings.

    Args:
        model: An entry of `models`, of one depth.
        settings: Values by key, `training.learning_rate: 1e-3`.

    Raises:
        ValueError: They do not go with the model: a depth that the backbone does not have.
    """
    own = model.training.model_dump(exclude_unset=True)
    head = model.head.model_dump()
    depth = {"train_blocks": model.train_blocks, "train_from": model.train_from}
    if any(key in settings for key in _DEPTHS):
        depth = {}  # one of the two takes the place of both
    own |= {key.removeprefix(_TRAINING): value for key, value in settings.items() if key.startswith(_TRAINING)}
    head |= {key.removeprefix(_HEAD): value for key, value in settings.items() if key.startswith(_HEAD)}
    depth |= {key: settings[key] for key in _DEPTHS if key in settings}
    kept = model.model_dump(exclude={"training", "head", *_DEPTHS})
    kept["stages"] = [stage.model_dump(exclude_unset=True) for stage in model.stages]
    try:
        return ModelConfig.model_validate(kept | {"training": own, "head": head} | depth)
    except ValidationError as error:
        raise ValueError(_first_message(error)) from None


def _quick_values(key: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if key == _EPOCHS:
        return tuple(sorted({min(2, value) for value in values}))
    return values[:_QUICK_VALUES]


def _check_values(key: str, values: tuple[Any, ...]) -> None:
    """Raises where a setting is unknown, or one of its values is not allowed, or given twice."""
    if key not in SEARCHABLE:
        raise ValueError(unknown_name("setting to search", key, SEARCHABLE))
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"{key}: {value!r} is given twice")
        if value is None and key not in _CAN_BE_NONE:
            raise ValueError(f"{key}: null would change nothing; give values")
        try:
            if key.startswith(_TRAINING):
                OwnTrainingConfig.model_validate({key.removeprefix(_TRAINING): value})
            elif key.startswith(_HEAD):
                HeadConfig.model_validate({key.removeprefix(_HEAD): value})
            else:
                StageConfig.model_validate({key: value})
        except ValidationError as error:
            hint = "; write a list of lists: [[], [256]]" if key == "head.hidden_units" else ""
            raise ValueError(f"{key}: {value!r} is not allowed: {_first_message(error)}{hint}") from None


def _first_message(error: ValidationError) -> str:
    return str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")


def _check_depths(space: Mapping[str, Any]) -> None:
    if all(key in space for key in _DEPTHS):
        raise ValueError("search `train_blocks` or `train_from`, not both")
