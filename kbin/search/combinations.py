"""Which combinations of settings a search compares: all of a grid, or some that are drawn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from kbin.config.search import RangeConfig, SearchConfig

_DIGITS = 4  # of a drawn number: enough to write it down and use it again


def combinations(search: SearchConfig) -> list[dict[str, Any]]:
    """Returns settings by key, a mapping a combination; one without any settings where nothing is varied.

    Args:
        search: The section `search`.
    """
    if not search.random:
        return _in_order(search, ParameterGrid({key: list(values) for key, values in search.grid.items()}))
    space = {key: _distribution(choice) for key, choice in search.random.items()}
    number = search.num_combinations
    if not any(isinstance(choice, RangeConfig) for choice in search.random.values()):
        number = min(number, len(ParameterGrid(space)))  # scikit-learn warns of more than there are
    drawn = ParameterSampler(space, number, random_state=search.seed)
    return _distinct(_in_order(search, drawn))


def _in_order(search: SearchConfig, drawn: Any) -> list[dict[str, Any]]:
    """Returns plain values under the keys in the order of the file; scikit-learn sorts them."""
    choices = search.grid or search.random
    return [{key: _plain(one[key], choices[key]) for key in search.keys} for one in drawn]


def _plain(value: Any, choice: Any) -> Any:
    if isinstance(value, np.floating) and isinstance(choice, RangeConfig):
        return min(max(float(f"{value:.{_DIGITS}g}"), float(choice.low)), float(choice.high))
    return value


def _distribution(choice: Any) -> Any:
    if not isinstance(choice, RangeConfig):
        return list(choice)
    low, high = choice.low, choice.high
    if choice.is_whole:
        return _WholeNumbers(int(low), int(high), choice.log)
    return loguniform(low, high) if choice.log else uniform(low, high - low)


class _WholeNumbers:
    """Draws whole numbers, both ends included; by their logarithm where that is asked for."""

    def __init__(self, low: int, high: int, log: bool):
        self._low, self._high, self._log = low, high, log

    def rvs(self, random_state: Any = None) -> int:
        """Draws one number, as a distribution of SciPy does."""
        if not self._log:
            return int(randint(self._low, self._high + 1).rvs(random_state=random_state))
        drawn = loguniform(self._low - 0.5, self._high + 0.5).rvs(random_state=random_state)
        return min(max(round(float(drawn)), self._low), self._high)


def _distinct(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns each combination once: ranges of whole numbers repeat themselves."""
    kept: list[dict[str, Any]] = []
    for one in drawn:
        if one not in kept:
            kept.append(one)
    return kept


def settings_text(settings: Mapping[str, Any]) -> str:
    """Returns a combination in a few words: `learning_rate 0.001, epochs 9`."""
    if not settings:
        return "as configured"
    return ", ".join(f"{short_key(key)} {value_text(value)}" for key, value in settings.items())


def short_key(key: str) -> str:
    """Returns a setting's name without its section."""
    return key.rpartition(".")[2]


def value_text(value: Any) -> str:
    """Returns a value as a person writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    if isinstance(value, list | tuple):
        return "+".join(map(value_text, value)) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name} {value_text(one)}" for name, one in value.items()) or "none"
    return str(value)
