"""Kinds of values that settings share, and what all sections have in common."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from kbin.errors import unknown_name

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

PositiveCount = Annotated[int, Field(strict=True, ge=1)]
CountFromZero = Annotated[int, Field(strict=True, ge=0)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NumberFromZero = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, lt=1)]
Probability = Annotated[float, Field(strict=True, gt=0, lt=1)]
Flag = Annotated[bool, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # numpy's generators take no more


class Section(BaseModel):
    """A part of the experiment file: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def one_of(kind: str, known: Sequence[str]) -> AfterValidator:
    """Returns a check that a name is among the known ones; its message lists them, nearest first."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(unknown_name(kind, name, known))
        return name

    return AfterValidator(check)


def as_list(value: Any) -> Any:
    """Returns a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def from_experiment_file(path: Path, info: ValidationInfo) -> Path:
    """Makes a path of the experiment file absolute: it is relative to the file."""
    folder = (info.context or {}).get("folder")
    try:
        return path.expanduser() if folder is None else (Path(folder) / path.expanduser()).resolve()
    except (RuntimeError, OSError) as error:  # ~nobody, a link to itself
        raise ValueError(f"'{path}' is not a path: {error}") from None


def _folder_name(name: str) -> str:
    if not _FOLDER_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} becomes a folder's name: use at most 100 letters, digits, '.', '_' and '-', "
            "starting with a letter or digit"
        )
    return name


FolderName = Annotated[str, AfterValidator(_folder_name)]
DataPath = Annotated[Path, AfterValidator(from_experiment_file)]
Where = dict[str, Annotated[tuple[str, ...], BeforeValidator(as_list, json_schema_input_type=str | tuple[str, ...])]]
