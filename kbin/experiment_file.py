"""YAML -> ExperimentConfig: all faults in one message, each with line, key, what is allowed and the nearest match."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from kbin.config.experiment import ExperimentConfig
from kbin.config_faults import fault_lines
from kbin.errors import ConfigError
from kbin.yaml_text import MAX_DEPTH, KeyPath, read_yaml


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Reads an experiment file.

    Args:
        path: The YAML file; paths inside it are relative to its folder.
        overrides: `key.subkey=value` texts, the value in YAML, which take the place of the file's settings.

    Raises:
        ConfigError: The file cannot be read, or holds faults; the message lists all of them.
    """
    document = read_yaml(_read(path), str(path))
    settings = document.value
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: an experiment is a mapping with the keys name, data, models; see `kbin schema`.")
    overridden: dict[tuple[str, ...], str] = {}
    for override in overrides:
        keys, value = _parse_override(override)
        settings = _with_value(settings, keys, value, override)
        overridden[keys] = f"--set {'.'.join(keys)}"

    def where(key: KeyPath) -> str:
        parts = tuple(map(str, key))
        places = [overridden[parts[:end]] for end in range(len(parts), 0, -1) if parts[:end] in overridden]
        line = document.line(key)
        return places[0] if places else f"line {line}" if line else ""

    try:
        return ExperimentConfig.model_validate(settings, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults = fault_lines(error, settings, where)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ConfigError(f"{path}: {count}\n" + "\n".join(f"  {fault}" for fault in faults)) from None


def dump_experiment(config: ExperimentConfig) -> str:
    """Returns the resolved settings as YAML, in the order in which the sections are declared."""
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(_without_unused_search(config.model_dump(mode="json")), stream)
    return stream.getvalue()


def _without_unused_search(settings: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what says nothing of a search, or where there is none: so older folders are known again."""
    models = [
        {key: value for key, value in one.items() if (key, value) != ("search", True)} for one in settings["models"]
    ]
    search = settings["search"]
    if search is not None and not search["random"]:  # a grid has as many as its lists make
        search = {key: value for key, value in search.items() if key != "num_combinations"}
    there = settings | {"models": models, "search": search}
    return {key: value for key, value in there.items() if (key, value) != ("search", None)}


def in_todays_words(text: str) -> str:
    """Returns resolved settings as this version writes them: what an older one did not know has its default.

    Text that is no experiment any more is returned as it is.
    """
    try:
        return dump_experiment(ExperimentConfig.model_validate(read_yaml(text, "the settings there").value))
    except (ConfigError, ValidationError):
        return text


def differing_settings(there: str, here: str) -> list[str]:
    """Returns what differs between two resolved experiments, as `training.epochs: 10 there, 3 here`.

    Raises:
        ConfigError: One of them is not YAML.
    """
    old, new = flat_settings(there, "the settings there"), flat_settings(here, "the settings here")
    return [
        f"{key}: {old.get(key, 'nothing')} there, {new.get(key, 'nothing')} here"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def flat_settings(text: str, name: str) -> dict[str, str]:
    """Returns every setting of an experiment by its dotted key, such as `training.epochs` or `models.0.id`.

    Args:
        text: Resolved settings as YAML.
        name: What a message calls them.

    Raises:
        ConfigError: They are not YAML.
    """
    return dict(_leaves(read_yaml(text, name).value))


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yields dotted keys with their values; a list of plain values is one value."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from _leaves(value, f"{key}.{name}" if key else name)
    elif isinstance(node, list) and any(isinstance(item, dict) for item in node):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{key}.{index}")
    else:
        yield key, str(node)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = sorted(str(other) for other in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        hint = f" Experiment files there: {', '.join(near)}." if near else ""
        raise ConfigError(f"no experiment file at {path}.{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from None


def _parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    """Returns the keys and the value of one `key.subkey=value`."""
    name, equals, text = override.partition("=")
    keys = tuple(name.split("."))
    if not equals or not all(keys) or len(keys) > MAX_DEPTH:
        raise ConfigError(f"--set {override}: write it as key.subkey=value, for example training.epochs=3")
    return keys, read_yaml(text, f"--set {override}").value


def _with_value(node: Any, keys: tuple[str, ...], value: Any, override: str) -> Any:
    """Returns `node` with another value at `keys`; what an alias repeats elsewhere stays as it is."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if node is None or isinstance(node, dict):
        section = node or {}
        return section | {key: _with_value(section.get(key), rest, value, override)}
    if not isinstance(node, list):
        raise ConfigError(f"--set {override}: '{key}' is inside a value, not a section")
    if not key.isdecimal() or int(key) >= len(node):
        raise ConfigError(f"--set {override}: there is no '{key}' in a list of {len(node)}, counted from 0")
    index = int(key)
    return [*node[:index], _with_value(node[index], rest, value, override), *node[index + 1 :]]
