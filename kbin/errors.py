"""The errors that kbin raises: each message says what was given, what is allowed and how to mend it."""

import difflib
from collections.abc import Iterable

_MOST_NAMES = 20  # in one message


class KbinError(Exception):
    """Something that a person can mend; the command line prints its message and exits with `exit_code`."""

    exit_code = 2


class ConfigError(KbinError):
    """The experiment file, or a setting given on the command line, is wrong."""


class DataError(KbinError):
    """The images, labels or splits are not what the experiment needs."""


class EstimatorInputError(DataError, ValueError):
    """What a scikit-learn estimator of kbin was given is wrong; scikit-learn expects a ValueError."""


class BadImagesError(DataError):
    """Images that cannot be read."""


class WeightsError(KbinError):
    """Weights cannot be had, or belong to another network."""


class ModelFileError(KbinError):
    """A model file is missing or damaged, or holds more than a plain model."""


class MissingExtraError(KbinError):
    """A package of an extra is not installed; the message holds the pip command."""


class ClusterError(KbinError):
    """The cluster cannot be reached, lacks something, or lost the work; the message says what to look at."""


class RunFolderError(KbinError):
    """The run folder cannot be used: another experiment, unfinished, damaged."""


class StorageError(KbinError):
    """A file or folder cannot be written: the disk is full, there is no permission, or the folder was removed."""


class UnfinishedError(KbinError):
    """Trials failed for a fault of the machine, not of their settings; the same command runs them again."""

    exit_code = 1


class TrainingError(KbinError):
    """One model cannot be trained with these settings; the others go on."""

    exit_code = 1


class IntegrityError(KbinError):
    """A check that kbin makes on its own results failed; the results are not to be trusted."""

    exit_code = 1


class AddressError(KbinError):
    """What should be the address of a server is none."""


class TrackingError(KbinError):
    """A tracking server is away or does not take what is sent; the run's folder has everything, to be sent later."""

    exit_code = 1


class StoreFullError(KbinError):
    """Features need more room than the store may take; the model is trained uncut."""


# Not one model's fault: where one of these is raised, training the others would meet the same.
CONCERNS_EVERY_MODEL = (ConfigError, DataError, ClusterError, RunFolderError, StorageError)


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """Returns the known names, those most like `name` first."""
    return sorted(known, key=lambda other: -difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio())


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Returns the message for an unknown name: what was given, the nearest match, and what is allowed, at most 20."""
    ordered = nearest_first(name, known)
    closest = difflib.get_close_matches(name.lower(), [other.lower() for other in ordered], n=1, cutoff=0.6)
    hint = f" Did you mean '{ordered[0]}'?" if closest else ""
    more = f" ... and {len(ordered) - _MOST_NAMES} more" if len(ordered) > _MOST_NAMES else ""
    return f"unknown {kind} '{name}'.{hint} Known: {', '.join(ordered[:_MOST_NAMES])}{more}."
