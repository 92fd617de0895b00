"""Comparisons made by hand for synthetic runs: letters say who is told apart, the numbers are plausible."""

import itertools
from collections.abc import Mapping
from typing import Any

Letters = Mapping[str, Mapping[str, str]]  # metric -> model id -> letters


def with_comparisons(results: dict[str, Any], letters: Mapping[str, Letters]) -> dict[str, Any]:
    """Returns results.json with comparisons; models that share no letter are told apart.

    Args:
        results: As a run has made it.
        letters: Set name -> metric -> model id -> letters.
    """
    values = {model["id"]: model["sets"] for model in results["models"]}
    comparisons = {
        set_name: {
            metric: {
                "method": "By hand.",
                "pairs": [
                    _pair(
                        (first, second),
                        values[first][set_name]["metrics"][metric] - values[second][set_name]["metrics"][metric],
                        not set(given[first]) & set(given[second]),
                    )
                    for first, second in itertools.combinations(given, 2)
                ],
                "letters": dict(given),
            }
            for metric, given in metrics.items()
        }
        for set_name, metrics in letters.items()
    }
    return results | {"comparisons": comparisons}


def _pair(models: tuple[str, str], difference: float, is_apart: bool) -> dict[str, Any]:
    reach = abs(difference) / 2 if is_apart else abs(difference) + 0.02
    return {
        "models": list(models),
        "difference": difference,
        "interval": [difference - reach, difference + reach],
        "p_value": 0.0004 if is_apart else 0.41,
        "p_seeds": 0.012 if is_apart else 0.6,
        "p_adjusted": 0.024 if is_apart else 1.0,
        "detectable": 0.012 if is_apart else abs(difference) + 0.012,
        "differ_on": 31.5,
    }
