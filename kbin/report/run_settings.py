"""In which settings several runs differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.errors import ConfigError, RunFolderError
from kbin.experiment_file import flat_settings
from kbin.report.compared_runs import ComparedRun

_MODELS = "models"


@dataclass(frozen=True)
class DifferingSetting:
    """A setting, such as `training.epochs`, and its value in each run; None where a run has no such setting."""

    key: str
    values: tuple[str | None, ...]


def differing_run_settings(runs: Sequence[ComparedRun]) -> list[DifferingSetting]:
    """Returns the settings that are not the same in all runs, in the order of the file.

    Models are compared by id, whatever their place in the list. What only some runs have is named once: their own
    settings differ from nothing.

    Raises:
        RunFolderError: The settings of a run are damaged.
    """
    settings, ids = zip(*(_settings(run) for run in runs), strict=True)
    everywhere = [one for one in ids[0] if all(one in others for others in ids)]
    rows = []
    if any(set(one) != set(everywhere) for one in ids):
        rows.append(DifferingSetting(_MODELS, tuple(", ".join(one) for one in ids)))
    for key in dict.fromkeys(key for one in settings for key in one):
        if key.startswith(f"{_MODELS}.") and not any(key.startswith(f"{_MODELS}.{one}.") for one in everywhere):
            continue
        values = tuple(one.get(key) for one in settings)
        if len(set(values)) > 1:
            rows.append(DifferingSetting(key, values))
    return rows


def _settings(run: ComparedRun) -> tuple[dict[str, str], list[str]]:
    """Returns a run's settings with models under their ids, `models.<id>.backbone`, and the ids."""
    try:
        flat = flat_settings(run.folder.settings_text(), "the settings")
    except ConfigError as error:
        raise RunFolderError(f"{run.folder.path} is damaged: {error}") from None
    ids = {
        key.split(".")[1]: value for key, value in flat.items() if key.startswith("models.") and _is_id_of_model(key)
    }
    return {_by_id(key, ids): value for key, value in flat.items()}, list(ids.values())


def _is_id_of_model(key: str) -> bool:
    parts = key.split(".")
    return len(parts) == 3 and parts[2] == "id"


def _by_id(key: str, ids: dict[str, str]) -> str:
    parts = key.split(".")
    if parts[0] == _MODELS and len(parts) > 2 and parts[1] in ids:
        parts[1] = ids[parts[1]]
    return ".".join(parts)
