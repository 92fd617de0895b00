"""What a shell offers where a value is being typed; where nothing is offered, it offers files of its own accord."""

from collections.abc import Iterable
from pathlib import Path

from kbin.errors import KbinError

_YAML = (".yaml", ".yml")
_MARK_OF_A_RUN = "results.json"
_SHOWN_LETTERS = 8  # of a table's name, as `kbin store` shows it


def experiment_files(incomplete: str) -> list[str]:
    """Returns the YAML files of the folder that is being typed."""
    return [text for text, path in _entries(incomplete) if path.suffix in _YAML and path.is_file()]


def run_folders(incomplete: str) -> list[str]:
    """Returns the folders of finished runs in the folder that is being typed."""
    return [text for text, path in _entries(incomplete) if (path / _MARK_OF_A_RUN).is_file()]


def table_names(incomplete: str) -> list[str]:
    """Returns the names that `kbin store --clear` takes."""
    from kbin.engine.feature_store import FeatureStore  # late: the command line itself needs none of it

    try:
        names = [entry.name[:_SHOWN_LETTERS] for entry in FeatureStore.of_this_machine().entries()]
    except (KbinError, OSError):
        names = []
    return _beginning_with(incomplete, [*names, "all"])


def setting_names(incomplete: str) -> list[str]:
    """Returns the keys that `--set` takes, up to the sign before the value."""
    from pydantic import BaseModel  # late, as above

    from kbin.config.experiment import ExperimentConfig

    def keys(section: type[BaseModel], prefix: str) -> Iterable[str]:
        for name, field in section.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys(kind, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}="

    return _beginning_with(incomplete, keys(ExperimentConfig, ""))


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _entries(incomplete: str) -> list[tuple[str, Path]]:
    """Returns what begins so, as it would be typed, with its path."""
    typed, slash, beginning = incomplete.rpartition("/")
    folder = typed + slash
    try:
        names = sorted(path.name for path in Path(folder or ".").expanduser().iterdir())
    except (OSError, RuntimeError):
        return []
    hidden = beginning.startswith(".")
    return [
        (folder + name, Path(folder + name).expanduser())
        for name in names
        if name.startswith(beginning) and name.startswith(".") <= hidden
    ]
