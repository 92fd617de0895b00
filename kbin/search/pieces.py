"""The trials of a search as pieces of work that do not need one another: run here or on another machine."""

from kbin.engine.memory_errors import is_out_of_memory, memory_explained
from kbin.errors import IntegrityError, KbinError, TrainingError
from kbin.search.network_trials import NetworkTrial, SharedImages, run_network
from kbin.search.stacks import HeadStack, SharedFeatures, run_stack
from kbin.search.trials import TrialOutcome, piece_id

Piece = HeadStack | NetworkTrial


def run_piece(piece: Piece, shared: SharedFeatures | SharedImages) -> list[TrialOutcome]:
    """Runs the trials of a piece; a failure is an outcome with its error, and the other pieces go on.

    Args:
        piece: Heads that train at once, or one trial of a network.
        shared: What all pieces of its kind train on.

    Raises:
        KbinError: A fault of the input, of weights or of packages, which concerns every trial.
    """
    try:
        if isinstance(piece, HeadStack) and isinstance(shared, SharedFeatures):
            return run_stack(piece, shared)
        if isinstance(piece, NetworkTrial) and isinstance(shared, SharedImages):
            return run_network(piece, shared)
    except KbinError as error:
        if not isinstance(error, TrainingError | IntegrityError):
            raise
        return _failed(piece, error, is_passing=False)
    except Exception as error:
        # A disk or a memory that is full now need not be so when the trial is run again.
        is_passing = isinstance(error, OSError) or is_out_of_memory(error)
        return _failed(piece, memory_explained(error), is_passing=is_passing)
    raise TypeError(f"a {type(piece).__name__} does not go with {type(shared).__name__}")


def _failed(piece: Piece, error: Exception, *, is_passing: bool) -> list[TrialOutcome]:
    message = f"{type(error).__name__}: {error}"
    return [TrialOutcome(trial_id, message, is_passing=is_passing) for trial_id in piece.trial_ids]


def id_of(piece: Piece) -> str:
    """Returns a piece's id, from those of its trials."""
    return piece_id(piece.trial_ids)
