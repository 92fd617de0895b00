"""The settings in force for one model of a run, each under one name, whatever model it belongs to."""

from collections.abc import Mapping
from typing import Any

from kbin.deploy.tracking.tracked_run import text_values
from kbin.errors import ConfigError, RunFolderError
from kbin.experiment_file import flat_settings
from kbin.run_files import EXPERIMENT
from kbin.runs import RunDirectory

_SECTIONS = ("data", "training", "augment", "engine", "evaluation", "search")
_SAID_ELSEWHERE = ("id", "search", "training.seeds")


def run_parameters(run: RunDirectory, entry: Mapping[str, Any]) -> dict[str, str]:
    """Returns settings by dotted name, such as `backbone`, `head.dropout`, `training.learning_rate`, `data.path`.

    What a model does differently from the section `training`, and what a search chose for it, stands in its place.

    Args:
        run: The run.
        entry: The model's entry in results.json.

    Raises:
        RunFolderError: The settings are damaged.
    """
    try:
        flat = flat_settings(run.settings_text(), EXPERIMENT)
    except ConfigError as error:
        raise RunFolderError(f"{run.path} is damaged: {error}") from None
    settings: dict[str, Any] = {key: value for key, value in flat.items() if key.split(".")[0] in _SECTIONS}
    settings |= _of_model(flat, str(entry["id"]))
    settings |= {"backbone": entry.get("backbone"), "weights": entry.get("weights")}
    settings |= _chosen_by_search(entry.get("search"))
    if not entry.get("stages"):  # each has its own
        settings |= {"train_blocks": entry.get("train_blocks"), "training.learning_rate": entry.get("learning_rate")}
    return text_values((key, value) for key, value in settings.items() if key not in _SAID_ELSEWHERE)


def _of_model(flat: Mapping[str, str], model_id: str) -> dict[str, Any]:
    """Returns the settings of an entry of `models`: `models.1.head.dropout` as `head.dropout`."""
    for key, value in flat.items():
        parts = key.split(".")
        if len(parts) == 3 and parts[0] == "models" and parts[2] == "id" and value == model_id:
            start = f"models.{parts[1]}."
            return {name.removeprefix(start): one for name, one in flat.items() if name.startswith(start)}
    return {}


def _chosen_by_search(search: Any) -> dict[str, Any]:
    """Returns the settings that a search chose, as its grid names them."""
    if not isinstance(search, dict) or not isinstance(search.get("chosen"), int):
        return {}
    return dict(search["combinations"][search["chosen"]]["settings"])
