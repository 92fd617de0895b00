"""The settings of a search as axes: which of them vary, in what order their values stand, and where."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import TYPE_CHECKING, Any, Literal

from kbin.evaluation.drawing import plain, shortened
from kbin.metric_names import MetricRow
from kbin.report.recorded_search import CombinationResults
from kbin.report.wording import title_in_text
from kbin.search.combinations import short_key, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOGARITHMIC = 20  # from this ratio of largest to smallest on, as of learning rates
_MOST_TICKS = 8  # values that are written at the axis each
_MOST_LETTERS = 40  # of all ticks, in a panel
_SMALLEST_GAP = 0.08  # between ticks, as a share of the axis
_LARGEST = 1e300  # numbers beyond it, which no setting has, are drawn as names
_LONGEST_NAME = 18  # letters, of a value
_LONGEST_SETTING = 24
_LONGEST_TITLE = 42

Scale = Literal["even", "linear", "log"]


@dataclass(frozen=True)
class SettingAxis:
    """One setting that varies.

    Attributes:
        key: The setting.
        values: What it takes, numbers in their order, names as they come.
        scale: Numbers lie where they are, linear or logarithmic; names, and numbers that fit neither, evenly.
    """

    key: str
    values: tuple[Any, ...]
    scale: Scale

    @property
    def name(self) -> str:
        """The setting's name without its section."""
        return short_key(self.key)

    @property
    def title(self) -> str:
        """The setting's name, as it is drawn."""
        return plain(shortened(self.name, _LONGEST_SETTING))

    @property
    def ticks(self) -> list[str]:
        """The values' names, as they are drawn."""
        return [plain(shortened(value_text(value), _LONGEST_NAME)) for value in self.values]

    def index(self, one: CombinationResults) -> int:
        """Returns which of the values a combination has."""
        identity = _identity(one.settings[self.key])
        return next(place for place, value in enumerate(self.values) if _identity(value) == identity)

    def place(self, one: CombinationResults) -> float:
        """Returns where a combination lies on the axis."""
        return float(self.index(one) if self.scale == "even" else one.settings[self.key])

    def apply(self, ax: "Axes") -> None:
        """Makes a horizontal axis of it."""
        ax.set_xlabel(self.title)
        if self.scale == "even":
            crowded = sum(map(len, self.ticks)) > _MOST_LETTERS
            places = range(len(self.values))
            ax.set_xticks(places, self.ticks, rotation=30 if crowded else 0, ha="right" if crowded else "center")
            ax.set_xlim(-0.5, len(self.values) - 0.5)
            return
        if self.scale == "log":
            ax.set_xscale("log")
        if self._has_room():
            ax.set_xticks(self.values, self.ticks)
            ax.xaxis.minorticks_off()
        else:
            _write_numbers(ax, self.scale)
        ax.margins(x=0.08)

    def _has_room(self) -> bool:
        places = [log10(value) if self.scale == "log" else float(value) for value in self.values]
        gaps = [(after - before) / (places[-1] - places[0]) for before, after in pairwise(places)]
        return len(places) <= _MOST_TICKS and min(gaps) >= _SMALLEST_GAP and sum(map(len, self.ticks)) <= _MOST_LETTERS


def plot_title(metric: MetricRow, model_id: str) -> str:
    """Returns the title of a plot of a search, short enough for the smallest one."""
    start = f"Mean {title_in_text(metric.name)}: "
    return start + shortened(model_id, _LONGEST_TITLE - len(start))


def varied(keys: Sequence[str], combinations: Sequence[CombinationResults]) -> list[SettingAxis]:
    """Returns the settings that take several values, in the order of the experiment.

    Args:
        keys: All settings of the search.
        combinations: Of one model.
    """
    axes = []
    for key in keys:
        distinct = {_identity(one.settings[key]): one.settings[key] for one in combinations}
        if len(distinct) > 1:
            values = tuple(sorted(distinct.values(), key=_order))
            axes.append(SettingAxis(key, values, _scale(values)))
    return axes


def is_grid(axes: Sequence[SettingAxis], combinations: Sequence[CombinationResults]) -> bool:
    """Returns whether each pair of values of two settings was tried once."""
    if len(axes) != 2:
        return False
    pairs = {(axes[0].index(one), axes[1].index(one)) for one in combinations}
    return len(pairs) == len(combinations) == len(axes[0].values) * len(axes[1].values)


def _identity(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _order(value: Any) -> tuple[int, float, int]:
    """Returns what sorts values: none, numbers, lists by their sum; names stay in the order in which they come."""
    if value is None:
        return (0, 0.0, 0)
    if _is_number(value):
        return (1, float(value), 0)
    if isinstance(value, list) and all(map(_is_number, value)):
        return (2, float(sum(value)), len(value))
    return (3, 0.0, 0)


def _scale(values: Sequence[Any]) -> Scale:
    if not all(map(_is_number, values)):
        return "even"
    positive = [value for value in values if value > 0]
    is_wide = len(positive) > 1 and positive[-1] / positive[0] >= _LOGARITHMIC
    if not is_wide:
        return "linear"
    if len(positive) == len(values):
        return "log"
    return "even" if len(values) <= _MOST_TICKS else "linear"  # zero has no place on a logarithmic axis


def _write_numbers(ax: "Axes", scale: Scale) -> None:
    """Lets matplotlib choose the ticks, and writes them as settings are written."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    ax.xaxis.set_major_locator(LogLocator(numticks=6) if scale == "log" else MaxNLocator(5))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: value_text(float(value))))
