"""RunDirectory: the folder of one run, from its beginning to its removal; what is in it says `RunFiles`."""

import shutil
from pathlib import Path

from kbin.errors import ConfigError, RunFolderError, StorageError
from kbin.experiment_file import differing_settings, in_todays_words
from kbin.run_files import (
    AUDIT,
    BAD_IMAGES,
    ENVIRONMENT,
    EVENTS,
    EXPERIMENT,
    GROUPS,
    INPUT,
    REPORT,
    RESULTS,
    TABLES,
    TENSORBOARD,
    TRACKING,
    RunFiles,
)
from kbin.run_lock import LOCK_FILES
from kbin.storage_faults import writing

_OTHER_FILES = (REPORT, GROUPS, BAD_IMAGES, "search.csv", TRACKING)
_MAY_CHANGE = ("data.on_bad_image:", "data.max_bad_share:")
_MAY_ALWAYS_CHANGE = ("audit:", "tracking.")  # they change no result
_FOLDERS = ("plots", TABLES, "trials", "unfinished", "models", AUDIT, TENSORBOARD)


class RunDirectory(RunFiles):
    """The folder of one run."""

    def is_finished(self, experiment: str) -> bool:
        """Returns whether the folder already holds the finished results of an experiment.

        Args:
            experiment: The resolved settings as YAML.

        Raises:
            RunFolderError: It holds another experiment, or files that are not a run's.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"{self.path} is a file, not a folder: choose another place with --out.")
        if self.is_a_run:
            self._check_same(self.settings_text(), experiment)
            return (self.path / RESULTS).is_file()
        if self.path.is_dir() and any(one.name not in LOCK_FILES for one in self.path.iterdir()):
            raise RunFolderError(
                f"{self.path} holds files but no {EXPERIMENT} of a run, so it is not a run's folder: choose another "
                "with --out."
            )
        return False

    def begin(self, experiment: str) -> None:
        """Makes the folder and writes the resolved settings, the first file of a run.

        From here on a folder that somebody removes is not made again.

        Raises:
            StorageError: It cannot be written.
        """
        try:
            self._writer.begin(self.inside(self.path / EXPERIMENT), experiment)
        except StorageError as error:
            raise StorageError(f"{error} Another folder is chosen with --out.") from None

    @property
    def is_a_run(self) -> bool:
        """Whether the folder holds a run, finished or not: more than a file that is called as its settings are."""
        if not self.has_file(self.path / EXPERIMENT):
            return False
        if self.has_file(self.path / ENVIRONMENT) or self.has_file(self.path / RESULTS):
            return True
        return {one.name for one in self.path.iterdir()} <= {EXPERIMENT, *_OTHER_FILES, *_FOLDERS, *LOCK_FILES}

    def remove_results(self) -> None:
        """Removes what the run in the folder left and a new one would not replace; other files stay.

        Raises:
            StorageError: They cannot be removed.
        """
        if not self.is_a_run:
            return
        plots = self.drawn().get("plots")
        with writing(self.path):
            for name in (RESULTS, *_OTHER_FILES):  # first what makes it a finished one
                (self.path / name).unlink(missing_ok=True)
            for name in plots if isinstance(plots, dict) else ():
                self.inside(self.path / name).unlink(missing_ok=True)
            for numbers in (self.path / "models").glob(f"*/{INPUT}"):
                self.inside(numbers).unlink(missing_ok=True)
            for folder in (
                *(self.path / "models").glob("*/seed-[0-9]*"),
                self.path / "trials",
                self.path / "unfinished",
                self.path / AUDIT,
            ):
                if self.inside(folder).is_dir() and not folder.is_symlink():
                    shutil.rmtree(folder)
            self._remove_events()

    def _remove_events(self) -> None:
        """Removes the run's own event files, which TensorBoard would draw over those of a new run.

        Not the whole folder: a person may have files of other programs there.
        """
        folder = self.inside(self.path / TENSORBOARD)
        if folder.is_symlink() or not folder.is_dir():
            return
        for path in event_files(folder):
            self.inside(path).unlink()
        # The innermost first; one that holds something else stays.
        for empty in (*folder.glob("*/seed-[0-9]*"), *folder.glob("*"), folder):
            if empty.is_dir() and not empty.is_symlink() and not any(empty.iterdir()):
                empty.rmdir()

    def _check_same(self, there: str, wanted: str) -> None:
        there = in_todays_words(there)
        if there == wanted:
            return
        try:
            differences = differing_settings(there, wanted)
        except ConfigError as error:
            raise RunFolderError(f"{self.path / EXPERIMENT} is damaged: {error}.") from None
        # What to do about bad images is often known only when a run has met them; without results it may change.
        may_change = _MAY_ALWAYS_CHANGE + (() if self.has_file(self.path / RESULTS) else _MAY_CHANGE)
        others = [one for one in differences if not one.startswith(may_change)]
        if differences and not others:
            return
        shown = "; ".join(differences[:5]) + ("; ..." if len(differences) > 5 else "")
        raise RunFolderError(
            f"{self.path} holds another experiment; settings that differ: {shown or 'their order'}. "
            "Choose another folder with --out, or start anew in this one with --fresh."
        )


def event_files(folder: Path) -> list[Path]:
    """Returns a run's event files in the folder that TensorBoard is given: one a model and one a seed.

    Args:
        folder: It may hold other runs too, a level deeper; theirs are not among them.
    """
    return [*folder.glob(f"*/{EVENTS}"), *folder.glob(f"*/seed-[0-9]*/{EVENTS}")]
