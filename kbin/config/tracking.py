"""The section `tracking`: where else parameters, metrics, plots, page and models of a run are shown."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_serializer

from kbin.config.fields import DataPath, Flag, Section
from kbin.credentials import without_credentials

_LONGEST_NAME, _LONGEST_TAG, _MOST_TAGS = 200, 500, 50
_OURS = ("mlflow.", "kbin.")


def _not_blank(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"got {without_credentials(text)!r}: give text, or leave it out")
    return text.strip()


def _free_tags(tags: dict[str, str]) -> dict[str, str]:
    taken = sorted(name for name in tags if name.startswith(_OURS) or not name.strip())
    if taken:
        raise ValueError(f"tags may not be empty or begin with {' or '.join(_OURS)}; got {', '.join(taken)}")
    return tags


Text = Annotated[str, AfterValidator(_not_blank)]
Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_not_blank)]


class MlflowConfig(Section):
    """An MLflow server, or a local store of MLflow (extra `mlflow`).

    `uri: null` stands for the environment variable MLFLOW_TRACKING_URI, and where that is not set for MLflow's own
    default, `sqlite:///mlflow.db` in the working directory. `experiment: null` is the experiment's `name`. `run_name`
    stands before the names of the models. `models: false` sends everything but the trained models. A user and password
    in the address are used, and written nowhere; MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD do the same.
    """

    uri: Text | None = None
    experiment: Name | None = None
    run_name: Name | None = None
    tags: Annotated[
        dict[str, Annotated[str, Field(max_length=_LONGEST_TAG)]],
        Field(max_length=_MOST_TAGS),
        AfterValidator(_free_tags),
    ] = Field(default_factory=dict)
    models: Flag = True

    @field_serializer("uri")
    def _as_written_to_files(self, uri: str | None) -> str | None:
        return None if uri is None else without_credentials(uri)


class TensorBoardConfig(Section):
    """Event files for TensorBoard (extra `tensorboard`), by default in the folder `tensorboard` of the run."""

    folder: DataPath | None = None

    @field_serializer("folder")
    def _as_text(self, folder: Path | None) -> str | None:
        return None if folder is None else str(folder)


def _true_is_all_defaults(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class TrackingConfig(Section):
    """Where a run is shown besides its own page: `mlflow: true` and `tensorboard: true` take all defaults.

    The run's folder stays the truth: what a server does not take is sent later by `kbin track`.
    """

    mlflow: Annotated[
        MlflowConfig | None,
        BeforeValidator(_true_is_all_defaults, json_schema_input_type=bool | MlflowConfig | None),
    ] = None
    tensorboard: Annotated[
        TensorBoardConfig | None,
        BeforeValidator(_true_is_all_defaults, json_schema_input_type=bool | TensorBoardConfig | None),
    ] = None

    @property
    def is_asked_for(self) -> bool:
        """Whether anything is tracked."""
        return self.mlflow is not None or self.tensorboard is not None
