"""What an audit leaves in a run's folder: findings.json, pictures of the images that it speaks of, groups.csv."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kbin.files import as_csv, as_json
from kbin.run_files import AUDIT
from kbin.runs import RunDirectory

FINDINGS, PICTURES, GROUPS = "findings.json", "pictures", "groups.csv"


class AuditFiles:
    """The folder `audit` of a run.

    Args:
        run: The run's folder.
    """

    def __init__(self, run: RunDirectory):
        self._run = run
        self._folder = run.path / AUDIT

    @property
    def is_there(self) -> bool:
        """Whether the run was audited."""
        return (self._folder / FINDINGS).is_file()

    def save_picture(self, name: str, jpeg: bytes) -> str:
        """Writes a picture of an image, and returns its place in the folder.

        Args:
            name: Of the image, equal for equal images: hexadecimal digits.
            jpeg: The picture.
        """
        place = f"{PICTURES}/{name}.jpg"
        self._run.write(self._folder / place, jpeg, lasting=False)
        return place

    def save_groups(self, rows: Iterable[Sequence[str]]) -> None:
        """Writes groups.csv as `data.groups` takes it: file, group."""
        self._run.write(self._folder / GROUPS, as_csv(["file", "group"], rows))

    def save(self, audit: Mapping[str, Any]) -> None:
        """Writes findings.json, the last file of an audit."""
        self._run.write(self._folder / FINDINGS, as_json(audit))

    def read(self) -> dict[str, Any] | None:
        """Reads findings.json; None where the run was not audited.

        Raises:
            RunFolderError: It is damaged, or leads out of the run's folder.
        """
        return self._run.read_json(f"{AUDIT}/{FINDINGS}") if self._run.has_file(self._folder / FINDINGS) else None

    def remove_unused_pictures(self, shown: Collection[str]) -> None:
        """Removes the pictures of an earlier audit that are not among those shown, by their places in the folder."""
        for picture in self._run.inside(self._folder / PICTURES).glob("*.jpg"):
            if f"{PICTURES}/{picture.name}" not in shown:
                picture.unlink(missing_ok=True)
