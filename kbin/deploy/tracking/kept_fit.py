"""The run of a `model.fit` that a server did not take: a file, from which it is sent later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kbin.deploy.tracking.tracked_run import Point, TrackedRun
from kbin.errors import RunFolderError
from kbin.files import as_json, read_file, write_whole

_Text = Annotated[str, Field(max_length=10_000)]


class KeptFit(BaseModel):
    """A run with all its values, and where it should have gone.

    Attributes:
        uri: Of MLflow, without credentials; None is wherever MLflow is by default.
        experiment: Its name there.
        identity: By which the run is found there, if some of it was sent.
        name: Of the run.
        params: Settings by name.
        tags: Text by name.
        points: Values as (metric, value, step, milliseconds since 1970).
        start: Milliseconds since 1970.
        end: Likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: _Text | None
    experiment: _Text
    identity: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    name: _Text
    params: dict[str, _Text]
    tags: dict[str, _Text]
    points: list[tuple[str, Annotated[float, Field(allow_inf_nan=False)], int, int]]
    start: int
    end: int

    def run(self, files: Mapping[str, Path]) -> TrackedRun:
        """Returns the run.

        Args:
            files: Its place on the server -> file here; none is named in the file of the run itself.
        """
        return TrackedRun(
            key="fit",
            name=self.name,
            params=self.params,
            tags=self.tags,
            points=tuple(Point(*one) for one in self.points),
            files=files,
            start=self.start,
            end=self.end,
        )

    def save(self, path: Path) -> None:
        """Writes the file.

        Raises:
            StorageError: It cannot be written.
        """
        write_whole(path, as_json(self.model_dump(mode="json")))


def read_kept_fit(path: Path) -> KeptFit:
    """Reads such a file.

    Raises:
        RunFolderError: It is none, or is damaged.
    """
    try:
        return KeptFit.model_validate_json(read_file(path))
    except (OSError, ValidationError, ValueError) as error:
        raise RunFolderError(
            f"{path} is neither a run's folder nor a run that `kbin.MlflowLogger` kept ({type(error).__name__})."
        ) from None
